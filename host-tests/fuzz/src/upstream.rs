//! What the Envoy filter's configuration is parsed into: the data without the calls to the proxy.

use std::time::Duration;

pub struct Upstream {
    pub cluster: String,
    pub authority: String,
    pub list: String,
    pub module: Option<ModulePath>,
    pub timeout: Duration,
    pub headers: Vec<(String, String)>,
}

pub struct ModulePath {
    pub before: String,
    pub after: String,
}
