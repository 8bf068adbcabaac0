//! The crates of an adapter, as `cargo tree` lists them.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// A crate whose code gets into an artifact.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Crate {
    /// The name.
    pub name: String,
    /// The version.
    pub version: String,
    /// The license, an SPDX expression.
    pub license: String,
    /// Whether it is a part of this workspace.
    pub ours: bool,
}

/// Returns the crates of a package that is built for `target`, with the package itself, and without
/// those that run only during the build.
pub fn of(
    cargo: &Path,
    root: &Path,
    package: &str,
    features: &str,
    target: &str,
) -> Result<BTreeSet<Crate>, Box<dyn std::error::Error>> {
    let output = Command::new(cargo)
        .current_dir(root)
        .args(["tree", "--locked", "--package", package, "--features", features])
        .args(["--target", target])
        .args(["--edges", "normal,no-proc-macro", "--prefix", "none", "--no-dedupe"])
        .args(["--format", "{p}|{l}"])
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    let text = String::from_utf8(output.stdout)?;
    text.lines()
        .map(|line| parse(line).ok_or_else(|| format!("cargo tree: {line}").into()))
        .collect()
}

/// Reads `name v1.2.3|license`, or `name v1.2.3 (path)|license` for a part of the workspace.
fn parse(line: &str) -> Option<Crate> {
    let (package, license) = line.split_once('|')?;
    let mut words = package.split(' ');
    Some(Crate {
        name: words.next()?.into(),
        version: words.next()?.strip_prefix('v')?.into(),
        // The older form of the same expression.
        license: license.replace('/', " OR "),
        ours: words.next().is_some(),
    })
}
