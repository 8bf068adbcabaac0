//! `serve` over a socket, in both of its modes, beside a native service that does the same with axum and serde. Both keep
//! the stored catalog in memory.

use std::fs;
use std::process::Command;

use ccs_modules_benches::catalog;

use crate::axum_service;
use crate::context::Context;
use crate::failure::Outcome;
use crate::load::{rates, require_wrk, same_answers};
use crate::process::Serving;
use crate::row::{Aim, Quantity, Row};

pub fn rows(context: &Context) -> Outcome<Vec<Row>> {
    require_wrk()?;
    let command = context.command()?;
    let access = context.folder().join("access.json");
    fs::write(&access, r#"{"anonymous":["db_viewer"]}"#)?;
    let serve = |mode: &[&str]| {
        Serving::start(
            Command::new(&command)
                .args(["serve", "--store", "demo", "--log", "off", "--listen", "127.0.0.1:0"])
                .args(mode)
                .arg("--access")
                .arg(&access),
        )
    };
    let (mirror, component) = (serve(&[])?, serve(&["--component"])?);
    let twin = Serving::start(&mut context.role(&["axum"]))?;

    let (get, list) = (catalog::middle_target(), "/v1/modules".to_owned());
    let servers = [&mirror, &component, &twin];
    for target in [&get, &list] {
        same_answers(&servers, target)?;
    }
    let loads: Vec<_> = [&*get, &*list]
        .into_iter()
        .flat_map(|target| servers.map(|server| (server, target)))
        .collect();
    let finished = [(&twin, axum_service::FINISHED)];
    let loads: Vec<_> = loads.into_iter().chain(finished).collect();
    let rates = rates(&loads, context.effort)?;
    let (gets, lists) = rates.split_at(servers.len());
    let row = |name, rates: &[Quantity], ours: usize| {
        Row::new("serve", name, rates[ours]).beside("axum and serde", rates[2])
    };
    Ok(vec![
        row("get, from memory", gets, 0).aims(&[Aim::RatioAtLeast(0.95)]),
        row("get, by the component", gets, 1).aims(&[Aim::RatioAtLeast(0.8)]),
        row("list, from memory", lists, 0).aims(&[Aim::RatioAtLeast(1.8)]),
        row("list, by the component", lists, 1).aims(&[Aim::RatioAtLeast(1.0)]),
        Row::new("serve", "list, from memory", lists[0])
            .beside("axum, finished bytes", lists[3])
            .aims(&[Aim::RatioAtLeast(0.9)]),
    ])
}
