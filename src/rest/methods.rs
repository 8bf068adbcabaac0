//! The methods that a filter in front of other services answers.

/// The treatment of requests on the API's paths that do not read, in a filter. It hands on every
/// request on [another path](crate::rest::is_api_path).
///
/// ```
/// use ccs_modules::rest::Methods;
///
/// assert!(Methods::Pass.answers("HEAD") && !Methods::Pass.answers("DELETE"));
/// assert!(Methods::Refuse.answers("HEAD") && Methods::Refuse.answers("DELETE"));
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
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
