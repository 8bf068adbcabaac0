//! Names of modules on the command line.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

/// A name of modules, with a version or not: `search`, `search@2.10`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleName {
    /// The name, compared without case.
    pub name: String,
    /// The semantic version, its beginning, or the version as one number.
    pub version: Option<String>,
}

impl FromStr for ModuleName {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let (name, version) = match text.rsplit_once('@') {
            Some((name, version)) => (name, Some(version.to_owned())),
            None => (text, None),
        };
        Ok(Self { name: name.to_owned(), version })
    }
}

impl fmt::Display for ModuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        self.version.as_ref().map_or(Ok(()), |version| write!(f, "@{version}"))
    }
}
