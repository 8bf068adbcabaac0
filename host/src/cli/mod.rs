//! The command line.

mod arguments;
mod artifacts;
mod bake;
mod catalog_source;
mod cluster;
mod compose;
mod duration;
mod export;
mod failure;
mod get;
mod list;
mod load;
mod output;
mod password;
mod serve;
mod service;
mod store;
mod terminal;

use std::env;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};

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
    /// Lists every module. Default command.
    List(Query),
    /// Shows one module.
    Get {
        /// The uid of the module.
        uid: String,
        #[command(flatten)]
        query: Query,
    },
    /// Serves the modules as the REST API does.
    Serve(Box<serve::Serve>),
    /// Replaces the content of a Redis hash with the modules of a file or a cluster, in one step. If any
    /// document is malformed, nothing is written.
    Load(load::Load),
    /// Writes the content of a store as the body of `GET /v1/modules`, which `load` reads.
    Export(export::Export),
    /// Makes an HTTP service that holds its catalog, for edges that have no store.
    Bake(bake::Bake),
    /// Composes a store in front of an artifact's import `ccs`.
    Compose(compose::Compose),
    /// Generates the password of a user, shows it once, and prints the user's entry for the `users` of an
    /// access policy.
    Password(password::Password),
    /// Writes every WebAssembly artifact into a folder, each with its bill of materials (CycloneDX),
    /// and SHA256SUMS.
    Artifacts {
        /// The folder. It is created if it is missing.
        dir: PathBuf,
    },
}

/// The options of `list` and `get`.
#[derive(Args)]
struct Query {
    /// The store of the modules: `demo`; a file with the body of `GET /v1/modules`, such as
    /// `modules.json` or `file:PATH`; a Redis hash,
    /// `redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE][?key=KEY]`, over TLS with `rediss` and
    /// `ca=PATH`, a missing key is an error or, with `missing=empty`, an empty store, and the password
    /// may be in the variable REDISCLI_AUTH instead; or a cluster,
    /// `https://NODE:9443[,https://NODE:9443...][?ca=PATH]`, with the user and the password in the
    /// variables REDIS_ENTERPRISE_USER and REDIS_ENTERPRISE_PASSWORD, or in a file, `credentials=PATH`:
    /// `{"user":…,"password":…}`.
    #[arg(long, value_name = "STORE", default_value = "demo")]
    store: StoreAddress,
    /// A management role of the caller, such as `db_viewer`. May be given more than once.
    #[arg(long = "role", value_name = "ROLE", default_value = "admin")]
    roles: Vec<String>,
    /// The form of the output; `json` is the body of the REST API's response.
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

#[derive(Clone, Copy, Default, ValueEnum)]
enum Output {
    /// A table for people.
    #[default]
    Table,
    /// JSON for programs.
    Json,
}

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    let cli =
        Cli::parse_from(arguments::with_command_first(env::args_os().collect(), &Cli::command()));
    match execute(cli).and_then(|text| print(&text)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // If standard error is closed too, there is nowhere to report the error.
            let _ = writeln!(io::stderr(), "error: {}", terminal::escaped(&failure.to_string()));
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
            Some(Command::Serve(serve)) => serve::run(*serve).await,
            Some(Command::Load(load)) => load::run(&load).await,
            Some(Command::Export(export)) => export::run(&export).await,
            Some(Command::Artifacts { dir }) => artifacts::run(&dir),
            Some(Command::Password(arguments)) => password::run(&arguments),
            Some(Command::Bake(arguments)) => bake::run(&arguments).await,
            Some(Command::Compose(arguments)) => compose::run(&arguments),
        }
    })
}

/// Prints to standard output. A pipe that was closed is not an error: its reader has enough.
fn print(text: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    let written = if stdout.is_terminal() {
        stdout.write_all(terminal::escaped(&String::from_utf8_lossy(text)).as_bytes())
    } else {
        stdout.write_all(text)
    };
    match written.and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::other(error)),
        _ => Ok(()),
    }
}
