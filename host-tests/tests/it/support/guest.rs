//! Misbehaving guests, written as WebAssembly text.

use std::path::Path;

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// A component of world `plugin` whose `list-modules` is this WebAssembly text. The text returns a
/// pointer, which no guest of these tests reaches.
pub fn listing(body: &str) -> Vec<u8> {
    plugin(body, "")
}

/// The same for `handle`.
pub fn handling(body: &str) -> Vec<u8> {
    plugin("", body)
}

fn plugin(list_modules: &str, handle: &str) -> Vec<u8> {
    let text = format!(
        r#"(module
            (import "ccs:modules/ccs@0.1.0" "list-documents" (func $list-documents (param i32)))
            (memory (export "memory") 1)
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 8)
            (func (export "ccs:modules/catalog@0.1.0#list-modules")
                (param i32 i32) (result i32) {list_modules} unreachable)
            (func (export "ccs:modules/catalog@0.1.0#get-module")
                (param i32 i32 i32 i32) (result i32) unreachable)
            (func (export "ccs:modules/lookup@0.1.0#find-modules")
                (param i32 i32 i32 i32 i32 i32 i32) (result i32) unreachable)
            (func (export "ccs:modules/lookup@0.1.0#latest-modules")
                (param i32 i32) (result i32) unreachable)
            (func (export "ccs:modules/lookup@0.1.0#fitting-modules")
                (param i32 i32 i32 i32) (result i32) unreachable)
            (func (export "ccs:modules/rest@0.1.0#handle")
                (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32) {handle} unreachable))"#
    );
    let mut module = wat::parse_str(text).unwrap();
    let mut resolve = Resolve::default();
    let wit = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("wit");
    let (package, _) = resolve.push_dir(wit).unwrap();
    let world = resolve.packages[package].worlds["plugin"];
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default().module(&module).unwrap().encode().unwrap()
}
