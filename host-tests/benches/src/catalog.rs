//! The catalogs of the suite: the demonstration catalog, and longer ones made of its documents.

use ccs_modules_host::stores;
use serde_json::{Map, Value};

/// The demonstration catalog: real documents, in compact form.
pub fn demo() -> Vec<Vec<u8>> {
    stores::demo().into_documents()
}

/// A catalog of this many modules: the documents of the demonstration catalog repeated, each with
/// its own uid.
pub fn of(modules: usize) -> Vec<Vec<u8>> {
    let models: Vec<_> = demo().into_iter().map(|document| around_uid(&document)).collect();
    let models = models.iter().cycle().take(modules).enumerate();
    models.map(|(index, (before, after))| format!("{before}{index:032x}{after}").into()).collect()
}

/// The document that a get asks for: neither the first that a store finds nor the last.
pub fn middle(documents: &[Vec<u8>]) -> &[u8] {
    &documents[documents.len() / 2]
}

/// The path of that document's module in the demonstration catalog.
pub fn middle_target() -> String {
    format!("/v1/modules/{}", uid(middle(&demo())))
}

/// The uid of this document; empty if it has none.
pub fn uid(document: &[u8]) -> String {
    object(document)["uid"].as_str().unwrap_or_default().to_owned()
}

/// The same document in another layout: indented, and with its keys in reverse order.
pub fn rearranged(document: &[u8]) -> Vec<u8> {
    let fields: Vec<_> = object(document)
        .iter()
        .rev()
        .map(|(key, value)| format!("  {}: {value}", Value::from(key.as_str())))
        .collect();
    format!("{{\n{}\n}}\n", fields.join(",\n")).into()
}

/// The text of a document before its uid, and after it.
fn around_uid(document: &[u8]) -> (String, String) {
    let text = String::from_utf8_lossy(document);
    let (before, after) = text.split_once(&uid(document)).unwrap_or_default();
    (before.to_owned(), after.to_owned())
}

fn object(document: &[u8]) -> Map<String, Value> {
    serde_json::from_slice(document).unwrap_or_default()
}
