//! `get UID`: shows one module.

use ccs_modules_host::Module;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{Failure, Output, Query, output, service};

/// Shows the module with this uid.
pub async fn run(uid: &str, query: &Query) -> Result<Vec<u8>, Failure> {
    let service = service::open(&query.store).await?;
    match query.output {
        Output::Json => {
            let uid = utf8_percent_encode(uid, NON_ALPHANUMERIC);
            service::body(&service, format!("/v1/modules/{uid}"), &query.roles).await
        }
        Output::Table => Ok(table(&service.get_module(&query.roles, uid).await?)),
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
