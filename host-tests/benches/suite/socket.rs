//! `serve` over a socket, beside a native service that does the same with axum and serde. Both keep
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
    let serve = |store: &str, instances| {
        Serving::start(
            Command::new(&command)
                .args(["serve", "--store", store, "--log", "off", "--listen", "127.0.0.1:0"])
                .args(["--instances", instances, "--access"])
                .arg(&access),
        )
    };
    let (fresh, reused) = (serve("demo", "fresh")?, serve("demo", "reused")?);
    let kept = serve("demo", "held")?;
    let mirror = serve(&format!("http://{}", kept.address), "held")?;
    let twin = Serving::start(&mut context.role(&["axum"]))?;

    let (get, list) = (catalog::middle_target(), "/v1/modules".to_owned());
    for target in [&get, &list] {
        same_answers(&[&fresh, &reused, &kept, &mirror, &twin], target)?;
    }
    let servers = [&fresh, &reused, &kept, &mirror, &twin];
    let loads: Vec<_> = [&*get, &*list]
        .into_iter()
        .flat_map(|target| servers.map(|server| (server, target)))
        .collect();
    let finished = [(&twin, axum_service::FINISHED)];
    let loads: Vec<_> = loads.into_iter().chain(finished).collect();
    let rates = rates(&loads, context.effort)?;
    let (gets, lists) = rates.split_at(servers.len());
    let row = |name, rates: &[Quantity], ours: usize| {
        Row::new("serve", name, rates[ours]).beside("axum and serde", rates[4])
    };
    let mirrored = |name, rates: &[Quantity]| {
        Row::new("serve", name, rates[3])
            .beside("a held snapshot", rates[2])
            .aims(&[Aim::RatioAtLeast(0.95)])
    };
    Ok(vec![
        row("get, an instance for each request", gets, 0).aims(&[Aim::RatioAtLeast(0.8)]),
        row("get, reused instances", gets, 1).aims(&[Aim::RatioAtLeast(0.95)]),
        row("get, a held snapshot", gets, 2).aims(&[Aim::RatioAtLeast(1.0)]),
        mirrored("get, a mirror", gets),
        row("list, an instance for each request", lists, 0).aims(&[Aim::RatioAtLeast(1.0)]),
        row("list, reused instances", lists, 1),
        row("list, a held snapshot", lists, 2).aims(&[Aim::RatioAtLeast(1.8)]),
        Row::new("serve", "list, a held snapshot", lists[2])
            .beside("axum, finished bytes", lists[5])
            .aims(&[Aim::RatioAtLeast(0.9)]),
        mirrored("list, a mirror", lists),
    ])
}
