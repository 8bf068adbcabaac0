//! Says that the artifact stays a module: the linker would make a component of it.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if env::var("TARGET").is_ok_and(|target| target == "wasm32-unknown-unknown") {
        println!("cargo::rustc-link-arg-cdylib=--skip-wit-component");
    }
}
