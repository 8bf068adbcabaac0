//! Builds every adapter and writes one `Artifact` entry for each to `OUT_DIR/artifacts.rs`.
//!
//! A plain `cargo build` needs no other step: the adapters are built here, by a nested cargo, from
//! the same workspace and the same lock file. The bytes depend on the sources and the toolchain
//! only: no path of this machine gets into them, nor any compiler flag from its environment.

#[path = "src/compose.rs"]
mod compose;
#[path = "build/crates.rs"]
mod crates;

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use crates::Crate;

/// The profile that adapters are built with.
const PROFILE: &str = "adapter";

/// Every adapter that is built and shipped: one row each.
const ADAPTERS: &[Adapter] = &[
    Adapter {
        constant: "PLUGIN",
        package: "ccs-modules-plugin",
        target: "wasm32-unknown-unknown",
        stack: 32 << 10,
        about: "component, world `plugin`: imports the store, exports the catalogue and the HTTP face",
    },
    Adapter {
        constant: "PROXY_WASM",
        package: "ccs-modules-proxy-wasm",
        target: "wasm32-unknown-unknown",
        stack: 1 << 20,
        about: "module, Proxy-Wasm filter (Envoy): its store an upstream, or its configuration",
    },
    Adapter {
        constant: "WASI_HTTP",
        package: "ccs-modules-wasi-http",
        target: "wasm32-unknown-unknown",
        stack: 64 << 10,
        about: "component, HTTP service on WASI 0.2: imports the store, exports the handler",
    },
    Adapter {
        constant: "WASI_HTTP_P3",
        package: "ccs-modules-wasi-http-p3",
        target: "wasm32-unknown-unknown",
        stack: 64 << 10,
        about: "component, HTTP service on WASI 0.3: imports the store, exports the handler",
    },
    Adapter {
        constant: "CCS_KEYVALUE",
        package: "ccs-modules-ccs-keyvalue",
        target: "wasm32-unknown-unknown",
        stack: 64 << 10,
        about: "component, store: a value of wasi:keyvalue 0.2.0-draft (wasmtime, wasmCloud)",
    },
    Adapter {
        constant: "CCS_KEYVALUE_DRAFT2",
        package: "ccs-modules-ccs-keyvalue-draft2",
        target: "wasm32-unknown-unknown",
        stack: 64 << 10,
        about: "component, store: a value of wasi:keyvalue 0.2.0-draft2 (Spin)",
    },
    Adapter {
        constant: "CCS_REDIS",
        package: "ccs-modules-ccs-redis",
        target: "wasm32-unknown-unknown",
        stack: 64 << 10,
        about: "component, store: a Redis hash, over wasi:sockets",
    },
    Adapter {
        constant: "CCS_STATIC",
        package: "ccs-modules-ccs-static",
        target: "wasm32-unknown-unknown",
        stack: 64 << 10,
        about: "component, store: a catalogue that is baked in (see the command `bake`)",
    },
];

/// What components are built for.
const COMPONENTS: &str = "wasm32-unknown-unknown";

/// The adapters that are also shipped composed: one row each.
const COMPOSITIONS: &[Composition] = &[
    Composition {
        constant: "WASI_HTTP_KEYVALUE",
        front: "ccs-modules-wasi-http",
        back: "ccs-modules-ccs-keyvalue",
        about: "component, HTTP service on WASI 0.2 with its store in wasi:keyvalue 0.2.0-draft",
    },
    Composition {
        constant: "WASI_HTTP_KEYVALUE_DRAFT2",
        front: "ccs-modules-wasi-http",
        back: "ccs-modules-ccs-keyvalue-draft2",
        about: "component, HTTP service on WASI 0.2 with its store in wasi:keyvalue 0.2.0-draft2",
    },
    Composition {
        constant: "WASI_HTTP_REDIS",
        front: "ccs-modules-wasi-http",
        back: "ccs-modules-ccs-redis",
        about: "component, HTTP service on WASI 0.2 with its store in a Redis hash",
    },
    Composition {
        constant: "WASI_HTTP_P3_KEYVALUE",
        front: "ccs-modules-wasi-http-p3",
        back: "ccs-modules-ccs-keyvalue",
        about: "component, HTTP service on WASI 0.3 with its store in wasi:keyvalue 0.2.0-draft",
    },
    Composition {
        constant: "WASI_HTTP_P3_REDIS",
        front: "ccs-modules-wasi-http-p3",
        back: "ccs-modules-ccs-redis",
        about: "component, HTTP service on WASI 0.3 with its store in a Redis hash",
    },
];

/// One adapter and what is made of it.
struct Adapter {
    /// The name of its constant in the library's `artifacts` module.
    constant: &'static str,
    /// Its package; the artifact is named after it.
    package: &'static str,
    /// The target it is built for.
    target: &'static str,
    /// Its stack, in bytes: reading takes some for each level that a document is nested. What an
    /// instance does not have it need not be given at its start.
    stack: u32,
    /// What it is, in a line.
    about: &'static str,
}

/// Two adapters and what is made of them.
struct Composition {
    /// The name of its constant in the library's `artifacts` module; the artifact is named after it.
    constant: &'static str,
    /// The package that imports the store.
    front: &'static str,
    /// The package that exports it.
    back: &'static str,
    /// What it is, in a line.
    about: &'static str,
}

fn main() {
    if let Err(error) = run() {
        // Cargo shows the whole output of a build script that fails, and marks these lines.
        println!("cargo::error={error}");
        std::process::exit(1);
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let workspace = Workspace::from_env()?;
    workspace.rerun_if_sources_change()?;
    let rustc = env::var("RUSTC")?;
    for adapter in ADAPTERS {
        ensure_target(&rustc, adapter.target)?;
    }
    let built = workspace.build_all()?;
    fs::write(workspace.out.join("artifacts.rs"), source(&built, &version(&rustc)?)?)?;
    Ok(())
}

/// The constants of the library's `artifacts` module.
fn source(built: &[Built], rust: &str) -> Result<String, Box<dyn Error>> {
    let mut source = String::new();
    for Built { constant, about, path, crates } in built {
        let name = path.file_name().ok_or("an artifact without a name")?.display().to_string();
        writeln!(
            source,
            "/// {about}.\npub static {constant}: Artifact = Artifact {{ name: {name:?}, about: {about:?}, wasm: include_bytes!({path:?}), crates: &["
        )?;
        for Crate { name, version, license, ours } in crates {
            writeln!(
                source,
                "    Crate {{ name: {name:?}, version: {version:?}, license: {license:?}, ours: {ours} }},"
            )?;
        }
        writeln!(source, "] }};\n")?;
    }
    let constants: Vec<_> = built.iter().map(|built| built.constant).collect();
    writeln!(
        source,
        "/// Every artifact.\npub static ALL: &[&Artifact] = &[&{}];\n",
        constants.join(", &")
    )?;
    writeln!(
        source,
        "/// The version of Rust they were compiled with.\npub const RUST: &str = {rust:?};"
    )?;
    Ok(source)
}

/// An artifact that is there.
pub struct Built {
    /// The name of its constant in the library's `artifacts` module.
    pub constant: &'static str,
    /// What it is, in a line.
    pub about: &'static str,
    /// Its file.
    pub path: PathBuf,
    /// What it is made of.
    pub crates: BTreeSet<Crate>,
}

/// Where the sources are, what they are built with, and where the results go.
pub struct Workspace {
    /// The folder of the sources.
    pub root: PathBuf,
    /// The folder of the results.
    pub out: PathBuf,
    /// The program `cargo`.
    pub cargo: PathBuf,
    /// The folder that cargo keeps the sources of dependencies in.
    pub cargo_home: PathBuf,
}

impl Workspace {
    fn from_env() -> Result<Self, Box<dyn Error>> {
        let manifest = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
        Ok(Self {
            root: manifest.parent().ok_or("the package is not in a workspace folder")?.to_owned(),
            out: env::var("OUT_DIR")?.into(),
            cargo: env::var("CARGO")?.into(),
            cargo_home: match env::var_os("CARGO_HOME") {
                Some(path) => path.into(),
                None => env::home_dir()
                    .ok_or("neither CARGO_HOME nor a home folder is known")?
                    .join(".cargo"),
            },
        })
    }

    /// Builds every artifact, in the order of the tables.
    pub fn build_all(&self) -> Result<Vec<Built>, Box<dyn Error>> {
        let mut built = Vec::new();
        for adapter @ Adapter { constant, package, target, about, .. } in ADAPTERS {
            let crates = crates::of(&self.cargo, &self.root, package, target)?;
            built.push(Built { constant, about, path: self.build(adapter)?, crates });
        }
        for composition @ Composition { constant, front, back, about } in COMPOSITIONS {
            let mut crates = crates::of(&self.cargo, &self.root, front, COMPONENTS)?;
            crates.extend(crates::of(&self.cargo, &self.root, back, COMPONENTS)?);
            built.push(Built { constant, about, path: self.compose(composition)?, crates });
        }
        Ok(built)
    }

    /// Names the sources and nothing else: a folder that holds build products would make every
    /// build start over.
    fn rerun_if_sources_change(&self) -> Result<(), Box<dyn Error>> {
        let mut sources: Vec<_> =
            ["Cargo.toml", "Cargo.lock", "src", "wit"].map(|name| self.root.join(name)).into();
        for adapter in fs::read_dir(self.root.join("adapters"))? {
            let folder = adapter?.path();
            sources.extend(["Cargo.toml", "src", "wit"].map(|name| folder.join(name)));
        }
        sources.extend(
            ["adapters/wasi", "host/build", "host/src/compose.rs"].map(|it| self.root.join(it)),
        );
        // One that is not there would make every build start over, too.
        sources.retain(|source| source.exists());
        for source in sources {
            println!("cargo::rerun-if-changed={}", source.display());
        }
        Ok(())
    }

    /// A target folder of its own: the outer cargo holds the lock of the usual one.
    fn target_dir(&self) -> PathBuf {
        self.out.join("adapters")
    }

    /// Where the artifact of a package is once it is built.
    fn artifact(&self, target: &str, package: &str) -> PathBuf {
        self.target_dir().join(target).join(PROFILE).join(file_name(package))
    }

    /// Composes two adapters that are built, and answers where the artifact is.
    fn compose(&self, composition: &Composition) -> Result<PathBuf, Box<dyn Error>> {
        let read = |package| fs::read(self.artifact(COMPONENTS, package));
        let wasm = compose::compose(&read(composition.front)?, &read(composition.back)?)?;
        let name = format!("ccs-modules-{}", composition.constant.to_lowercase());
        let path = self.out.join(file_name(&name));
        fs::write(&path, wasm)?;
        Ok(path)
    }

    /// Builds one adapter and answers where its artifact is.
    fn build(&self, adapter: &Adapter) -> Result<PathBuf, Box<dyn Error>> {
        let target_dir = self.target_dir();
        let linker =
            format!("CARGO_TARGET_{}_LINKER", adapter.target.to_uppercase().replace('-', "_"));

        let mut cargo = Command::new(&self.cargo);
        cargo
            .current_dir(&self.root)
            .args(["build", "--locked", "--profile", PROFILE])
            .args(["--package", adapter.package, "--target", adapter.target])
            .env("CARGO_HOME", &self.cargo_home)
            .env("CARGO_TARGET_DIR", &target_dir)
            .env("CARGO_ENCODED_RUSTFLAGS", self.rustflags(adapter, &target_dir))
            // Set by `cargo clippy`, whose driver is for the outer build.
            .env_remove("RUSTC_WORKSPACE_WRAPPER");
        if adapter.target == COMPONENTS {
            cargo.env(linker, "wasm-component-ld");
        }
        if !cargo.status()?.success() {
            return Err(format!("cannot build {} for {}", adapter.package, adapter.target).into());
        }

        let artifact = self.artifact(adapter.target, adapter.package);
        if !artifact.is_file() {
            return Err(format!("the build left no artifact at {}", artifact.display()).into());
        }
        Ok(artifact)
    }

    /// The whole set of compiler flags. Among them is what replaces this machine's paths, so that two
    /// clones in two folders give the same bytes.
    fn rustflags(&self, adapter: &Adapter, target_dir: &Path) -> String {
        // Where two prefixes match, the last one given counts.
        let remapped = [
            (self.cargo_home.as_path(), "cargo"),
            (self.root.as_path(), "ccs-modules"),
            (target_dir, "target"),
        ];
        let mut flags: Vec<_> = remapped
            .iter()
            .map(|(from, to)| format!("--remap-path-prefix={}=/{to}", from.display()))
            .collect();
        flags.push(format!("-Clink-arg=-zstack-size={}", adapter.stack));
        // Numbers of functions in as many bytes as they need, and not in five: a fifteenth of a plugin.
        flags.push("-Clink-arg=--compress-relocations".into());
        // SHA-256 as a loop: it hashes passwords, and unrolled it takes 8 kB.
        flags.push("--cfg=sha2_backend_soft=\"compact\"".into());
        flags.join("\x1f")
    }
}

/// The artifact of a package, as a file name.
fn file_name(package: &str) -> String {
    format!("{}.wasm", package.replace('-', "_"))
}

/// Installs the libraries of `target` where the toolchain lacks them: rustup installs the targets
/// of `rust-toolchain.toml` only together with a toolchain that is missing as a whole.
fn ensure_target(rustc: &str, target: &str) -> Result<(), Box<dyn Error>> {
    let output =
        Command::new(rustc).args(["--print", "target-libdir", "--target", target]).output()?;
    if Path::new(String::from_utf8(output.stdout)?.trim()).is_dir() {
        return Ok(());
    }
    let installed = Command::new("rustup")
        .args(["target", "add", target])
        .status()
        .is_ok_and(|status| status.success());
    if !installed {
        return Err(format!(
            "the Rust target {target} is missing: install it with `rustup target add {target}`, or with what this toolchain came from"
        )
        .into());
    }
    println!("cargo::warning=installed the Rust target {target} with rustup");
    Ok(())
}

/// The version of the compiler, such as `1.95.0`.
fn version(rustc: &str) -> Result<String, Box<dyn Error>> {
    let output = Command::new(rustc).arg("--version").output()?;
    let text = String::from_utf8(output.stdout)?;
    Ok(text.split(' ').nth(1).ok_or("rustc does not say its version")?.to_owned())
}
