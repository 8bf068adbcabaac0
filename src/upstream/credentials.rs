//! Credentials for the upstream.

use alloc::format;
use alloc::string::String;
use core::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::access::UserName;
use crate::config;

/// Credentials for the upstream: HTTP Basic (RFC 7617). Only the request shows them.
#[derive(Clone, Eq, PartialEq)]
pub struct Credentials(String);

impl Credentials {
    /// Makes credentials of a user and a password.
    ///
    /// # Errors
    ///
    /// If the user is empty or has a colon, or either has a control character.
    pub fn basic(user: &str, password: &str) -> Result<Self, config::Error> {
        let UserName(user) = UserName::try_from(String::from(user))
            .map_err(|reason| config::Error::new("credentials.user", reason))?;
        if password.chars().any(char::is_control) {
            let reason = "expected a password without control characters";
            return Err(config::Error::new("credentials.password", reason));
        }
        Ok(Self(format!("Basic {}", BASE64.encode(format!("{user}:{password}")))))
    }

    /// Returns the value of the header field `authorization`.
    pub(super) fn into_field(self) -> String {
        self.0
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials")
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use super::*;

    #[test]
    fn a_user_and_a_password_make_a_header_field() {
        // The example of RFC 7617, section 2.
        let credentials = Credentials::basic("Aladdin", "open sesame").unwrap();
        assert_eq!(format!("{credentials:?}"), "Credentials");
        assert_eq!(credentials.into_field(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    }

    #[test]
    fn a_name_that_basic_cannot_carry_is_refused() {
        for (user, password, field) in [
            ("", "x", "user"),
            ("a:b", "x", "user"),
            ("a\n", "x", "user"),
            ("a", "x\r", "password"),
        ] {
            let error = Credentials::basic(user, password).unwrap_err().to_string();
            assert!(error.starts_with(&format!("credentials.{field}: expected ")), "{error}");
        }
        assert!(Credentials::basic("a", "").is_ok());
        assert!(Credentials::basic("a", "é:").is_ok());
    }
}
