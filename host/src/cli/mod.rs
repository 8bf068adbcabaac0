//! The command line.

mod artifacts;
mod bake;
mod catalog_source;
mod cluster;
mod compose;
mod diff;
mod duration;
mod export;
mod failure;
mod find;
mod get;
mod list;
mod load;
mod module_name;
mod output;
mod password;
mod serve;
mod service;
mod store;
mod terminal;
mod watch;

use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use self::duration::Timeout;
use self::failure::Failure;
use self::store::StoreAddress;

/// Lists the modules of a Redis Enterprise cluster as its REST API does, from a store.
///
/// Exit codes: 0 done, 1 failure, 2 wrong usage, 3 no such module, 4 not permitted; of `diff` 0 the
/// same, 1 different, 2 failure.
#[derive(Parser)]
#[command(name = env!("CARGO_BIN_NAME"), version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    list: list::List,
}

#[derive(Subcommand)]
enum Command {
    /// Lists modules: every one, or only those that are asked for. Default command.
    List(list::ListNames),
    /// Shows one module.
    Get(get::Get),
    /// Lists the modules of a name, newest first.
    Find(find::Find),
    /// Compares the catalogs of two stores.
    Diff(diff::Diff),
    /// Prints the changes of a store's catalog, until it is interrupted.
    Watch(watch::Watch),
    /// Serves the modules as the REST API does.
    Serve(Box<serve::Serve>),
    /// Replaces the content of a Redis hash with the modules of a file or a cluster, in one step. If any
    /// document is malformed, nothing is written.
    Load(load::Load),
    /// Writes the content of a store as the body of `GET /v1/modules`, which `load` reads.
    Export(export::Export),
    /// Makes an HTTP service that contains its catalog, for edges that have no store.
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
    /// Prints the completions for a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Prints the manual page.
    Man,
    /// Explains the addresses of stores, which `--store` takes.
    ///
    /// demo
    ///     The demonstration catalog.
    ///
    /// modules.json, file:PATH, -
    ///     A file with the body of `GET /v1/modules`, or standard input.
    ///
    /// https://NODE:9443[,https://NODE:9443...][?PARAMETER=VALUE[&...]]
    ///     A cluster, by its REST API. The next node is asked after a failure.
    ///     ca=PATH            certificates to trust instead of the system's, PEM
    ///     name=NAME          the name in the nodes' certificates, if the host is another one
    ///     credentials=PATH   a file with {"user":…,"password":…} or {"token":…}, read for each request
    ///     cert=PATH          a client certificate, PEM
    ///     key=PATH           the key of the client certificate, PEM
    ///     Without credentials=PATH, the user and the password are in the variables
    ///     REDIS_ENTERPRISE_USER and REDIS_ENTERPRISE_PASSWORD, or a token in REDIS_ENTERPRISE_TOKEN.
    ///
    /// redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE][?PARAMETER=VALUE[&...]]
    ///     A Redis hash with a document in each field. rediss:// is TLS.
    ///     key=KEY            the key of the hash, ccs:modules by default
    ///     missing=empty      takes a missing key for an empty store, which is an error otherwise
    ///     ca=PATH            as for a cluster
    ///     The password may be in the variable REDISCLI_AUTH instead.
    #[command(verbatim_doc_comment)]
    Stores,
}

/// The options of the commands that ask for modules.
#[derive(Args)]
struct Query {
    /// The store of the modules: a cluster, a file, `-`, a Redis or `demo`. See `ccs-modules help stores`.
    #[arg(long, value_name = "STORE", default_value = "demo")]
    store: StoreAddress,
    /// A management role of the caller, such as `db_viewer`. May be given more than once.
    #[arg(long = "role", value_name = "ROLE", default_value = "admin")]
    roles: Vec<String>,
    #[command(flatten)]
    time: TimeOption,
}

/// The option for the time that a store has.
#[derive(Args, Clone, Copy)]
struct TimeOption {
    /// The time that the store has to answer.
    #[arg(long, value_name = "DURATION", default_value = "60s")]
    timeout: Timeout,
}

/// The option for the form of the output.
#[derive(Args)]
struct FormatOption {
    /// The form of the output; of modules, `json` is the body of the REST API's response.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Clone, Copy, Default, ValueEnum)]
enum Format {
    /// A table for people.
    #[default]
    Table,
    /// JSON for programs.
    Json,
}

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match cli.command {
        Some(Command::Serve(_)) => tokio::runtime::Builder::new_multi_thread(),
        _ => tokio::runtime::Builder::new_current_thread(),
    }
    .enable_all()
    .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return exit_code(Err(Failure::other(error))),
    };

    let printed = runtime.block_on(execute(cli)).and_then(|answer| {
        print(&answer.text)?;
        Ok(answer.exit_code)
    });
    let exit_code = exit_code(printed);
    // A read of a file or of a name can hang for ever, and nothing needs it any more.
    runtime.shutdown_timeout(LAST_WRITES);
    exit_code
}

/// The time to end what is being written when a command is done, such as a snapshot file.
const LAST_WRITES: Duration = Duration::from_secs(1);

/// Returns the exit code of the process, and reports a failure.
fn exit_code(printed: Result<u8, Failure>) -> ExitCode {
    match printed {
        Ok(exit_code) => exit_code.into(),
        Err(failure) => {
            // If standard error is closed too, there is nowhere to report the error.
            let _ = writeln!(io::stderr(), "error: {}", terminal::escaped(&failure.to_string()));
            failure.exit_code()
        }
    }
}

/// The answer to a command.
struct Output {
    /// The text for standard output.
    text: Vec<u8>,
    /// The exit code of the process.
    exit_code: u8,
}

impl From<Vec<u8>> for Output {
    fn from(text: Vec<u8>) -> Self {
        Self { text, exit_code: 0 }
    }
}

async fn execute(cli: Cli) -> Result<Output, Failure> {
    let text = match cli.command {
        None => list::run(&cli.list, &[]).await,
        Some(Command::List(list)) => list::run(&list.list, &list.names).await,
        Some(Command::Get(get)) => get::run(&get).await,
        Some(Command::Find(find)) => find::run(&find).await,
        Some(Command::Diff(diff)) => return diff::run(&diff).await,
        Some(Command::Watch(watch)) => watch::run(&watch).await,
        Some(Command::Serve(serve)) => serve::run(*serve).await,
        Some(Command::Load(load)) => load::run(&load).await,
        Some(Command::Export(export)) => export::run(&export).await,
        Some(Command::Artifacts { dir }) => artifacts::run(&dir),
        Some(Command::Password(arguments)) => password::run(&arguments),
        Some(Command::Bake(arguments)) => bake::run(&arguments).await,
        Some(Command::Compose(arguments)) => compose::run(&arguments),
        Some(Command::Completions { shell }) => Ok(completions(shell)),
        Some(Command::Man) => manual(),
        Some(Command::Stores) => Ok(stores()),
    };
    text.map(Into::into)
}

/// Returns the completions for a shell.
fn completions(shell: Shell) -> Vec<u8> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), env!("CARGO_BIN_NAME"), &mut text);
    text
}

/// Returns the manual page: of the command first, then of each verb.
fn manual() -> Result<Vec<u8>, Failure> {
    let mut command = Cli::command();
    command.build();
    let mut text = Vec::new();
    let verbs = command.get_subcommands().filter(|verb| verb.get_name() != "help").cloned();
    for page in [command.clone()].into_iter().chain(verbs.collect::<Vec<_>>()) {
        clap_mangen::Man::new(page).render(&mut text).map_err(Failure::other)?;
    }
    Ok(text)
}

/// Returns the explanation of stores, as `help stores` prints it.
fn stores() -> Vec<u8> {
    let mut command = Cli::command();
    let stores = command.find_subcommand_mut("stores");
    let text = stores.map(|stores| stores.render_long_help().to_string());
    text.unwrap_or_default().into_bytes()
}

/// Prints to standard output. A closed pipe is not an error.
fn print(text: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    let written = if stdout.is_terminal() {
        stdout.write_all(terminal::escaped(&String::from_utf8_lossy(text)).as_bytes())
    } else {
        stdout.write_all(text)
    };
    match written.and_then(|()| stdout.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Failure::Other(format!("cannot write to standard output: {error}"))),
    }
}
