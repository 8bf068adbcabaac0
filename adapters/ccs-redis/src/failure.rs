//! The errors of this store, in one line that a client may read.
//!
//! Of what Redis sends, only the code of an error is repeated, which is its first word: the text
//! after it may name users and keys, and contain the arguments of a command.

use alloc::format;
use alloc::string::String;

use ccs_modules::StoreError;

use crate::config::Config;

/// The longest key or address in a text, in characters.
const LONGEST_NAME: usize = 128;

impl Config {
    /// The error for an error reply to a command.
    pub(crate) fn refused(&self, reply: &[u8]) -> StoreError {
        let (redis, key) = (self.redis(), excerpt(&self.key));
        let code = code(reply);
        match code {
            "DENIED" => StoreError::Denied(format!(
                "{redis} is in protected mode: it needs a password, or this host in its settings"
            )),
            "NOAUTH" => {
                StoreError::Denied(format!("{redis} asks for a password: set CCS_REDIS_PASSWORD"))
            }
            "NOPERM" => StoreError::Denied(format!(
                "{redis} does not let this user read the key {key}: allow HGET, HVALS and EXISTS on it"
            )),
            "WRONGPASS" => StoreError::Denied(format!(
                "{redis} does not accept the credentials: check CCS_REDIS_USER and CCS_REDIS_PASSWORD"
            )),
            "BUSY" | "CLUSTERDOWN" | "LOADING" | "MASTERDOWN" | "TRYAGAIN" => {
                StoreError::Unavailable(format!("{redis} is not ready: {code}"))
            }
            // The only condition that passes by itself and has no code.
            "ERR" if reply.ends_with(b"max number of clients reached") => StoreError::Unavailable(
                format!("{redis} has as many clients as its setting maxclients permits"),
            ),
            "ASK" | "MOVED" => StoreError::Other(format!(
                "the key {key} is on another node than {redis}: set CCS_REDIS_ADDRESS to that node"
            )),
            "WRONGTYPE" => StoreError::Other(format!(
                "the key {key} of {redis} does not hold a hash: check CCS_REDIS_KEY"
            )),
            "ERR" if reply.starts_with(b"ERR unknown command") => StoreError::Other(format!(
                "{redis} does not know a command: reading takes HVALS, HGET and EXISTS"
            )),
            "" => self.speaks_otherwise(),
            code => StoreError::Other(format!("{redis} refuses the command with the error {code}")),
        }
    }

    /// The error for an error reply to the command that authenticates.
    pub(crate) fn login_refused(&self, reply: &[u8]) -> StoreError {
        match self.refused(reply) {
            StoreError::Other(_) => StoreError::Denied(format!(
                "{} does not accept the credentials: check CCS_REDIS_USER and CCS_REDIS_PASSWORD",
                self.redis()
            )),
            error => error,
        }
    }

    /// The error for a key that does not exist.
    pub(crate) fn missing(&self) -> StoreError {
        StoreError::Unavailable(format!(
            "the key {} is missing in database 0 of {}: load a catalog into it, or set \
             CCS_REDIS_MISSING=empty",
            excerpt(&self.key),
            self.redis()
        ))
    }

    /// The error for bytes that are not the reply to the command.
    pub(crate) fn speaks_otherwise(&self) -> StoreError {
        StoreError::Other(format!(
            "{} does not answer as redis does: check CCS_REDIS_ADDRESS",
            excerpt(&self.address)
        ))
    }

    /// The error for a connection that ends before the reply does.
    pub(crate) fn closed(&self) -> StoreError {
        StoreError::Unavailable(format!("{} closed the connection", self.redis()))
    }

    /// The error for a name or an address that leads to no connection. `reason` is an error code of
    /// `wasi:sockets`.
    pub(crate) fn unreachable(&self, reason: &str) -> StoreError {
        let redis = self.redis();
        match reason {
            "access-denied" => StoreError::Denied(format!(
                "cannot connect to {redis}: this component may not use the network"
            )),
            "name-unresolvable" => {
                StoreError::Unavailable(format!("cannot connect to {redis}: the name is not known"))
            }
            reason => StoreError::Unavailable(format!(
                "cannot connect to {redis}: {}",
                reason.replace('-', " ")
            )),
        }
    }

    /// The error for a call that has used up its time.
    pub(crate) fn timed_out(&self) -> StoreError {
        let (redis, milliseconds) = (self.redis(), self.timeout.as_millis());
        StoreError::Unavailable(format!("{redis} did not answer within {milliseconds} ms"))
    }

    /// The error for a reply that exceeds the limit.
    pub(crate) fn too_long(&self, limit: usize) -> StoreError {
        StoreError::TooLong(format!("{} answers with more than {limit} bytes", self.redis()))
    }

    fn redis(&self) -> String {
        format!("redis at {}", excerpt(&self.address))
    }
}

/// The code of an error reply; empty if the reply has no code.
fn code(reply: &[u8]) -> &str {
    let word = reply.split(|&byte| byte == b' ').next().unwrap_or_default();
    let is_code = word.len() <= 32 && word.iter().all(u8::is_ascii_uppercase);
    str::from_utf8(word).ok().filter(|_| is_code).unwrap_or_default()
}

/// The beginning of a text that may be long.
fn excerpt(text: &str) -> String {
    text.chars().take(LONGEST_NAME).collect()
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use ccs_modules_guest::Environment;

    use super::*;

    #[test]
    fn errors_of_redis_name_the_key_and_the_remedy() {
        let config = config("ccs:modules");
        for (reply, expected) in [
            (
                "NOAUTH Authentication required.",
                "the store denied access: redis at a:1 asks for a password: set CCS_REDIS_PASSWORD",
            ),
            (
                "NOPERM this user has no permissions",
                "the store denied access: redis at a:1 does not let this user read the key \
                 ccs:modules: allow HGET, HVALS and EXISTS on it",
            ),
            (
                "LOADING Redis is loading the dataset in memory",
                "the store is unavailable: redis at a:1 is not ready: LOADING",
            ),
            (
                "ERR max number of clients reached",
                "the store is unavailable: redis at a:1 has as many clients as its setting maxclients \
                 permits",
            ),
            (
                "MOVED 866 10.0.0.1:1",
                "the store failed: the key ccs:modules is on another node than redis at a:1: set \
                 CCS_REDIS_ADDRESS to that node",
            ),
            (
                "WRONGTYPE Operation against a key",
                "the store failed: the key ccs:modules of redis at a:1 does not hold a hash: check \
                 CCS_REDIS_KEY",
            ),
            (
                "ERR unknown command 'HVALS'",
                "the store failed: redis at a:1 does not know a command: reading takes HVALS, HGET and \
                 EXISTS",
            ),
            ("OOM x", "the store failed: redis at a:1 refuses the command with the error OOM"),
        ] {
            assert_eq!(config.refused(reply.as_bytes()).to_string(), expected);
        }
    }

    #[test]
    fn an_error_to_a_login_is_about_the_credentials() {
        let config = config("k");
        for reply in ["WRONGPASS x", "ERR AUTH called without any password configured", "ERR"] {
            let text = config.login_refused(reply.as_bytes()).to_string();
            assert!(text.contains("does not accept the credentials"), "{reply}: {text}");
        }
        for reply in ["LOADING x", "ERR max number of clients reached"] {
            let error = config.login_refused(reply.as_bytes());
            assert!(matches!(error, StoreError::Unavailable(_)), "{reply}: {error}");
        }
    }

    #[test]
    fn only_the_code_of_a_reply_is_repeated() {
        let config = config("k");
        for reply in ["ERR secret", "secret", "SECRET1 x", "", "-", "WRONGTYPE secret", "\u{e9} x"]
        {
            for error in [config.refused(reply.as_bytes()), config.login_refused(reply.as_bytes())]
            {
                let text = error.to_string().to_lowercase();
                assert!(!text.contains("secret"), "{reply}: {text}");
            }
        }
    }

    #[test]
    fn a_long_key_is_cut_and_what_to_do_is_not() {
        let text = config(&"z".repeat(1000)).refused(b"WRONGTYPE x").to_string();
        assert!(text.ends_with("does not hold a hash: check CCS_REDIS_KEY"), "{text}");
        assert_eq!(text.matches('z').count(), LONGEST_NAME);
    }

    #[test]
    fn a_failed_connection_has_its_reason() {
        let config = config("k");
        for (reason, expected) in [
            ("access-denied", "this component may not use the network"),
            ("name-unresolvable", "the name is not known"),
            ("connection-refused", "connection refused"),
        ] {
            let text = config.unreachable(reason).to_string();
            assert!(
                text.ends_with(&format!("cannot connect to redis at a:1: {expected}")),
                "{text}"
            );
        }
        for (error, expected) in [
            (config.closed(), "redis at a:1 closed the connection"),
            (
                config.speaks_otherwise(),
                "a:1 does not answer as redis does: check CCS_REDIS_ADDRESS",
            ),
            (
                config.missing(),
                "the key k is missing in database 0 of redis at a:1: load a catalog into it, or set \
                 CCS_REDIS_MISSING=empty",
            ),
            (config.timed_out(), "redis at a:1 did not answer within 2000 ms"),
            (config.too_long(7), "redis at a:1 answers with more than 7 bytes"),
        ] {
            assert!(error.to_string().ends_with(&format!(": {expected}")), "{error}");
        }
    }

    fn config(key: &str) -> Config {
        let variables = [("CCS_REDIS_ADDRESS", "a:1"), ("CCS_REDIS_KEY", key)];
        let variables = variables.map(|(name, value)| (name.into(), value.into()));
        Config::new(&Environment::new(variables)).unwrap()
    }
}
