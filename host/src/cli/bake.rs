//! `bake FILE -o OUT`: an HTTP service with its catalogue inside.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use ccs_modules_host::artifacts;
use ccs_modules_host::bake::bake;
use clap::{Args, ValueEnum};

use super::Failure;

/// What to bake, into what, and where to.
#[derive(Args)]
pub struct Bake {
    /// The catalogue: a file with the body of `GET /v1/modules`.
    file: PathBuf,
    /// The component to write.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// The version of WASI that the component is to run on.
    #[arg(long, value_enum, default_value_t)]
    wasi: Wasi,
}

#[derive(Clone, Copy, Default, ValueEnum)]
enum Wasi {
    /// 0.2: what most hosts have.
    #[default]
    #[value(name = "0.2")]
    P2,
    /// 0.3.
    #[value(name = "0.3")]
    P3,
}

/// Bakes, writes, and tells what is in it.
pub fn run(arguments: &Bake) -> Result<Vec<u8>, Failure> {
    let body =
        fs::read(&arguments.file).map_err(|error| cannot("read", &arguments.file, &error))?;
    let service = match arguments.wasi {
        Wasi::P2 => &artifacts::WASI_HTTP,
        Wasi::P3 => &artifacts::WASI_HTTP_P3,
    };
    let baked = bake(&service.wasm, &body)
        .map_err(|error| Failure::Other(format!("{}: {error}", arguments.file.display())))?;
    let output = &arguments.output;
    fs::write(output, &baked.wasm).map_err(|error| cannot("write", output, &error))?;

    let mut text = String::new();
    writeln!(text, "{}: {} bytes", output.display(), baked.wasm.len()).map_err(Failure::other)?;
    for module in &baked.modules {
        let name = module.module_name.as_deref().unwrap_or("-");
        let version = module.semantic_version.as_deref().unwrap_or("-");
        writeln!(text, "  {}  {name} {version}", module.uid).map_err(Failure::other)?;
    }
    writeln!(text, "  {} modules", baked.modules.len()).map_err(Failure::other)?;
    Ok(text.into_bytes())
}

fn cannot(what: &str, path: &Path, error: &std::io::Error) -> Failure {
    Failure::Other(format!("cannot {what} {}: {error}", path.display()))
}
