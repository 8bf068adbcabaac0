//! The paths and the effort that every part of the suite uses.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::effort::Effort;
use crate::failure::Outcome;
use crate::process::{output, run};
use crate::timing::Estimates;

/// The paths and the effort that every part of the suite uses.
pub struct Context {
    pub effort: Effort,
    quick: bool,
    folder: TempDir,
    program: PathBuf,
}

impl Context {
    pub fn new(quick: bool) -> Outcome<Self> {
        let effort = if quick { Effort::QUICK } else { Effort::FULL };
        Ok(Self { effort, quick, folder: TempDir::new()?, program: env::current_exe()? })
    }

    /// A folder for the files that the suite writes while it runs.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts this program in one of its other roles: a measurement that must run alone has its own
    /// process.
    pub fn role(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("role").args(words).args(self.quick.then_some("--quick"));
        command
    }

    /// Runs criterion on `what`, in its own process, and reads the estimates.
    pub fn estimates(&self, what: &str) -> Outcome<Estimates> {
        let folder = self.folder().join(what);
        let path = folder.display().to_string();
        run(&mut self.role(&["measure", what, &path]))?;
        Ok(Estimates { folder, effort: self.effort })
    }

    /// The command `ccs-modules`, built as this program is.
    pub fn command(&self) -> Outcome<PathBuf> {
        let profile = if cfg!(debug_assertions) { "dev" } else { "release" };
        // This program is at TARGET/PROFILE/deps/NAME.
        let [_, _, folder, target] = self.program.ancestors().collect::<Vec<_>>()[..4] else {
            return Err("cargo keeps this program elsewhere than it used to".into());
        };
        // The suite is named too, so that the host is built with the features that it already has
        // here.
        run(cargo()
            .args(["build", "--locked", "--profile", profile, "--bin", "ccs-modules"])
            .args(["--package", "ccs-modules-host", "--package", "ccs-modules-benches"])
            .arg("--target-dir")
            .arg(target))?;
        Ok(folder.join("ccs-modules"))
    }

    /// The twin of a baked service. It is built first.
    pub fn wstd_service(&self) -> Outcome<PathBuf> {
        const TARGET: &str = "wasm32-wasip2";
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("wstd-service");
        let libraries = output(rustc().args(["--print", "target-libdir", "--target", TARGET]))?;
        if !Path::new(libraries.trim()).is_dir() {
            run(Command::new("rustup").args(["target", "add", TARGET]))?;
        }
        let target = self.program.ancestors().nth(3).unwrap_or(&self.program).join("wstd-service");
        run(cargo()
            .args(["build", "--locked", "--release", "--target", TARGET])
            .arg("--manifest-path")
            .arg(source.join("Cargo.toml"))
            .arg("--target-dir")
            .arg(&target))?;
        Ok(target.join(TARGET).join("release/wstd-service.wasm"))
    }
}

/// The cargo that runs this program.
pub fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

pub fn rustc() -> Command {
    Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
}
