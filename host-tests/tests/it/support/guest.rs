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
    component(&text, "plugin")
}

/// A component of world `keeping`, which exports snapshots. It opens any snapshot, and its `handle` is this
/// WebAssembly text.
pub fn keeping(handle: &str) -> Vec<u8> {
    let method = |name: &str, parameters: usize| {
        format!(
            r#"(func (export "ccs:modules/snapshot@0.1.0#[method]snapshot.{name}")
                (param {}) (result i32) unreachable)"#,
            "i32 ".repeat(parameters)
        )
    };
    let others = [
        ("list-modules", 3),
        ("get-module", 5),
        ("find-modules", 8),
        ("latest-modules", 3),
        ("fitting-modules", 5),
        ("differences", 2),
        ("body", 1),
        ("entity-tag", 1),
        ("len", 1),
    ];
    let others: String = others.map(|(name, parameters)| method(name, parameters)).concat();

    component(
        &format!(
            r#"(module
                (import "[export]ccs:modules/snapshot@0.1.0" "[resource-new]snapshot"
                    (func $new (param i32) (result i32)))
                (memory (export "memory") 1)
                (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 64)
                (func $open (param i32 i32) (result i32)
                    (i32.store offset=4 (i32.const 8) (call $new (i32.const 1)))
                    i32.const 8)
                (export "ccs:modules/snapshot@0.1.0#[static]snapshot.parse" (func $open))
                (export "ccs:modules/snapshot@0.1.0#[static]snapshot.from-documents" (func $open))
                {others}
                (func (export "ccs:modules/snapshot@0.1.0#[method]snapshot.handle")
                    (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
                    {handle} unreachable))"#
        ),
        "keeping",
    )
}

/// Makes a component of a module, which is WebAssembly text.
fn component(text: &str, world: &str) -> Vec<u8> {
    let mut module = wat::parse_str(text).unwrap();
    let mut resolve = Resolve::default();
    let wit = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("wit");
    resolve.push_dir(wit).unwrap();
    let worlds = "package test:worlds;
        world plugin { include ccs:modules/plugin@0.1.0; }
        world keeping { export ccs:modules/types@0.1.0; export ccs:modules/snapshot@0.1.0; }";
    let package = resolve.push_str("worlds.wit", worlds).unwrap();
    let world = resolve.packages[package].worlds[world];
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default().module(&module).unwrap().encode().unwrap()
}
