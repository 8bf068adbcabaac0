//! `get UID` or `get NAME[@VERSION]`: shows one module.

use ccs_modules_host::{Module, Service};
use clap::Args;

use super::module_name::ModuleName;
use super::{Failure, Format, FormatOption, Query, find, output, service};

/// The arguments of `get`.
#[derive(Args)]
pub struct Get {
    /// The uid of the module, or its name, and perhaps a version: `search@2.10`.
    #[arg(value_name = "UID|NAME[@VERSION]")]
    module: String,
    #[command(flatten)]
    query: Query,
    #[command(flatten)]
    output: FormatOption,
}

/// Shows the module with this uid, or else the one module of this name.
pub async fn run(arguments: &Get) -> Result<Vec<u8>, Failure> {
    let Get { module, query, output } = arguments;
    let service = service::open(&query.store, query.time).await?;
    let found = match service.get_module(&query.roles, module).await.map_err(Failure::from) {
        Err(Failure::NotFound(_)) => by_name(&service, module, query).await?,
        found => found?,
    };
    Ok(match output.format {
        Format::Json => [found.document.as_bytes(), b"\n"].concat(),
        Format::Table => table(&found),
    })
}

/// Finds the one module of a name. If there are several, the error names them.
async fn by_name(service: &Service, text: &str, query: &Query) -> Result<Module, Failure> {
    let Ok(ModuleName { name, version }) = text.parse();
    let mut found = service.find_modules(&query.roles, &name, version.as_deref()).await?;
    if found.is_empty() {
        let missing = format!("there is no module with the uid or the name {text}");
        return Err(find::not_found(service, query, missing, &name).await);
    }
    if found.len() > 1 {
        let candidates: Vec<_> = found.iter().map(|module| candidate(module, &found)).collect();
        let several = format!("{text} names {} modules", found.len());
        return Err(Failure::Other(format!("{several}, say which one: {}", candidates.join(", "))));
    }
    Ok(found.remove(0))
}

/// Returns the text that names a module among several of one name: its version, if no other module has the same.
fn candidate(module: &Module, among: &[Module]) -> String {
    let alike = |other: &&Module| other.semantic_version == module.semantic_version;
    match (&module.module_name, &module.semantic_version) {
        (Some(name), Some(version)) if among.iter().filter(alike).count() == 1 => {
            format!("{name}@{version}")
        }
        _ => module.uid.clone(),
    }
}

/// A table with a row for each field that is not empty.
fn table(module: &Module) -> Vec<u8> {
    let version = module.version.map(|version| version.to_string());
    let bundled = module.is_bundled.map(|bundled| bundled.to_string());
    let rows = [
        ("uid", Some(module.uid.as_str())),
        ("module_name", module.module_name.as_deref()),
        ("display_name", module.display_name.as_deref()),
        ("semantic_version", module.semantic_version.as_deref()),
        ("version", version.as_deref()),
        ("compatible_redis_version", module.compatible_redis_version.as_deref()),
        ("min_redis_version", module.min_redis_version.as_deref()),
        ("is_bundled", bundled.as_deref()),
        ("author", module.author.as_deref()),
        ("email", module.email.as_deref()),
        ("homepage", module.homepage.as_deref()),
        ("description", module.description.as_deref()),
        ("license", module.license.as_deref()),
        ("capabilities", Some(&*module.capabilities.join(", "))),
        ("command_line_args", module.command_line_args.as_deref()),
        ("config_command", module.config_command.as_deref()),
    ];

    let mut table = output::table();
    for (field, value) in rows {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            table.add_row([field, &output::cell(value)]);
        }
    }
    output::text(&table)
}
