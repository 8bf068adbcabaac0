//! The differences between two catalogs.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use serde_json::value::RawValue;

use crate::module::Module;
use crate::snapshot::image::{Damaged, Entry, ImageView};

/// The differences between two catalogs, an older one and a newer one. Modules are matched by their
/// uids. The order of the lists does not matter.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Differences {
    /// The modules that only the newer catalog has, in its order.
    pub added: Vec<Module>,
    /// The modules that only the older catalog has, in its order.
    pub removed: Vec<Module>,
    /// The modules whose documents differ, in the order of the newer catalog.
    pub changed: Vec<ChangedModule>,
}

impl Differences {
    /// Returns whether the two catalogs have the same documents.
    pub fn is_empty(&self) -> bool {
        let Self { added, removed, changed } = self;
        added.is_empty() && removed.is_empty() && changed.is_empty()
    }
}

/// A module whose document differs between two catalogs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ChangedModule {
    /// The module in the newer catalog.
    pub module: Module,
    /// The fields that differ, by name.
    pub fields: Vec<FieldDifference>,
}

/// A field that differs between two documents.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FieldDifference {
    /// The name of the field.
    pub name: String,
    /// Its value in the older document, as compact JSON; `None` if it is absent.
    pub before: Option<String>,
    /// Its value in the newer document, as compact JSON; `None` if it is absent.
    pub after: Option<String>,
}

/// Compares two catalogs.
pub(crate) fn differences(
    older: ImageView<'_>,
    newer: ImageView<'_>,
) -> Result<Differences, Damaged> {
    let mut differences = Differences::default();
    if older.body() == newer.body() {
        return Ok(differences);
    }

    for after in newer.entries() {
        let after = after?;
        let Some(before) = older.find(&after.uid()?)? else {
            differences.added.push(after.module()?);
            continue;
        };
        let fields = compare(&before, &after)?;
        if !fields.is_empty() {
            differences.changed.push(ChangedModule { module: after.module()?, fields });
        }
    }

    for before in older.entries() {
        let before = before?;
        if newer.find(&before.uid()?)?.is_none() {
            differences.removed.push(before.module()?);
        }
    }
    Ok(differences)
}

/// Returns the fields in which two documents differ.
fn compare(before: &Entry<'_>, after: &Entry<'_>) -> Result<Vec<FieldDifference>, Damaged> {
    let (before, after) = (before.text_bytes()?, after.text_bytes()?);
    if before == after {
        return Ok(Vec::new());
    }
    let (before, after) = (members(before)?, members(after)?);
    let names: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let value = |members: &BTreeMap<_, &RawValue>, name: &String| {
        members.get(name).map(|value| String::from(value.get()))
    };
    let fields = names.into_iter().map(|name| FieldDifference {
        name: name.clone(),
        before: value(&before, name),
        after: value(&after, name),
    });
    Ok(fields.filter(|field| field.before != field.after).collect())
}

fn members(document: &[u8]) -> Result<BTreeMap<String, &RawValue>, Damaged> {
    serde_json::from_slice(document).map_err(|_| Damaged)
}
