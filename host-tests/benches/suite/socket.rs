//! `serve` over a socket, in both of its modes and at the default level of its log, beside what a user would take
//! instead: a native service that does the same with axum and serde, and nginx with a static file. `serve` and the
//! service keep the stored catalog in memory.

use std::fs;
use std::process::Command;

use ccs_modules_benches::catalog;

use crate::axum_service;
use crate::calls::structs_list;
use crate::context::Context;
use crate::failure::Outcome;
use crate::load::{rates, require_wrk, same_answers};
use crate::nginx::{self, Nginx};
use crate::process::Serving;
use crate::row::{Aim, Row};

pub fn rows(context: &Context) -> Outcome<Vec<Row>> {
    require_wrk()?;
    nginx::require()?;
    let program = context.command()?;
    let access = context.folder().join("access.json");
    fs::write(&access, r#"{"anonymous":["db_viewer"]}"#)?;
    let command = || {
        let mut command = Command::new(&program);
        command
            .args(["serve", "--store", "demo", "--listen", "127.0.0.1:0", "--access"])
            .arg(&access);
        command
    };
    let memory = Serving::start(command().args(["--log", "off"]))?;
    let component = Serving::start(command().args(["--log", "off", "--component"]))?;
    let logging = Serving::start_logging(&mut command(), &context.folder().join("serve.log"))?;
    let axum = Serving::start(&mut context.role(&["axum"]))?;
    let body = structs_list(&catalog::demo());
    let nginx = |name: &str, logs| Nginx::start(&context.folder().join(name), &body, logs);
    let (nginx, logging_nginx) = (nginx("nginx", false)?, nginx("logging-nginx", true)?);
    let (nginx, logging_nginx) = (nginx.serving(), logging_nginx.serving());

    let (get, list) = (&*catalog::middle_target(), "/v1/modules");
    same_answers(&[&memory, &component, &logging, &axum], get)?;
    same_answers(&[&memory, &component, &logging, &axum, nginx, logging_nginx], list)?;
    let rates = rates(
        &[
            (&memory, get),
            (&logging, get),
            (&component, get),
            (&axum, get),
            (&memory, list),
            (&logging, list),
            (&component, list),
            (&axum, list),
            (&axum, axum_service::FINISHED),
            (nginx, list),
            (logging_nginx, list),
        ],
        context.effort,
    )?;
    let [
        memory_get,
        logging_get,
        component_get,
        axum_get,
        memory_list,
        logging_list,
        component_list,
        axum_list,
        axum_finished,
        nginx_list,
        logging_nginx_list,
    ] = rates[..]
    else {
        return Err("not every load has a rate".into());
    };

    let row = |name, ours, twin, rate, least| {
        Row::new("serve", name, ours).beside(twin, rate).aims(&[Aim::RatioAtLeast(least)])
    };
    const LOGGED: &str = "at the default log level";
    let (structs, file) = ("axum and serde", "nginx, a static file");
    Ok(vec![
        row("get, from memory".into(), memory_get, structs, axum_get, 0.95),
        row(format!("get, {LOGGED}"), logging_get, structs, axum_get, 0.95),
        row("get, by the component".into(), component_get, structs, axum_get, 0.8),
        row("list, from memory".into(), memory_list, structs, axum_list, 1.8),
        row("list, by the component".into(), component_list, structs, axum_list, 1.0),
        row("list, from memory".into(), memory_list, "axum, finished bytes", axum_finished, 0.9),
        row("list, from memory".into(), memory_list, file, nginx_list, 0.95),
        row(format!("list, {LOGGED}"), logging_list, file, nginx_list, 0.95),
        row(
            format!("list, {LOGGED}"),
            logging_list,
            "nginx with its log",
            logging_nginx_list,
            0.95,
        ),
    ])
}
