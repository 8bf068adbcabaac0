//! Links the artifact as a module, with a stack of 1 MiB: the linker would make a component of it.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if env::var("TARGET").is_ok_and(|target| target == "wasm32-unknown-unknown") {
        println!("cargo::rustc-link-arg-cdylib=--skip-wit-component");
        // The proxy keeps an instance for long, and its SDK needs more stack than a component does.
        println!("cargo::rustc-link-arg-cdylib=-zstack-size=1048576");
    }
}
