//! `list`: lists modules, all of them or those that are asked for.

use ccs_modules::lookup::{InvalidRedisVersion, RedisVersion};
use ccs_modules_host::{Fitting, FittingRule, Module, OtherModule};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::{Failure, Query, output, service};

/// The arguments of `list`.
#[derive(Args)]
pub struct List {
    #[command(flatten)]
    query: Query,
    /// Lists only the newest module of each name.
    #[arg(long, conflicts_with = "fits")]
    latest: bool,
    /// Lists, of each name, the module that a database of this Redis version gets, such as `7.4`.
    #[arg(long, value_name = "REDIS_VERSION", value_parser = redis_version, required_if_eq("format", "reasons"))]
    fits: Option<String>,
    /// The form of the output; `json` is the body of the REST API's response.
    #[arg(long, value_enum, default_value_t)]
    format: ListFormat,
}

#[derive(Clone, Copy, Default, ValueEnum)]
enum ListFormat {
    /// A table for people.
    #[default]
    Table,
    /// JSON for programs.
    Json,
    /// JSON with the choice for each name and its reason; needs `--fits`.
    Reasons,
}

/// Checks a Redis version of the command line.
fn redis_version(text: &str) -> Result<String, InvalidRedisVersion> {
    text.parse::<RedisVersion>().map(|_| text.into())
}

/// Lists the modules of the store, in the order of the store.
pub async fn run(arguments: &List) -> Result<Vec<u8>, Failure> {
    let List { query, latest, fits, format } = arguments;
    let service = service::open(&query.store, query.time).await?;
    Ok(match (format, fits) {
        (ListFormat::Json, fits) => {
            let query_string = match fits {
                Some(version) => format!("?fits={}", service::percent_encoded(version)),
                None if *latest => "?latest=true".into(),
                None => String::new(),
            };
            let target = format!("/v1/modules{query_string}");
            service::body(&service, target, &query.roles).await?
        }
        (ListFormat::Reasons, Some(version)) => {
            reasons(&service.fitting_modules(&query.roles, version).await?)
        }
        (ListFormat::Table, Some(version)) => {
            fitting_table(&service.fitting_modules(&query.roles, version).await?)
        }
        (_, None) if *latest => table(&service.latest_modules(&query.roles).await?),
        (_, None) => table(&service.list_modules(&query.roles).await?),
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

/// Formats what a database gets, with the reasons, as JSON.
fn reasons(fitting: &[Fitting]) -> Vec<u8> {
    let rule = |rule| match rule {
        FittingRule::CompatibleRedisVersion => "compatible_redis_version",
        FittingRule::MinRedisVersion => "min_redis_version",
    };
    let records = fitting.iter().map(|Fitting { module_name, chosen, others }| {
        let chosen = chosen.as_ref().map(|chosen| {
            let Module { uid, semantic_version, .. } = &chosen.module;
            let (rule, reason) = (rule(chosen.rule), &chosen.reason);
            json!({ "uid": uid, "semantic_version": semantic_version, "rule": rule, "reason": reason })
        });
        let others = others.iter().map(|OtherModule { uid, semantic_version, reason }| {
            json!({ "uid": uid, "semantic_version": semantic_version, "reason": reason })
        });
        let others: Vec<_> = others.collect();
        json!({ "module_name": module_name, "chosen": chosen, "others": others })
    });
    format!("{}\n", Value::from_iter(records)).into_bytes()
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
