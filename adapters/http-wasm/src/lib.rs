//! An http-wasm plugin, as Traefik loads it: the API in a proxy's request path. The store is a catalog
//! in the plugin's configuration, or in a file that the proxy mounts. An instance checks it once, when
//! it starts.
//!
//! The plugin sends the core's responses unchanged. Other requests go on to the next handler. A
//! configuration that is wrong ends the instance, so that the proxy does not load the plugin; no
//! configuration makes it trap.

#![cfg(target_family = "wasm")]

mod config;
mod mount;

use ccs_modules::access::Caller;
use ccs_modules::rest::{self, Request};
use http_wasm_guest::host::{self, admin, log};
use http_wasm_guest::{Guest, register};

use crate::config::Config;

/// The plugin, configured.
struct Plugin(Config);

/// The levels of the proxy's log.
const WARNING: i32 = 1;
const ERROR: i32 = 2;

/// Configures the plugin. The proxy calls this once for each instance, before any request.
#[unsafe(export_name = "_initialize")]
#[allow(unsafe_code)]
extern "C" fn initialize() {
    match Config::parse(&admin::config()) {
        Ok(config) => {
            if config.access.is_none() {
                log(
                    WARNING,
                    "there is no access policy: every request is answered with 401; write one under \
                     access",
                );
            }
            register(Plugin(config));
        }
        Err(error) => {
            log(ERROR, &format!("the configuration is refused: {error}"));
            mount::exit();
        }
    }
}

fn log(level: i32, text: &str) {
    log::write(level, format!("ccs-modules: {text}").as_bytes());
}

impl Guest for Plugin {
    /// Answers a request, or hands it on. The number is for the response of the next handler, which is
    /// not used.
    fn handle_request(&self, request: &host::Request, response: &host::Response) -> (bool, i32) {
        const NEXT: (bool, i32) = (true, 0);
        const ANSWERED: (bool, i32) = (false, 0);
        let Self(Config { snapshot, access, methods, limits }) = self;
        // The proxy percent-encodes a path that is not ASCII.
        let target = String::from_utf8_lossy(&request.uri()).into_owned();
        let method = String::from_utf8_lossy(&request.method()).into_owned();
        if !rest::is_api_path(&target) || !methods.answers(&method) {
            return NEXT;
        }
        let headers = headers(&request.header);
        let lent = headers.iter().map(|(name, value)| (name.as_str(), value.as_slice()));
        let headers: Vec<_> = lent.collect();
        let nobody = Caller::Unauthenticated(None);
        let caller = access.as_ref().map_or(nobody, |access| access.caller(&headers));
        let request =
            Request { method: &method, target: &target, headers: &headers, caller: &caller };
        let rest::Response { status, headers, body, .. } = snapshot.handle(&request, limits);
        for (name, value) in &headers {
            response.header.set(name.as_bytes(), value.as_bytes());
        }
        // The proxy sends the head with the status: header fields that are set later do not count.
        response.set_status(status.into());
        if !body.is_empty() {
            response.body.write(&body);
        }
        ANSWERED
    }
}

/// Returns the header fields of a request.
fn headers(header: &host::Header) -> Vec<(String, Vec<u8>)> {
    let fields = header.entries_iter().flat_map(|(name, values)| {
        let name = String::from_utf8_lossy(&name).into_owned();
        values.into_iter().map(move |value| (name.clone(), value.to_vec()))
    });
    fields.collect()
}
