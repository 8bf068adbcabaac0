//! `find NAME[@VERSION]`: lists the modules of a name.

use clap::Args;

use super::module_name::ModuleName;
use super::{Failure, Format, Query, list, service};

/// The arguments of `find`.
#[derive(Args)]
pub struct Find {
    /// The name, and perhaps a version: `search`, `search@2.10`, `search@21017`. Case does not matter.
    #[arg(value_name = "NAME[@VERSION]")]
    module: ModuleName,
    #[command(flatten)]
    query: Query,
}

/// Lists the modules of a name, newest first.
pub async fn run(arguments: &Find) -> Result<Vec<u8>, Failure> {
    let Find { module, query } = arguments;
    let service = service::open(&query.store).await?;
    let found = service.find_modules(&query.roles, &module.name, module.version.as_deref()).await?;
    if found.is_empty() {
        return Err(Failure::NotFound(format!("there is no module {module}")));
    }
    Ok(match query.format {
        Format::Json => {
            let documents: Vec<_> = found.iter().map(|module| &module.document).collect();
            ccs_modules::body::join(&documents)
        }
        Format::Table => list::table(&found),
    })
}
