//! The store options of the command line.

use std::ffi::OsStr;
use std::fmt::Display;
use std::marker::PhantomData;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use ccs_modules_host::stores::{ClusterAddress, Redis, RedisAddress};
use ccs_modules_host::{CallLimits, Ccs, Plugin, Service, stores};
use clap::builder::{TypedValueParser, ValueParserFactory};
use clap::error::ErrorKind;
use clap::{Arg, Command};

use super::{Failure, cluster};

/// The address of a store, as written on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreAddress {
    /// `https://…` or `http://…`: a cluster, by its REST API.
    Cluster(ClusterAddress),
    /// `demo`: the demo catalog.
    Demo,
    /// `file:PATH`, or a path that ends in `.json` or names a folder: a JSON file.
    File(PathBuf),
    /// `redis://…` or `rediss://…`: a hash in a Redis.
    Redis(RedisAddress),
}

impl StoreAddress {
    /// Makes a service of `plugin` over this store.
    pub fn open(&self, plugin: &Plugin) -> Result<Service, Failure> {
        Ok(plugin.service(self.ccs(plugin.call_limits())?))
    }

    /// Makes the store, within these limits.
    pub fn ccs(&self, limits: CallLimits) -> Result<Arc<dyn Ccs>, Failure> {
        Ok(match self {
            Self::Cluster(address) => Arc::new(cluster::open(address, limits)?),
            Self::Demo => Arc::new(stores::demo()),
            Self::File(path) => Arc::new(stores::File::new(path).at_most(limits.store_bytes)),
            Self::Redis(address) => {
                Arc::new(redis(address)?.within(limits.store_timeout).at_most(limits.store_bytes))
            }
        })
    }
}

/// Makes a store of the Redis at this address. If the address has no password, it may be in the
/// environment, where other users do not see it. `redis-cli` reads the same variable.
pub fn redis(address: &RedisAddress) -> Result<Redis, Failure> {
    let address = address.clone();
    Ok(Redis::new(match cluster::variable("REDISCLI_AUTH")? {
        Some(password) => address.or_password(password),
        None => address,
    }))
}

impl FromStr for StoreAddress {
    type Err = String;

    fn from_str(address: &str) -> Result<Self, String> {
        let scheme = address.split_once(':').map(|(scheme, rest)| (scheme.to_lowercase(), rest));
        match scheme.as_ref().map(|(scheme, rest)| (scheme.as_str(), *rest)) {
            None if address == "demo" => Ok(Self::Demo),
            None if address == "-" => Ok(Self::File("/dev/stdin".into())),
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(path.into())),
            Some(("http" | "https", _)) => {
                address.parse().map(Self::Cluster).map_err(|error| format!("{error}"))
            }
            Some(("redis" | "rediss", _)) => {
                address.parse().map(Self::Redis).map_err(|error| format!("{error}"))
            }
            // A name with a scheme that is not known is no file, whatever it ends with.
            _ if is_file_name(address) && !address.contains("://") => {
                Ok(Self::File(address.into()))
            }
            _ => Err(
                "expected `demo`, a file such as `modules.json`, `file:PATH`, `redis://HOST` or \
                     `https://NODE:9443`"
                    .into(),
            ),
        }
    }
}

/// Whether the text looks like the name of a file: it has a folder, or ends in `.json`.
fn is_file_name(text: &str) -> bool {
    text.contains(['/', '\\']) || text.ends_with(".json")
}

impl ValueParserFactory for StoreAddress {
    type Parser = AddressParser<Self>;

    fn value_parser() -> Self::Parser {
        AddressParser::new()
    }
}

/// A parser for addresses, whose errors do not repeat the text: it may contain a password.
#[derive(Clone)]
pub struct AddressParser<T>(PhantomData<T>);

impl<T> AddressParser<T> {
    /// Makes the parser.
    pub fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T> TypedValueParser for AddressParser<T>
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
