//! Builds every adapter and writes `artifacts.rs`, with one `Artifact` entry for each, in the folder of their files.
//! The variable `ARTIFACTS` names their folder to the library.
//!
//! A plain `cargo build` needs no other step: the adapters are built here, by a nested cargo, from
//! the same workspace and the same lock file. The bytes depend on the sources and the toolchain
//! only: no path of this machine gets into them, nor any compiler flag from its environment.
//!
//! The published package has that folder in it, and no adapter's sources: there nothing is built.

#[path = "build/crates.rs"]
mod crates;

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use crates::Crate;

/// The folder of ready artifacts in the published package.
const READY: &str = "artifacts";

/// The Cargo profile of the adapters.
const PROFILE: &str = "adapter";

/// The target of every adapter.
const TARGET: &str = "wasm32-unknown-unknown";

/// The linker, which ships with the toolchain. It makes a component of a module that describes one.
const LINKER: &str = "wasm-component-ld";

/// Every adapter that is built: one row each.
const ADAPTERS: &[Adapter] = &[
    Adapter {
        constant: "PLUGIN",
        package: "ccs-modules-plugin",
        features: "",
        about: "component, world `plugin`: imports the CCS, exports the catalog and the REST interface",
    },
    Adapter {
        constant: "PROXY_WASM",
        package: "ccs-modules-proxy-wasm",
        features: "",
        about: "module, Proxy-Wasm filter (Envoy): its store is an upstream or its configuration",
    },
    Adapter {
        constant: "HTTP_WASM",
        package: "ccs-modules-http-wasm",
        features: "",
        about: "module, http-wasm plugin (Traefik): its store is a catalog in its configuration or a file",
    },
    Adapter {
        constant: "WASI_HTTP",
        package: "ccs-modules-wasi-http",
        features: "",
        about: "component, HTTP service on WASI 0.2: imports the CCS, exports the handler",
    },
    Adapter {
        constant: "WASI_HTTP_BAKED",
        package: "ccs-modules-wasi-http",
        features: "baked",
        about: "component, HTTP service on WASI 0.2: its store is a catalog that the command `bake` puts in",
    },
    Adapter {
        constant: "WASI_HTTP_P3",
        package: "ccs-modules-wasi-http-p3",
        features: "",
        about: "component, HTTP service on WASI 0.3: imports the CCS, exports the handler",
    },
    Adapter {
        constant: "WASI_HTTP_P3_BAKED",
        package: "ccs-modules-wasi-http-p3",
        features: "baked",
        about: "component, HTTP service on WASI 0.3: its store is a catalog that the command `bake` puts in",
    },
    Adapter {
        constant: "WASI_HTTP_P3_MIDDLEWARE",
        package: "ccs-modules-wasi-http-p3",
        features: "middleware",
        about: "component, HTTP service on WASI 0.3 in front of another one: imports the CCS and a handler, exports the handler",
    },
    Adapter {
        constant: "FASTLY",
        package: "ccs-modules-fastly",
        features: "",
        about: "component, service on Fastly Compute: its store is a value of Fastly's KV store, or a cluster behind backends",
    },
    Adapter {
        constant: "CCS_HTTP",
        package: "ccs-modules-ccs-http",
        features: "",
        about: "component, store: a cluster's REST API, over outgoing wasi:http",
    },
    Adapter {
        constant: "CCS_KEYVALUE",
        package: "ccs-modules-ccs-keyvalue",
        features: "",
        about: "component, store: a value of wasi:keyvalue 0.2.0-draft (wasmtime, wasmCloud)",
    },
    Adapter {
        constant: "CCS_KEYVALUE_DRAFT2",
        package: "ccs-modules-ccs-keyvalue",
        features: "draft2",
        about: "component, store: a value of wasi:keyvalue 0.2.0-draft2 (Spin)",
    },
    Adapter {
        constant: "CCS_REDIS",
        package: "ccs-modules-ccs-redis",
        features: "",
        about: "component, store: a Redis hash, over wasi:sockets",
    },
    Adapter {
        constant: "STANDALONE",
        package: "ccs-modules-standalone",
        features: "",
        about: "component, world `standalone`: imports nothing, exports snapshots, mirrors and access policies",
    },
];

/// One adapter and its artifact.
struct Adapter {
    /// The name of its constant in the library's `artifacts` module; the artifact is named after it.
    constant: &'static str,
    /// The name of its package.
    package: &'static str,
    /// The features of the package, with commas between them.
    features: &'static str,
    /// A description of one line.
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
    let ready = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join(READY);
    let folder = if ready.is_dir() {
        println!("cargo::rerun-if-changed={READY}");
        ready
    } else {
        build_artifacts()?
    };
    println!("cargo::rustc-env=ARTIFACTS={}", folder.display());
    Ok(())
}

/// Builds the artifacts from the workspace. Returns their folder.
fn build_artifacts() -> Result<PathBuf, Box<dyn Error>> {
    let workspace = Workspace::from_env()?;
    workspace.rerun_if_sources_change()?;
    let rustc = env::var("RUSTC")?;
    ensure_target(&rustc, TARGET)?;
    let built = workspace.build_those(|_| true)?;
    fs::write(workspace.out.join("artifacts.rs"), source(&built, &version(&rustc)?)?)?;
    Ok(workspace.out)
}

/// Writes the constants of the library's `artifacts` module.
fn source(built: &[Built], rust: &str) -> Result<String, Box<dyn Error>> {
    let mut source = String::new();
    for Built { constant, about, path, crates } in built {
        let name = path.file_name().ok_or("an artifact without a name")?.display().to_string();
        writeln!(
            source,
            "/// {about}.\npub static {constant}: Artifact = Artifact {{ name: {name:?}, about: {about:?}, wasm: Cow::Borrowed(include_bytes!({name:?})), crates: Cow::Borrowed(&["
        )?;
        for Crate { name, version, license, ours } in crates {
            writeln!(
                source,
                "    Crate {{ name: {name:?}, version: {version:?}, license: {license:?}, ours: {ours} }},"
            )?;
        }
        writeln!(source, "]) }};\n")?;
    }
    let constants: Vec<_> = built.iter().map(|built| built.constant).collect();
    writeln!(
        source,
        "/// Every artifact that is built from one adapter.\npub static BUILT: &[&Artifact] = &[&{}];\n",
        constants.join(", &")
    )?;
    writeln!(
        source,
        "/// The version of Rust that compiled the artifacts.\npub const RUST: &str = {rust:?};"
    )?;
    Ok(source)
}

/// An adapter that has been built.
pub struct Built {
    /// The name of its constant in the library's `artifacts` module.
    pub constant: &'static str,
    /// A description of one line.
    pub about: &'static str,
    /// The path of the artifact.
    pub path: PathBuf,
    /// The crates whose code is in it.
    pub crates: BTreeSet<Crate>,
}

/// The folders and programs of a build.
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

    /// Builds the adapters whose constants are wanted, in the order of the table.
    pub fn build_those(&self, wanted: impl Fn(&str) -> bool) -> Result<Vec<Built>, Box<dyn Error>> {
        let adapters = ADAPTERS.iter().filter(|adapter| wanted(adapter.constant));
        adapters.map(|adapter| self.build(adapter)).collect()
    }

    /// Names the sources and nothing else: a folder with build products would make every
    /// build start over.
    fn rerun_if_sources_change(&self) -> Result<(), Box<dyn Error>> {
        let mut sources: Vec<_> =
            ["Cargo.toml", "Cargo.lock", "src", "wit"].map(|name| self.root.join(name)).into();
        for adapter in fs::read_dir(self.root.join("adapters"))? {
            let folder = adapter?.path();
            sources.extend(["Cargo.toml", "build.rs", "src", "wit"].map(|name| folder.join(name)));
        }
        sources.extend(
            ["adapters/fastly/compute", "adapters/wasi", "host/build"]
                .map(|name| self.root.join(name)),
        );
        // One that is not there would make every build start over, too.
        sources.retain(|source| source.exists());
        for source in sources {
            println!("cargo::rerun-if-changed={}", source.display());
        }
        Ok(())
    }

    /// A target folder of its own: the outer cargo has the lock of the usual one.
    fn target_dir(&self) -> PathBuf {
        self.out.join("adapters")
    }

    /// Builds one adapter. Each has a run of cargo of its own: one run for all would give each the
    /// features that any of them needs. What they share is compiled once all the same.
    fn build(&self, adapter: &Adapter) -> Result<Built, Box<dyn Error>> {
        let Adapter { constant, package, features, about } = *adapter;
        let target_dir = self.target_dir();
        let status = Command::new(&self.cargo)
            .current_dir(&self.root)
            .args(["build", "--locked", "--profile", PROFILE])
            .args(["--package", package, "--features", features, "--target", TARGET])
            .env("CARGO_HOME", &self.cargo_home)
            .env("CARGO_TARGET_DIR", &target_dir)
            .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", LINKER)
            .env("CARGO_ENCODED_RUSTFLAGS", self.rustflags(&target_dir))
            // `cargo clippy` sets it to a driver that is for the outer build.
            .env_remove("RUSTC_WORKSPACE_WRAPPER")
            .status()?;
        if !status.success() {
            return Err(format!("cannot build {package} for {TARGET}").into());
        }
        let name = format!("{}.wasm", package.replace('-', "_"));
        let product = target_dir.join(TARGET).join(PROFILE).join(name);
        if !product.is_file() {
            return Err(format!("the build left no artifact at {}", product.display()).into());
        }
        // The next build of the same package writes to the same file.
        let path = self.out.join(format!("ccs_modules_{}.wasm", constant.to_lowercase()));
        fs::copy(product, &path)?;
        let crates = crates::of(&self.cargo, &self.root, package, features, TARGET)?;
        Ok(Built { constant, about, path, crates })
    }

    /// The compiler flags of every adapter. They replace this machine's paths, so that two clones in
    /// two folders give the same bytes.
    fn rustflags(&self, target_dir: &Path) -> String {
        // If two prefixes match, the last one counts.
        let remapped = [
            (self.cargo_home.as_path(), "cargo"),
            (self.root.as_path(), "ccs-modules"),
            (target_dir, "target"),
        ];
        let mut flags: Vec<_> = remapped
            .iter()
            .map(|(from, to)| format!("--remap-path-prefix={}=/{to}", from.display()))
            .collect();
        // The default of 1 MiB is memory that a fresh instance has to be given.
        flags.push("-Clink-arg=-zstack-size=65536".into());
        // Function numbers take as many bytes as they need, not five: 7 % of a plugin.
        flags.push("-Clink-arg=--compress-relocations".into());
        // SHA-256 as a loop: it hashes passwords, and the unrolled form takes 8 kB.
        flags.push("--cfg=sha2_backend_soft=\"compact\"".into());
        flags.join("\x1f")
    }
}

/// Installs the libraries of `target` if the toolchain lacks them, because rustup installs the targets of
/// `rust-toolchain.toml` only together with a missing toolchain.
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
