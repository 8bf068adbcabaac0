//! The bindings of the component, for one of the two drafts.

#![allow(clippy::crate_in_macro_def, missing_docs, unsafe_code)]

#[cfg(not(feature = "draft2"))]
wit_bindgen::generate!({
    path: ["../../wit", "../wasi/0.2", "../wasi/keyvalue-draft", "wit/draft"],
    world: "ccs:keyvalue/bridge",
    generate_all,
    pub_export_macro: true,
    default_bindings_module: "crate::bindings",
});
#[cfg(feature = "draft2")]
wit_bindgen::generate!({
    path: ["../../wit", "../wasi/0.2", "../wasi/keyvalue-draft2", "wit/draft2"],
    world: "ccs:keyvalue/bridge",
    generate_all,
    pub_export_macro: true,
    default_bindings_module: "crate::bindings",
});
