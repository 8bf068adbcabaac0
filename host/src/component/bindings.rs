//! Rust bindings of the contract, generated from `wit/`.

#![allow(missing_docs, reason = "what the generator adds to the documented contract")]

use ccs_modules::access;

use self::exports::ccs::modules::types;

wasmtime::component::bindgen!({
    path: "wit",
    world: "plugin",
    imports: { default: async },
    exports: { default: async },
    additional_derives: [PartialEq, Eq],
});

impl From<access::Caller> for types::Caller {
    fn from(caller: access::Caller) -> Self {
        match caller {
            access::Caller::Anonymous(roles) => Self::Anonymous(roles),
            access::Caller::Authenticated(roles) => Self::Authenticated(roles),
            access::Caller::Unauthenticated(challenge) => Self::Unauthenticated(challenge),
        }
    }
}

/// The bindings of the world `standalone`.
pub(crate) mod standalone {
    wasmtime::component::bindgen!({
        path: "wit",
        world: "standalone",
        exports: { default: async },
    });
}
