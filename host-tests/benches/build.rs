//! Passes the build profile on to the suite, because only a build script knows it.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    for name in ["OPT_LEVEL", "CARGO_CFG_TARGET_FEATURE"] {
        println!("cargo::rustc-env=SUITE_{name}={}", env::var(name).unwrap_or_default());
    }
}
