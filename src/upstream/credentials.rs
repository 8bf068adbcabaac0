//! Credentials for the upstream.

use alloc::format;
use alloc::string::{String, ToString as _};
use core::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;

use crate::access::UserName;
use crate::config;

/// Credentials for the upstream: a user and a password, which are sent by HTTP Basic (RFC 7617), or a token,
/// which is sent as `Bearer` (RFC 6750). Only the request shows them.
///
/// In JSON they are `{"user":"ann","password":"…"}` or `{"token":"…"}`.
#[derive(Clone, Deserialize, Eq, PartialEq)]
#[serde(try_from = "Fields")]
pub struct Credentials(String);

impl Credentials {
    /// Makes credentials of a user and a password.
    ///
    /// # Errors
    ///
    /// If the user is empty or has a colon, or either has a control character.
    pub fn basic(user: &str, password: &str) -> Result<Self, config::Error> {
        let failed = |field, reason| config::Error::new(field, reason);
        let user = UserName::try_from(user.to_string())
            .map_err(|reason| failed("credentials.user", reason))?;
        let password = Password::try_from(password.to_string())
            .map_err(|reason| failed("credentials.password", reason))?;
        Ok(Self::of_user(&user, &password))
    }

    /// Makes credentials of a token.
    ///
    /// # Errors
    ///
    /// If the token is empty or has a character that no token has: white space, a control character, or one
    /// outside ASCII.
    pub fn bearer(token: &str) -> Result<Self, config::Error> {
        let token = Token::try_from(token.to_string());
        let failed = |reason| config::Error::new("credentials.token", reason);
        token.map(|token| Self::of_token(&token)).map_err(failed)
    }

    fn of_user(UserName(user): &UserName, Password(password): &Password) -> Self {
        Self(format!("Basic {}", BASE64.encode(format!("{user}:{password}"))))
    }

    fn of_token(Token(token): &Token) -> Self {
        Self(format!("Bearer {token}"))
    }

    /// Makes the credentials of this header field `authorization`, which a client sent.
    pub(crate) fn of_field(field: &str) -> Self {
        Self(field.into())
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

/// The members of the object.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    user: Option<UserName>,
    password: Option<Password>,
    token: Option<Token>,
}

impl TryFrom<Fields> for Credentials {
    type Error = &'static str;

    fn try_from(fields: Fields) -> Result<Self, Self::Error> {
        match (&fields.user, &fields.password, &fields.token) {
            (Some(user), Some(password), None) => Ok(Self::of_user(user, password)),
            (None, None, Some(token)) => Ok(Self::of_token(token)),
            _ => Err("expected either user and password, or token"),
        }
    }
}

/// A password that HTTP Basic can carry.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Password(String);

impl TryFrom<String> for Password {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let valid = !text.chars().any(char::is_control);
        valid.then_some(Self(text)).ok_or("expected a password without control characters")
    }
}

/// A token that a header field can carry.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Token(String);

impl TryFrom<String> for Token {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let valid = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        valid
            .then_some(Self(text))
            .ok_or("expected a token, not empty, of printable ASCII without spaces")
    }
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn a_token_is_sent_as_it_is() {
        assert_eq!(Credentials::bearer("a.b-c_d=").unwrap().into_field(), "Bearer a.b-c_d=");
        for wrong in ["", "a b", "a\r\nx: y", "é"] {
            let error = Credentials::bearer(wrong).unwrap_err().to_string();
            assert!(error.starts_with("credentials.token: expected a token"), "{error}");
        }
    }

    #[test]
    fn json_has_a_user_and_a_password_or_a_token() {
        let read = |text: &str| config::parse::<Credentials>(text.as_bytes());
        let token = read(r#"{"token":"a.b"}"#).unwrap();
        assert_eq!(token.into_field(), "Bearer a.b");
        let user = read(r#"{"user":"Aladdin","password":"open sesame"}"#).unwrap();
        assert_eq!(user.into_field(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");

        const EITHER: &str = "expected either user and password, or token";
        for (text, expected) in [
            ("{}", EITHER),
            (r#"{"user":"secret"}"#, EITHER),
            (r#"{"user":"a","password":"b","token":"c"}"#, EITHER),
            (r#"{"user":"a","token":"c"}"#, EITHER),
            (r#"{"token":"se cret"}"#, "token: expected a token"),
            (r#"{"user":"a:b","password":""}"#, "user: expected a name"),
            (r#"{"secret":1}"#, "secret: unknown field, expected one of user, password, token"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{text}: {error}");
        }
    }
}
