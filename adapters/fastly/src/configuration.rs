//! The configuration of a service: a config store, and a secret store for its secret.

use alloc::format;
use alloc::string::String;

use ccs_modules_guest::Environment;

use crate::bindings::fastly::compute::types::OpenError;
use crate::bindings::fastly::compute::{config_store, secret_store};

/// The name of the config store and of the secret store, and of the KV store unless the configuration
/// names another.
pub const STORE: &str = "ccs-modules";

pub const KEYVALUE_KEY: &str = "CCS_KEYVALUE_KEY";
pub const KEYVALUE_STORE: &str = "CCS_KEYVALUE_STORE";
pub const BACKENDS: &str = "CCS_HTTP_BACKENDS";
const PASSWORD: &str = "CCS_HTTP_PASSWORD";
const URL: &str = "CCS_HTTP_URL";
const USER: &str = "CCS_HTTP_USER";

/// The names that the config store may have. The password of the user is in the secret store.
const NAMES: [&str; 7] =
    ["CCS_ACCESS", BACKENDS, "CCS_HTTP_TIMEOUT_MS", URL, USER, KEYVALUE_KEY, KEYVALUE_STORE];

/// The longest value that is taken, in bytes. A value of a config store has at most 8,000 characters, one of
/// a secret store 64 KiB.
const MOST: u64 = 64 << 10;

/// Reads the configuration. It is empty without a config store.
///
/// # Errors
///
/// The name that cannot be read.
pub fn read() -> Result<Environment, String> {
    let failed = || format!("cannot read the config store \"{STORE}\"");
    let mut configuration = Environment::default();
    let store = match config_store::Store::open(STORE) {
        Ok(store) => store,
        Err(OpenError::NotFound) => return Ok(configuration),
        Err(_) => return Err(failed()),
    };

    for name in NAMES {
        if let Some(value) = store.get(name, MOST).map_err(|_| format!("{name}: {}", failed()))? {
            configuration.set(name, value);
        }
    }
    if configuration.get(USER).is_some()
        && let Some(password) = password()?
    {
        configuration.set(PASSWORD, password);
    }
    Ok(configuration)
}

/// Returns whether the store is a cluster.
pub fn names_cluster(configuration: &Environment) -> bool {
    configuration.get(URL).or(configuration.get(BACKENDS)).is_some()
}

/// Reads the password of the user, if there is one.
fn password() -> Result<Option<String>, String> {
    let failed = || format!("{PASSWORD}: cannot read the secret store \"{STORE}\"");
    let store = match secret_store::Store::open(STORE) {
        Ok(store) => store,
        Err(OpenError::NotFound) => return Ok(None),
        Err(_) => return Err(failed()),
    };
    let Some(secret) = store.get(PASSWORD).map_err(|_| failed())? else { return Ok(None) };
    let password = secret.plaintext(MOST).map_err(|_| failed())?;
    String::from_utf8(password).map(Some).map_err(|_| format!("{PASSWORD}: expected UTF-8"))
}
