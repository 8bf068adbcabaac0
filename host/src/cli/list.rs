//! `list`: lists every module.

use ccs_modules_host::Module;

use super::{Failure, Output, Query, output, service};

/// Lists every module of the store, in the order of the store.
pub async fn run(query: &Query) -> Result<Vec<u8>, Failure> {
    let service = service::open(&query.store).await?;
    match query.output {
        Output::Json => service::body(&service, "/v1/modules".into(), &query.roles).await,
        Output::Table => Ok(table(&service.list_modules(&query.roles).await?)),
    }
}

fn table(modules: &[Module]) -> Vec<u8> {
    let mut table = output::table();
    table.set_header(["UID", "MODULE", "VERSION", "NAME", "NEEDS REDIS"]);
    for module in modules {
        table.add_row(
            [
                Some(&module.uid),
                module.module_name.as_ref(),
                module.semantic_version.as_ref(),
                module.display_name.as_ref(),
                module.min_redis_version.as_ref(),
            ]
            .map(|text| output::cell(text.map_or("-", String::as_str))),
        );
    }
    output::text(&table)
}
