//! `find NAME[@VERSION]`: lists the modules of a name.

use std::collections::BTreeSet;

use ccs_modules_host::Service;
use clap::Args;

use super::module_name::ModuleName;
use super::{Failure, Format, FormatOption, Query, list, service};

/// The arguments of `find`.
#[derive(Args)]
pub struct Find {
    /// The name, and perhaps a version: `search`, `search@2.10`, `search@21017`. Case does not matter.
    #[arg(value_name = "NAME[@VERSION]")]
    module: ModuleName,
    #[command(flatten)]
    query: Query,
    #[command(flatten)]
    output: FormatOption,
}

/// Lists the modules of a name, newest first.
pub async fn run(arguments: &Find) -> Result<Vec<u8>, Failure> {
    let Find { module, query, output } = arguments;
    let service = service::open(&query.store, query.time).await?;
    let found = service.find_modules(&query.roles, &module.name, module.version.as_deref()).await?;
    if found.is_empty() {
        let missing = format!("there is no module {module}");
        return Err(not_found(&service, query, missing, &module.name).await);
    }
    Ok(match output.format {
        Format::Json => list::documents(&found),
        Format::Table => list::table(&found),
    })
}

/// Makes the failure for a name that no module has. If it is a part of what people call a module, such as
/// RediSearch, the message has the names of those modules.
pub async fn not_found(service: &Service, query: &Query, missing: String, name: &str) -> Failure {
    let listed = match service.list_modules(&query.roles).await {
        Ok(listed) => listed,
        Err(error) => return error.into(),
    };

    let asked = name.to_lowercase();
    let mut names = BTreeSet::new();
    for module in &listed {
        let module_name = module.module_name.as_deref().unwrap_or_default();
        let display_name = module.display_name.as_deref().unwrap_or_default();
        let is_other = module_name.to_lowercase() != asked;
        if is_other && !asked.is_empty() && display_name.to_lowercase().contains(&asked) {
            names.insert(module_name);
        }
    }
    Failure::NotFound(match names.into_iter().collect::<Vec<_>>().join(", ") {
        names if names.is_empty() => missing,
        names => format!("{missing}: its name is {names}"),
    })
}
