//! `list`: lists modules, all of them or those that are asked for.

use ccs_modules::lookup::{InvalidRedisVersion, RedisVersion};
use ccs_modules_host::{Fitting, FittingRule, Module, OtherModule, Service};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::{Failure, Query, find, output, service};

/// The arguments of `list`.
#[derive(Args)]
pub struct List {
    #[command(flatten)]
    query: Query,
    /// Lists only the newest module of each name.
    #[arg(long, conflicts_with = "fits")]
    latest: bool,
    /// Lists, of each name, the module that a database of this Redis version gets, such as `7.4`.
    #[arg(long, value_name = "REDIS_VERSION", value_parser = redis_version, required_if_eq_any([("format", "reasons"), ("format", "module-list")]))]
    fits: Option<String>,
    /// The form of the output; `json` is the body of the REST API's response.
    #[arg(long, value_enum, default_value_t)]
    format: ListFormat,
}

/// The arguments of `list` where the command is named. Without it, a name would be taken for a command.
#[derive(Args)]
pub struct ListNames {
    /// The names of the modules to list, such as `search`. Without one, all are listed. Case does not matter.
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    #[command(flatten)]
    pub list: List,
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
    /// JSON for the `module_list` of `POST /v1/bdbs`, which creates a database; needs `--fits`.
    ModuleList,
}

/// Checks a Redis version of the command line.
fn redis_version(text: &str) -> Result<String, InvalidRedisVersion> {
    text.parse::<RedisVersion>().map(|_| text.into())
}

/// Lists the modules of the store with these names, or all, in the order of the store.
pub async fn run(arguments: &List, names: &[String]) -> Result<Vec<u8>, Failure> {
    let List { query, latest, fits, format } = arguments;
    let service = service::open(&query.store, query.time).await?;
    // The REST interface makes the whole body, without a record for each module.
    if let (ListFormat::Json, []) = (format, names) {
        let query_string = match fits {
            Some(version) => format!("?fits={}", service::percent_encoded(version)),
            None if *latest => "?latest=true".into(),
            None => String::new(),
        };
        return service::body(&service, format!("/v1/modules{query_string}"), &query.roles).await;
    }

    let Some(version) = fits else {
        let modules = match latest {
            true => service.latest_modules(&query.roles).await?,
            false => service.list_modules(&query.roles).await?,
        };
        let name = |module: &Module| module.module_name.clone();
        let modules = named(&service, query, modules, names, name).await?;
        return Ok(match format {
            ListFormat::Json => documents(&modules),
            _ => table(&modules),
        });
    };

    let fitting = service.fitting_modules(&query.roles, version).await?;
    let name = |fitting: &Fitting| Some(fitting.module_name.clone());
    let fitting = named(&service, query, fitting, names, name).await?;
    match format {
        ListFormat::Json => {
            let chosen = fitting.into_iter().filter_map(|it| Some(it.chosen?.module));
            Ok(documents(&chosen.collect::<Vec<_>>()))
        }
        ListFormat::Reasons => Ok(reasons(&fitting)),
        ListFormat::ModuleList => module_list(&fitting, names),
        ListFormat::Table => Ok(fitting_table(&fitting)),
    }
}

/// Returns what has one of these names, or everything if there are none.
///
/// # Errors
///
/// If nothing has a name.
async fn named<T>(
    service: &Service,
    query: &Query,
    found: Vec<T>,
    names: &[String],
    name_of: impl Fn(&T) -> Option<String>,
) -> Result<Vec<T>, Failure> {
    let is = |found: &T, name: &String| {
        name_of(found).is_some_and(|found| found.to_lowercase() == name.to_lowercase())
    };
    for name in names {
        if !found.iter().any(|found| is(found, name)) {
            let missing = format!("there is no module {name}");
            return Err(find::not_found(service, query, missing, name).await);
        }
    }
    let is_asked_for = |found: &T| names.is_empty() || names.iter().any(|name| is(found, name));
    Ok(found.into_iter().filter(is_asked_for).collect())
}

/// Formats modules as a body of `GET /v1/modules`.
pub fn documents(modules: &[Module]) -> Vec<u8> {
    let documents: Vec<_> = modules.iter().map(|module| &module.document).collect();
    ccs_modules::body::join(&documents)
}

/// Formats what a database gets as the `module_list` of a request that creates it.
///
/// # Errors
///
/// If a module that is asked for does not fit the database.
fn module_list(fitting: &[Fitting], names: &[String]) -> Result<Vec<u8>, Failure> {
    let mut modules = Vec::new();
    for Fitting { module_name, chosen, others } in fitting {
        match chosen {
            Some(chosen) => modules.push(json!({
                "module_name": module_name,
                "module_args": chosen.module.command_line_args.as_deref().unwrap_or_default(),
            })),
            None if names.is_empty() => {}
            None => {
                let count = others.len();
                let reason = format!("{module_name}: none of {count} versions fits the database");
                return Err(Failure::Other(reason));
            }
        }
    }
    Ok(format!("{}\n", Value::from(modules)).into_bytes())
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
