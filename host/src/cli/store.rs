//! Stores by name.

use std::env;
use std::ffi::OsStr;
use std::fmt::Display;
use std::marker::PhantomData;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use ccs_modules_host::stores::{Redis, RedisAddress};
use ccs_modules_host::{Bounds, Ccs, Host, Service, stores};
use clap::builder::{TypedValueParser, ValueParserFactory};
use clap::error::ErrorKind;
use clap::{Arg, Command};

/// Where the modules come from, as it is written on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreAddress {
    /// `demo`: the demonstration catalogue.
    Demo,
    /// `file:PATH`: a JSON file.
    File(PathBuf),
    /// `redis://…` or `rediss://…`: a hash in a Redis.
    Redis(RedisAddress),
}

impl StoreAddress {
    /// The plugin of `host` over this store.
    pub fn open(&self, host: &Host) -> Service {
        host.service(self.ccs(host.bounds()))
    }

    /// The store itself, within these bounds.
    pub fn ccs(&self, bounds: Bounds) -> Arc<dyn Ccs> {
        match self {
            Self::Demo => Arc::new(stores::demo()),
            Self::File(path) => Arc::new(stores::File::new(path).at_most(bounds.memory)),
            Self::Redis(address) => {
                Arc::new(redis(address).within(bounds.store_time).at_most(bounds.memory))
            }
        }
    }
}

/// The Redis at this address. A password that the address lacks may be in the environment, where
/// other users do not see it; the variable is that of `redis-cli`.
pub fn redis(address: &RedisAddress) -> Redis {
    let address = address.clone();
    Redis::new(match env::var("REDISCLI_AUTH") {
        Ok(password) => address.or_password(password),
        Err(_) => address,
    })
}

impl FromStr for StoreAddress {
    type Err = String;

    fn from_str(address: &str) -> Result<Self, String> {
        match address.split_once(':') {
            None if address == "demo" => Ok(Self::Demo),
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(path.into())),
            Some(("redis" | "rediss", _)) => {
                address.parse().map(Self::Redis).map_err(|error| format!("{error}"))
            }
            _ => Err("expected `demo`, `file:PATH` or `redis://HOST`".into()),
        }
    }
}

impl ValueParserFactory for StoreAddress {
    type Parser = Discreet<Self>;

    fn value_parser() -> Self::Parser {
        Discreet::new()
    }
}

/// Parses an address. Where it is none it is not repeated, as it may hold a password.
#[derive(Clone)]
pub struct Discreet<T>(PhantomData<T>);

impl<T> Discreet<T> {
    /// The parser.
    pub fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T> TypedValueParser for Discreet<T>
where
    T: FromStr<Err: Display> + Clone + Send + Sync + 'static,
{
    type Value = T;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<T, clap::Error> {
        let parsed = match value.to_str() {
            Some(text) => text.parse().map_err(|error: T::Err| error.to_string()),
            None => Err("not UTF-8".into()),
        };
        parsed.map_err(|error| {
            let argument = argument.map(ToString::to_string).unwrap_or_default();
            let text = format!("invalid value for '{argument}': {error}\n");
            clap::Error::raw(ErrorKind::ValueValidation, text).with_cmd(command)
        })
    }
}
