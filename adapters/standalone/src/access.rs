//! Interface `access`.

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use ccs_modules::rest::header_fields;

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
        self.0.caller(&header_fields(&headers)).into()
    }
}
