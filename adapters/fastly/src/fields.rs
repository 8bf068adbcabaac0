//! Header fields, which the host hands over in buffers of a given length.

use alloc::string::String;
use alloc::vec::Vec;

use crate::bindings::fastly::compute::http_req::Request;
use crate::bindings::fastly::compute::http_resp::Response;
use crate::bindings::fastly::compute::types::Error;

/// The longest part of a request or a response that is taken, in bytes. Fastly itself takes less.
pub const MOST: u64 = 128 << 10;

/// A message that has header fields.
pub trait Fields {
    /// Returns names from this one on, each with a NUL after it, and the first one that did not fit.
    fn names(&self, first: u32) -> Result<(String, Option<u32>), Error>;

    /// Returns values of a name from this one on, in the same form.
    fn values(&self, name: &str, first: u32) -> Result<(Vec<u8>, Option<u32>), Error>;
}

impl Fields for Request {
    fn names(&self, first: u32) -> Result<(String, Option<u32>), Error> {
        self.get_header_names(MOST, first)
    }

    fn values(&self, name: &str, first: u32) -> Result<(Vec<u8>, Option<u32>), Error> {
        self.get_header_values(name, MOST, first)
    }
}

impl Fields for Response {
    fn names(&self, first: u32) -> Result<(String, Option<u32>), Error> {
        self.get_header_names(MOST, first)
    }

    fn values(&self, name: &str, first: u32) -> Result<(Vec<u8>, Option<u32>), Error> {
        self.get_header_values(name, MOST, first)
    }
}

/// Returns the header fields of a message. Fields of one name come together.
pub fn all(message: &impl Fields) -> Result<Vec<(String, Vec<u8>)>, Error> {
    let mut fields = Vec::new();
    let mut first = Some(0);
    while let Some(cursor) = first {
        let (names, next) = message.names(cursor)?;
        for name in names.split_terminator('\0') {
            add_values(message, name, &mut fields)?;
        }
        first = next;
    }
    Ok(fields)
}

fn add_values(
    message: &impl Fields,
    name: &str,
    fields: &mut Vec<(String, Vec<u8>)>,
) -> Result<(), Error> {
    let mut first = Some(0);
    while let Some(cursor) = first {
        let (values, next) = message.values(name, cursor)?;
        let values = values.strip_suffix(b"\0").unwrap_or(&values);
        fields.extend(values.split(|byte| *byte == 0).map(|it| (name.into(), it.to_vec())));
        first = next;
    }
    Ok(())
}
