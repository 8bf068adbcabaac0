//! `list`: lists modules, all of them or those that are asked for.

use ccs_modules_host::{Fitting, Module};
use clap::Args;

use super::{Failure, Format, Query, output, service};

/// The arguments of `list`.
#[derive(Args)]
pub struct List {
    #[command(flatten)]
    query: Query,
    /// Lists only the newest module of each name.
    #[arg(long, conflicts_with = "fits")]
    latest: bool,
    /// Lists, of each name, the module that a database of this Redis version gets, such as `7.4`.
    #[arg(long, value_name = "REDIS_VERSION")]
    fits: Option<String>,
}

/// Lists the modules of the store, in the order of the store.
pub async fn run(arguments: &List) -> Result<Vec<u8>, Failure> {
    let List { query, latest, fits } = arguments;
    let service = service::open(&query.store).await?;
    Ok(match (query.format, fits) {
        (Format::Json, fits) => {
            let query_string = match fits {
                Some(version) => format!("?fits={}", service::percent_encoded(version)),
                None if *latest => "?latest=true".into(),
                None => String::new(),
            };
            let target = format!("/v1/modules{query_string}");
            service::body(&service, target, &query.roles).await?
        }
        (Format::Table, Some(version)) => {
            fitting_table(&service.fitting_modules(&query.roles, version).await?)
        }
        (Format::Table, None) if *latest => table(&service.latest_modules(&query.roles).await?),
        (Format::Table, None) => table(&service.list_modules(&query.roles).await?),
    })
}

/// Formats what a database gets, with the reasons.
fn fitting_table(fitting: &[Fitting]) -> Vec<u8> {
    let mut table = output::table();
    table.set_header(["MODULE", "VERSION", "UID", "REASON"]);
    for Fitting { module_name, chosen, others } in fitting {
        let (version, uid, reason) = match chosen {
            Some(chosen) => (
                chosen.module.semantic_version.as_deref().unwrap_or("-"),
                chosen.module.uid.as_str(),
                chosen.reason.clone(),
            ),
            None => ("-", "-", format!("none of {} fits", others.len())),
        };
        table.add_row([module_name, version, uid, &reason].map(output::cell));
    }
    output::text(&table)
}

/// Formats modules, a row each.
pub fn table(modules: &[Module]) -> Vec<u8> {
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
