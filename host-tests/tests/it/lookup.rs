//! Lookups: through the plugin, and by the command.

use std::fs;
use std::io::{BufRead as _, BufReader};

use ccs_modules::lookup::{self, find_modules, fitting_modules, latest_modules};
use ccs_modules::{Limits, body};
use ccs_modules_host::{
    CallError, CallLimits, CatalogError, FittingRule, Module, Plugin, Service, artifacts, stores,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::command::{command, run};

const DEMO: &str = include_str!("../../../host/src/stores/demo.json");
const ROLES: &[&str] = &["db_viewer"];

#[tokio::test]
async fn the_plugin_looks_up_as_the_core_does() {
    let service = service();
    let catalog = ccs_modules::Snapshot::parse(DEMO.as_bytes(), &Limits::default()).unwrap();
    let limits = Limits::default();
    for (name, version) in
        [("SEARCH", None), ("search", Some("2.10")), ("bf", Some("20807")), ("none", None)]
    {
        let found = service.find_modules(ROLES, name, version).await.unwrap();
        let expected = catalog.answer(find_modules(ROLES, name, version, &limits)).unwrap();
        assert_eq!(documents(&found), core_documents(&expected), "{name} {version:?}");
    }
    let latest = service.latest_modules(ROLES).await.unwrap();
    let expected = catalog.answer(latest_modules(ROLES, &limits)).unwrap();
    assert_eq!(documents(&latest), core_documents(&expected));
    for redis_version in ["6.2", "7.2", "7.4", "8.0", "9.1"] {
        let fitting = service.fitting_modules(ROLES, redis_version).await.unwrap();
        let expected = catalog.answer(fitting_modules(ROLES, redis_version, &limits)).unwrap();
        assert_eq!(fitting.len(), expected.len());
        for (found, expected) in fitting.into_iter().zip(expected) {
            assert_eq!(found.module_name, expected.module_name);
            let others =
                found.others.into_iter().map(|it| (it.uid, it.semantic_version, it.reason));
            let expected_others =
                expected.others.into_iter().map(|it| (it.uid, it.semantic_version, it.reason));
            assert!(others.eq(expected_others), "{redis_version}");
            let chosen = found.chosen.map(|it| {
                let by_minimum = it.rule == FittingRule::MinRedisVersion;
                (it.module.document, by_minimum, it.reason)
            });
            let expected_chosen = expected.chosen.map(|it| {
                let by_minimum = it.rule == lookup::FittingRule::MinRedisVersion;
                (it.module.into_document(), by_minimum, it.reason)
            });
            assert_eq!(chosen, expected_chosen, "{redis_version}");
        }
    }
}

#[tokio::test]
async fn the_plugin_refuses_lookups_that_it_cannot_answer() {
    let forbidden = service().latest_modules(&["none"]).await;
    assert_eq!(forbidden, Err(CallError::Answered(CatalogError::Forbidden)));
    let Err(CallError::Answered(CatalogError::Other(reason))) =
        service().fitting_modules(ROLES, "seven").await
    else {
        panic!("\"seven\" is a redis version")
    };
    assert_eq!(reason, "\"seven\" is not a redis version, expected one such as 7.4 or 7.4.2");
}

#[test]
fn modules_are_found_by_name() {
    let text = success(&["find", "SEARCH"]);
    assert_eq!(column(&text, 2), ["VERSION", "7.99.91", "2.10.17", "2.8.26", "2.6.29"]);
    let text = success(&["find", "search@2.10", "--format", "json"]);
    let found: Vec<Value> = serde_json::from_str(&text).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["semantic_version"], "2.10.17");
    let output = run(&["find", "search@9"]);
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(output.stderr, b"error: there is no module search@9\n");
}

#[test]
fn a_list_can_be_of_the_latest_or_of_those_that_fit() {
    let text = success(&["list", "--latest"]);
    assert_eq!(column(&text, 2), ["VERSION", "8.0.1", "7.99.91", "7.99.3", "8.0.2"]);
    let body = success(&["list", "--latest", "--format", "json"]);
    assert_eq!(body::split(body.as_bytes()).unwrap().len(), 4);

    let text = success(&["list", "--fits", "7.2"]);
    assert_eq!(column(&text, 0), ["MODULE", "bf", "ReJSON", "search", "timeseries"]);
    assert_eq!(column(&text, 1), ["VERSION", "2.6.18", "2.6.17", "2.8.26", "1.10.18"]);
    assert!(text.contains("min_redis_version is 7.1, and no version is made for 7.2"), "{text}");
    let body = success(&["list", "--fits", "7.2", "--format", "json"]);
    assert_eq!(body::split(body.as_bytes()).unwrap().len(), 4);
    // The default command accepts the same options.
    assert_eq!(success(&["--fits", "7.2"]), text);

    assert_eq!(run(&["list", "--fits", "7.4", "--latest"]).status.code(), Some(2));
}

#[test]
fn list_takes_names() {
    let text = success(&["list", "rejson", "search"]);
    let names = column(&text, 1);
    assert_eq!((names[1..5].to_vec(), names[5..].to_vec()), (vec!["search"; 4], vec!["ReJSON"; 4]));
    let body = success(&["list", "--latest", "--format", "json", "search", "ReJSON"]);
    assert_eq!(body::split(body.as_bytes()).unwrap().len(), 2);
    assert_eq!(success(&["list", "--format", "json"]), DEMO);

    let output = run(&["list", "search", "RediSearch"]);
    assert_eq!(output.status.code(), Some(3));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.starts_with("error: there is no module RediSearch: its name is search"), "{text}");
}

#[test]
fn a_module_list_is_for_a_request_that_creates_a_database() {
    let list = |arguments: &[&str]| {
        let text = success(&[&["list", "--format", "module-list", "--fits"], arguments].concat());
        serde_json::from_str::<Value>(&text).unwrap()
    };
    let json = json!({"module_name": "ReJSON", "module_args": ""});
    let search = json!({"module_name": "search", "module_args": "PARTITIONS AUTO"});
    assert_eq!(list(&["7.2", "search", "rejson"]), json!([json, search]));
    assert_eq!(list(&["8.0"]).as_array().unwrap().len(), 4);

    let output = run(&["list", "--format", "module-list", "--fits", "5.0", "search"]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(text, "error: search: none of 4 versions fits the database\n");
    assert_eq!(run(&["list", "--format", "module-list"]).status.code(), Some(2));
}

#[test]
fn a_module_is_shown_by_its_name_too() {
    let by_name = success(&["get", "search@2.8", "--format", "json"]);
    assert!(DEMO.contains(by_name.trim_end()), "{by_name}");
    let output = run(&["get", "search@2"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "error: search@2 names 3 modules, say which one: search@2.10.17, search@2.8.26, search@2.6.29\n"
    );
    let output = run(&["get", "nothing"]);
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "error: there is no module with the uid or the name nothing\n"
    );
}

#[test]
fn two_catalogs_are_compared() {
    let folder = TempDir::new().unwrap();
    let file = |name: &str, catalog: Value| {
        let path = folder.path().join(name);
        fs::write(&path, catalog.to_string()).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let older =
        file("older.json", json!([{"uid": "a", "size": 1}, {"uid": "b", "module_name": "bf"}]));
    let newer = file("newer.json", json!([{"uid": "c"}, {"uid": "a", "size": 2}]));

    let same = run(&["diff", &older, &older]);
    assert_eq!((same.status.code(), same.stdout.as_slice()), (Some(0), &b""[..]));
    let different = run(&["diff", &older, &newer]);
    assert_eq!(different.status.code(), Some(1));
    assert_eq!(
        String::from_utf8(different.stdout).unwrap(),
        "- bf - b\n+ - - c\n~ - - a\n    size: 1 -> 2\n"
    );
    let different = run(&["diff", &older, &newer, "--format", "json"]);
    assert_eq!(different.status.code(), Some(1));
    assert_eq!(
        serde_json::from_slice::<Value>(&different.stdout).unwrap(),
        json!({
            "added": [{"uid": "c"}],
            "removed": [{"uid": "b", "module_name": "bf"}],
            "changed": [{
                "module": {"uid": "a", "size": 2},
                "fields": [{"name": "size", "before": 1, "after": 2}],
            }],
        })
    );
    let trouble = run(&["diff", &older, &file("broken.json", json!({}))]);
    assert_eq!((trouble.status.code(), trouble.stdout.as_slice()), (Some(2), &b""[..]));
    assert!(String::from_utf8_lossy(&trouble.stderr).contains("broken.json"), "{trouble:?}");
}

#[test]
fn two_real_releases_are_compared() {
    let body =
        |name: &str| format!("{}/../host-tests/cases/bodies/{name}", env!("CARGO_MANIFEST_DIR"));
    let output = run(&["diff", &body("7.22.json"), &body("8.x.json")]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.lines().any(|line| line.starts_with("+ search 7.99.91")), "{text}");
}

#[test]
fn changes_are_watched() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("modules.json");
    let replace = |catalog: Value| {
        let next = folder.path().join("next.json");
        fs::write(&next, catalog.to_string()).unwrap();
        fs::rename(next, &path).unwrap();
    };
    replace(json!([{"uid": "a"}]));
    let store = path.to_str().unwrap();
    let mut watching =
        command(&["watch", "--store", store, "--refresh", "10ms", "--until", "bf@8"])
            .spawn()
            .unwrap();
    let mut lines = BufReader::new(watching.stdout.take().unwrap()).lines();
    // The first poll may come after the first change, so the file changes until one change is seen.
    let mut number = 0;
    let time = loop {
        number += 1;
        replace(json!([{"uid": "a", "size": number}]));
        std::thread::sleep(std::time::Duration::from_millis(30));
        if number == 20 {
            replace(
                json!([{"uid": "a"}, {"uid": "b", "module_name": "bf", "semantic_version": "8.0.1"}]),
            );
            break lines.next().unwrap().unwrap();
        }
    };
    assert!(time.starts_with("20") && time.ends_with('Z'), "{time}");
    let line = lines.next().unwrap().unwrap();
    assert!(line.starts_with("~ - - a"), "{line}");
    assert!(lines.any(|line| line.unwrap() == "+ bf 8.0.1 b"));
    assert_eq!(watching.wait().unwrap().code(), Some(0));

    let output = run(&["watch", "--store", store, "--until", "bf@9", "--timeout", "100ms"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(output.stderr, b"error: 100ms without bf@9 passed\n");
}

#[test]
fn a_watch_reports_a_store_that_fails_and_answers_again() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("modules.json");
    let options = ["watch", "--store", path.to_str().unwrap(), "--refresh", "10ms"];
    let mut watching = command(&[&options[..], &["--format", "json"]].concat()).spawn().unwrap();

    let mut reports = BufReader::new(watching.stderr.take().unwrap()).lines();
    let report = reports.next().unwrap().unwrap();
    assert!(report.contains("Z error: cannot read "), "{report}");
    fs::write(&path, "[]").unwrap();
    let report = reports.next().unwrap().unwrap();
    assert!(report.ends_with("Z the store answers again"), "{report}");

    // Until the reader of the changes is gone.
    let next = folder.path().join("next.json");
    fs::write(&next, r#"[{"uid":"a"}]"#).unwrap();
    fs::rename(next, &path).unwrap();
    let mut lines = BufReader::new(watching.stdout.take().unwrap()).lines();
    let change: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!(change["added"][0]["uid"], "a");
    assert!(change["time"].is_string());
    drop(lines);
    assert_eq!(watching.wait().unwrap().code(), Some(0));
}

#[test]
fn shells_and_manuals_know_the_command() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = success(&["completions", shell]);
        assert!(script.contains("fits") && script.contains("watch"), "{shell}");
    }
    let manual = success(&["man"]);
    assert!(manual.contains(".TH ccs-modules 1") && manual.contains("REDIS_VERSION"), "{manual}");
}

fn service() -> Service {
    let plugin = Plugin::load(&artifacts::PLUGIN.wasm, CallLimits::default()).unwrap();
    plugin.service(std::sync::Arc::new(stores::demo()))
}

fn documents(modules: &[Module]) -> Vec<&str> {
    modules.iter().map(|module| module.document.as_str()).collect()
}

fn core_documents(modules: &[ccs_modules::Module]) -> Vec<&str> {
    modules.iter().map(|module| module.document()).collect()
}

/// A column of a table, its header first.
fn column(text: &str, index: usize) -> Vec<&str> {
    text.lines().map(|line| line.split_whitespace().nth(index).unwrap()).collect()
}

fn success(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
