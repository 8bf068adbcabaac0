//! The bindings of the component.

#![allow(clippy::crate_in_macro_def, missing_docs, unsafe_code)]

wit_bindgen::generate!({
    path: ["../../wit", "../wasi/0.2", "wit"],
    world: "ccs:redis/bridge",
    generate_all,
    pub_export_macro: true,
    default_bindings_module: "crate::bindings",
});
