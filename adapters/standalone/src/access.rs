//! Interface `access`.

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use ccs_modules::access::Caller;
use ccs_modules_guest::http::lent;

use crate::Standalone;
use crate::bindings::exports::ccs::modules::access;

impl access::Guest for Standalone {
    type Policy = Policy;
}

pub struct Policy(ccs_modules::access::Policy);

impl access::GuestPolicy for Policy {
    fn parse(text: String) -> Result<access::Policy, String> {
        let policy = ccs_modules::access::Policy::parse(text.as_bytes());
        policy.map(|policy| access::Policy::new(Self(policy))).map_err(|error| error.to_string())
    }

    fn caller(&self, headers: Vec<(String, String)>) -> access::Caller {
        self.0.caller(&lent(&received(headers))).into()
    }
}

impl From<Caller> for access::Caller {
    fn from(caller: Caller) -> Self {
        match caller {
            Caller::Anonymous(roles) => Self::Anonymous(roles),
            Caller::Authenticated(roles) => Self::Authenticated(roles),
            Caller::Unauthenticated(_) => Self::Unauthenticated,
        }
    }
}

ccs_modules_guest::into_caller!(crate::bindings::exports::ccs::modules::access::Caller);

/// Returns header fields as they were received. In a value that was not UTF-8 the host put U+FFFD;
/// such a value is made one that is not UTF-8.
pub fn received(headers: Vec<(String, String)>) -> Vec<(String, Vec<u8>)> {
    let bytes = |value: String| {
        if value.contains(char::REPLACEMENT_CHARACTER) {
            return Vec::from([0xff]);
        }
        value.into_bytes()
    };
    headers.into_iter().map(|(name, value)| (name, bytes(value))).collect()
}
