//! `diff STORE STORE`: compares two catalogs.

use std::fmt::Display;

use ccs_modules::lookup::{ChangedModule, Differences, FieldDifference};
use ccs_modules::{Limits, Module, Snapshot};
use ccs_modules_host::Ccs;
use clap::Args;
use serde::Serialize;
use serde_json::value::RawValue;

use super::{
    Failure, Format, FormatOption, Output, StoreAddress, TimeOption, output, print, service,
};

/// The arguments of `diff`.
#[derive(Args)]
pub struct Diff {
    /// The store of the older catalog, see `ccs-modules help stores`.
    older: StoreAddress,
    /// The store of the newer catalog.
    newer: StoreAddress,
    #[command(flatten)]
    output: FormatOption,
    #[command(flatten)]
    time: TimeOption,
}

/// Compares the catalogs of two stores. The exit code is 0 if they are the same, 1 if they differ,
/// and 2 if they cannot be compared.
pub async fn run(arguments: &Diff) -> Result<Output, Failure> {
    let Diff { older, newer, output, time } = arguments;
    let trouble = |error: Failure| Failure::Trouble(error.to_string());
    let differences = compare(older, newer, *time).await.map_err(trouble)?;

    let text = match output.format {
        Format::Json => json(&differences, None)?,
        Format::Table => lines(&differences),
    };
    print(&text).map_err(trouble)?;
    Ok(Output { text: Vec::new(), exit_code: u8::from(!differences.is_empty()) })
}

async fn compare(
    older: &StoreAddress,
    newer: &StoreAddress,
    time: TimeOption,
) -> Result<Differences, Failure> {
    let older = read(older, time).await?;
    let newer = read(newer, time).await?;
    older.differences(&newer).map_err(Failure::other)
}

/// Reads the catalog of a store.
async fn read(store: &StoreAddress, time: TimeOption) -> Result<Snapshot, Failure> {
    snapshot(&*store.ccs(service::limits(time.timeout.0))?).await
}

/// Reads the catalog of an open store.
pub async fn snapshot(ccs: &dyn Ccs) -> Result<Snapshot, Failure> {
    let documents = ccs.list_documents().await?;
    Snapshot::from_documents(&documents, &Limits::default()).map_err(Failure::other)
}

/// Formats differences for people: a line for each module, and one for each field.
pub fn lines(differences: &Differences) -> Vec<u8> {
    let Differences { added, removed, changed } = differences;
    let mut lines = Vec::new();
    lines.extend(removed.iter().map(|module| line("-", module)));
    lines.extend(added.iter().map(|module| line("+", module)));
    for ChangedModule { module, fields } in changed {
        lines.push(line("~", module));
        lines.extend(fields.iter().map(field_line));
    }
    lines.concat().into_bytes()
}

fn line(mark: &str, module: &Module) -> String {
    let name = module.module_name.as_deref().unwrap_or("-");
    let version = module.semantic_version.as_deref().unwrap_or("-");
    format!("{}\n", [mark, name, version, &module.uid].map(output::cell).join(" "))
}

fn field_line(field: &FieldDifference) -> String {
    let value = |value: &Option<String>| output::cell(value.as_deref().unwrap_or("(absent)"));
    let FieldDifference { name, before, after } = field;
    format!("    {}: {} -> {}\n", output::cell(name), value(before), value(after))
}

/// Formats differences for programs, in one line, with the time when they were seen.
pub fn json(differences: &Differences, time: Option<&dyn Display>) -> Result<Vec<u8>, Failure> {
    #[derive(Serialize)]
    struct Report<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        time: Option<String>,
        added: &'a [Module],
        removed: &'a [Module],
        changed: Vec<Changed<'a>>,
    }
    #[derive(Serialize)]
    struct Changed<'a> {
        module: &'a Module,
        fields: Vec<Field<'a>>,
    }
    #[derive(Serialize)]
    struct Field<'a> {
        name: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        before: Option<&'a RawValue>,
        #[serde(skip_serializing_if = "Option::is_none")]
        after: Option<&'a RawValue>,
    }

    let Differences { added, removed, changed } = differences;
    let changed = changed.iter().map(|change| Changed {
        module: &change.module,
        fields: change
            .fields
            .iter()
            .map(|field| Field {
                name: &field.name,
                before: raw(field.before.as_ref()),
                after: raw(field.after.as_ref()),
            })
            .collect(),
    });
    let time = time.map(ToString::to_string);
    let report = Report { time, added, removed, changed: changed.collect() };
    let mut text = serde_json::to_vec(&report).map_err(Failure::other)?;
    text.push(b'\n');
    Ok(text)
}

/// Returns a JSON text for serde_json to write as it is.
fn raw(text: Option<&String>) -> Option<&RawValue> {
    text.and_then(|text| serde_json::from_str(text).ok())
}
