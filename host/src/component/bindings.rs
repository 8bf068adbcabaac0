//! Rust bindings of the contract, generated from `wit/`.

#![allow(missing_docs, reason = "what the generator adds to the documented contract")]

use ccs_modules::access;

use self::exports::ccs::modules::types;

// One world of both, so that they have the same types.
wasmtime::component::bindgen!({
    path: "wit",
    inline: "
        package ccs:host;
        world components {
            include ccs:modules/plugin@0.1.0;
            include ccs:modules/standalone@0.1.0;
        }
    ",
    imports: { default: async },
    exports: {
        // It waits for nothing, so it needs no stack of its own.
        "ccs:modules/snapshot.[method]snapshot.handle": exact,
        default: async,
    },
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
