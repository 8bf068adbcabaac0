//! Rust bindings of the contract, generated from `wit/`.

#![allow(missing_docs, reason = "what the generator adds to the documented contract")]

wasmtime::component::bindgen!({
    path: "../wit",
    world: "plugin",
    imports: { default: async },
    exports: { default: async },
    additional_derives: [PartialEq, Eq],
});
