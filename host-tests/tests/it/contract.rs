//! The contract: released interfaces do not change, and every item is documented.

use std::fs;
use std::path::{Path, PathBuf};

use wit_component::semver_check;
use wit_parser::{Docs, PackageId, Resolve, Stability, Type, TypeDefKind, WorldItem};

#[test]
fn the_released_contract_still_holds() {
    let mut resolve = Resolve::default();
    // One `Resolve` refuses the same package in the same version twice. Only the shapes are
    // compared, so the version does not matter.
    let released = push(&mut resolve, &folder("host-tests/tests/contract/0.1.0"), "0.0.1");
    let current = push(&mut resolve, &folder("wit"), "0.1.0");
    for (name, &world) in &resolve.packages[released].worlds {
        let now = resolve.packages[current].worlds[name];
        // The one way for compiled plugins, the other for programs that call a component.
        for (old, new) in [(world, now), (now, world)] {
            semver_check(resolve.clone(), old, new)
                .unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }
}

#[test]
fn everything_is_documented_and_dated() {
    let mut resolve = Resolve::default();
    let package = push(&mut resolve, &folder("wit"), "0.1.0");
    let mut check = Check::default();
    let package = &resolve.packages[package];
    check.documented("package", &package.docs);
    for (name, &interface) in &package.interfaces {
        let interface = &resolve.interfaces[interface];
        check.item(name, &interface.docs, &interface.stability);
        for (type_name, &id) in &interface.types {
            let name = format!("{name}.{type_name}");
            let definition = &resolve.types[id];
            // A type of another interface is documented in that interface.
            if matches!(definition.kind, TypeDefKind::Type(Type::Id(_))) {
                continue;
            }
            check.item(&name, &definition.docs, &definition.stability);
            match &definition.kind {
                TypeDefKind::Record(record) => {
                    for field in &record.fields {
                        check.documented(&format!("{name}.{}", field.name), &field.docs);
                    }
                }
                TypeDefKind::Variant(variant) => {
                    for case in &variant.cases {
                        check.documented(&format!("{name}.{}", case.name), &case.docs);
                    }
                }
                TypeDefKind::Enum(cases) => {
                    for case in &cases.cases {
                        check.documented(&format!("{name}.{}", case.name), &case.docs);
                    }
                }
                TypeDefKind::Flags(flags) => {
                    for flag in &flags.flags {
                        check.documented(&format!("{name}.{}", flag.name), &flag.docs);
                    }
                }
                _ => {}
            }
        }
        for (function, definition) in &interface.functions {
            let name = format!("{name}.{function}");
            check.item(&name, &definition.docs, &definition.stability);
        }
    }
    for (name, &world) in &package.worlds {
        let world = &resolve.worlds[world];
        check.item(name, &world.docs, &world.stability);
        for item in world.imports.values().chain(world.exports.values()) {
            if let WorldItem::Function(function) = item {
                let name = format!("{name}.{}", function.name);
                check.item(&name, &function.docs, &function.stability);
            }
        }
    }
    assert!(check.seen > 0, "nothing was looked at");
    assert!(check.missing.is_empty(), "{}", check.missing.join("\n"));
}

/// The items without documentation.
#[derive(Default)]
struct Check {
    seen: usize,
    missing: Vec<String>,
}

impl Check {
    fn item(&mut self, name: &str, docs: &Docs, stability: &Stability) {
        self.documented(name, docs);
        if !matches!(stability, Stability::Stable { .. }) {
            self.missing.push(format!("{name} has no @since"));
        }
    }

    fn documented(&mut self, name: &str, docs: &Docs) {
        self.seen += 1;
        if docs.contents.as_deref().is_none_or(|text| text.trim().is_empty()) {
            self.missing.push(format!("{name} is not documented"));
        }
    }
}

/// Reads the package in `folder` as if its version were `version`.
fn push(resolve: &mut Resolve, folder: &Path, version: &str) -> PackageId {
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    // The file that names the package comes first in the joined text.
    files.sort_by_key(|path| path.file_stem().is_none_or(|name| name != "world"));
    let texts: Vec<_> = files.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let text = texts.join("\n");
    let text =
        text.replace("package ccs:modules@0.1.0;", &format!("package ccs:modules@{version};"));
    let text = text.replace("@since(version = 0.1.0)", &format!("@since(version = {version})"));
    resolve.push_str(folder, &text).unwrap()
}

fn folder(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(path)
}
