//! Links the artifact as a module, with a stack of 256 KiB: the linker would make a component of it.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if env::var("TARGET").is_ok_and(|target| target == "wasm32-unknown-unknown") {
        println!("cargo::rustc-link-arg-cdylib=--skip-wit-component");
        // Enough for documents of the deepest nesting that can be configured. The proxy holds as many
        // instances as there are requests at a time.
        println!("cargo::rustc-link-arg-cdylib=-zstack-size=262144");
    }
}
