//! The methods that a filter in front of other services answers.

use alloc::string::String;
use core::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error as _};

/// How a filter treats requests on the API's paths with a method that does not read. It hands on every
/// request on [another path](crate::rest::is_api_path).
///
/// ```
/// use ccs_modules::rest::Methods;
///
/// assert!(Methods::Pass.answers("HEAD") && !Methods::Pass.answers("DELETE"));
/// assert!(Methods::Refuse.answers("HEAD") && Methods::Refuse.answers("DELETE"));
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Methods {
    /// They go on to the next service, so that a cluster behind the filter can be administered.
    Pass,
    /// They are answered: OPTIONS with the methods that are allowed, every other one with 405.
    #[default]
    Refuse,
}

impl Methods {
    /// Returns whether the filter answers a request with this method on one of the API's paths; if
    /// not, it hands the request on.
    pub fn answers(self, method: &str) -> bool {
        self == Self::Refuse || matches!(method, "GET" | "HEAD")
    }
}

impl FromStr for Methods {
    type Err = &'static str;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        match word {
            "pass" => Ok(Self::Pass),
            "refuse" => Ok(Self::Refuse),
            _ => Err("expected pass or refuse"),
        }
    }
}

impl<'de> Deserialize<'de> for Methods {
    /// Reads one of the two words. A derived implementation would take an object as well.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        word.parse().map_err(|_| D::Error::unknown_variant(&word, &["pass", "refuse"]))
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use super::*;
    use crate::config;

    #[derive(Debug, serde::Deserialize)]
    struct Fields {
        methods: Methods,
    }

    #[test]
    fn methods_are_pass_or_refuse() {
        let parse = |text: &str| config::parse::<Fields>(text.as_bytes()).map(|it| it.methods);
        assert_eq!(parse(r#"{"methods":"pass"}"#), Ok(Methods::Pass));
        assert_eq!(parse(r#"{"methods":"refuse"}"#), Ok(Methods::Refuse));
        for (text, expected) in [
            (r#"{"methods":"secret"}"#, "methods: expected one of pass, refuse"),
            (r#"{"methods":["pass"]}"#, "methods: an array, expected a string"),
            (r#"{"methods":{"pass":null}}"#, "methods: an object, expected a string"),
            (r#"{"methods":null}"#, "methods: null, expected a string"),
        ] {
            assert_eq!(parse(text).unwrap_err().to_string(), expected, "{text}");
        }
    }
}
