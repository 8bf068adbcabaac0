//! The command line: what there is to say, and what comes of it.

mod artifacts;
mod bake;
mod compose;
mod export;
mod failure;
mod get;
mod list;
mod load;
mod output;
mod serve;
mod service;
mod store;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};

use self::failure::Failure;
use self::store::StoreAddress;

/// Lists the modules of a Redis Enterprise cluster as its REST API does, from a store.
///
/// Exit codes: 0 done, 1 failure, 2 wrong usage, 3 no such module, 4 not permitted.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    query: Query,
}

#[derive(Subcommand)]
enum Command {
    /// Lists every module. This is what happens without a command, too.
    List(Query),
    /// Shows one module.
    Get {
        /// The uid of the module.
        uid: String,
        #[command(flatten)]
        query: Query,
    },
    /// Serves the modules as the REST API does.
    Serve(serve::Serve),
    /// Replaces all that a Redis hash holds with the modules of a file, in one step. Where anything
    /// in the file is malformed, nothing is written.
    Load(load::Load),
    /// Writes what a store holds as the body of `GET /v1/modules`: the way back from `load`.
    Export(export::Export),
    /// Puts a catalogue into an HTTP service, for edges that have no store.
    Bake(bake::Bake),
    /// Composes a store in front of an artifact's import `ccs`.
    Compose(compose::Compose),
    /// Writes every WebAssembly artifact into a folder, each with its bill of materials (CycloneDX),
    /// and SHA256SUMS.
    Artifacts {
        /// The folder. It is made where it is missing.
        dir: PathBuf,
    },
}

/// Where to read from, as whom, and how to show it.
#[derive(Args)]
struct Query {
    /// Where the modules come from: `demo`; `file:PATH`, the body of `GET /v1/modules`;
    /// `redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE][?key=KEY]`, a hash, or the same with
    /// `rediss` and `ca=PATH`. REDISCLI_AUTH may hold the password.
    #[arg(long, value_name = "STORE", default_value = "demo")]
    store: StoreAddress,
    /// A management role of the caller, such as `db_viewer`. May be given more than once.
    #[arg(long = "role", value_name = "ROLE", default_value = "admin")]
    roles: Vec<String>,
    /// How to show what was found; `json` is the body that the REST API answers with.
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

#[derive(Clone, Copy, Default, ValueEnum)]
enum Output {
    /// For people.
    #[default]
    Table,
    /// For programs.
    Json,
}

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    match execute(cli).and_then(|text| print(&text)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Nobody is left to tell when standard error is closed as well.
            let _ = writeln!(io::stderr(), "error: {failure}");
            failure.exit_code()
        }
    }
}

fn execute(cli: Cli) -> Result<Vec<u8>, Failure> {
    let mut runtime = match cli.command {
        Some(Command::Serve(_)) => tokio::runtime::Builder::new_multi_thread(),
        _ => tokio::runtime::Builder::new_current_thread(),
    };
    let runtime = runtime.enable_all().build().map_err(Failure::other)?;
    runtime.block_on(async {
        match cli.command {
            None => list::run(&cli.query).await,
            Some(Command::List(query)) => list::run(&query).await,
            Some(Command::Get { uid, query }) => get::run(&uid, &query).await,
            Some(Command::Serve(serve)) => serve::run(serve).await,
            Some(Command::Load(load)) => load::run(&load).await,
            Some(Command::Export(export)) => export::run(&export).await,
            Some(Command::Artifacts { dir }) => artifacts::run(&dir),
            Some(Command::Bake(arguments)) => bake::run(&arguments),
            Some(Command::Compose(arguments)) => compose::run(&arguments),
        }
    })
}

/// Prints. Whoever closes the pipe has read what they wanted.
fn print(text: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::other(error)),
        _ => Ok(()),
    }
}
