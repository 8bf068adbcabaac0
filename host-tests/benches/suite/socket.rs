//! `serve` over a socket, beside a native service that does the same with axum and serde. Both have the
//! catalog in memory, as it was stored.

use std::fs;
use std::process::Command;

use ccs_modules_benches::catalog;

use crate::context::Context;
use crate::failure::Outcome;
use crate::load::{rates, require_wrk, same_answers};
use crate::process::Serving;
use crate::row::{Aim, Row};

pub fn rows(context: &Context) -> Outcome<Vec<Row>> {
    require_wrk()?;
    let command = context.command()?;
    let access = context.folder().join("access.json");
    fs::write(&access, r#"{"anonymous":["db_viewer"]}"#)?;
    let serve = |instances| {
        Serving::start(
            Command::new(&command)
                .args(["serve", "--store", "demo", "--log", "off", "--listen", "127.0.0.1:0"])
                .args(["--instances", instances, "--access"])
                .arg(&access),
        )
    };
    let (fresh, reused) = (serve("fresh")?, serve("reused")?);
    let twin = Serving::start(&mut context.role(&["axum"]))?;

    let (get, list) = (catalog::middle_target(), "/v1/modules".to_owned());
    for target in [&get, &list] {
        same_answers(&[&fresh, &reused, &twin], target)?;
    }
    let rates = rates(
        &[
            (&fresh, &get),
            (&reused, &get),
            (&twin, &get),
            (&fresh, &list),
            (&reused, &list),
            (&twin, &list),
        ],
        context.effort,
    )?;
    let row = |name, ours: usize, twin: usize| {
        Row::new("serve", name, rates[ours]).beside("axum and serde", rates[twin])
    };
    Ok(vec![
        row("get, an instance for each request", 0, 2).aims(&[Aim::RatioAtLeast(0.8)]),
        row("get, reused instances", 1, 2).aims(&[Aim::RatioAtLeast(0.95)]),
        row("list, an instance for each request", 3, 5).aims(&[Aim::RatioAtLeast(1.0)]),
        row("list, reused instances", 4, 5),
    ])
}
