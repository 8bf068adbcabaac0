//! The case list, through every shell.

use std::collections::BTreeSet;
use std::env;

use ccs_modules::{Limits, Snapshot};
use ccs_modules_host::artifacts::{self, Artifact};

use crate::runners;
use crate::support::case::Case;
use crate::support::outcome::Outcome;

/// Makes a test for each shell, and the list of the artifacts that they run.
macro_rules! shells {
    (native: $native:path, $($test:ident: $artifact:path => $runner:path,)*) => {
        #[tokio::test]
        async fn native_core() {
            check(true, $native).await;
        }

        $(
            #[tokio::test]
            async fn $test() {
                check(false, $runner).await;
            }
        )*

        const RUN: &[&Artifact] = &[$(&$artifact),*];
    };
}

shells! {
    native: runners::native::run,
    plugin_component: artifacts::PLUGIN => runners::plugin::run,
    proxy_wasm_filter: artifacts::PROXY_WASM => runners::proxy_wasm::run,
    standalone_component: artifacts::STANDALONE => runners::standalone::run,
}

#[tokio::test]
async fn native_snapshot() {
    check(false, runners::snapshot::run).await;
}

#[tokio::test]
async fn server_http1() {
    check(false, runners::server::http1).await;
}

#[tokio::test]
async fn server_over_a_server() {
    check(false, runners::server::chained).await;
}

#[tokio::test]
async fn server_http2() {
    check(false, runners::server::http2).await;
}

/// The artifacts that `runtimes/run` runs in their own hosts. Those of Spin are exempt: no package
/// carries it, so only their imports are tested.
const RUN_IN_RUNTIMES: &[&Artifact] = &[
    &artifacts::HTTP_WASM,
    &artifacts::WASI_HTTP,
    &artifacts::WASI_HTTP_BAKED,
    &artifacts::WASI_HTTP_P3,
    &artifacts::WASI_HTTP_P3_BAKED,
    &artifacts::WASI_HTTP_P3_MIDDLEWARE,
    &artifacts::FASTLY,
    &artifacts::CCS_HTTP,
    &artifacts::CCS_KEYVALUE,
    &artifacts::CCS_KEYVALUE_DRAFT2,
    &artifacts::CCS_REDIS,
];

#[test]
fn every_artifact_is_run() {
    let run: BTreeSet<_> = RUN.iter().chain(RUN_IN_RUNTIMES).map(|it| it.name).collect();
    let built: BTreeSet<_> = artifacts::BUILT.iter().map(|it| it.name).collect();
    assert_eq!(run, built);
}

/// A host whose store is checked whole reads this from the case, and leaves the case out.
#[test]
fn a_case_states_whether_another_document_is_malformed() {
    for case in Case::all() {
        let Some(documents) = case.documents() else { continue };
        let whole = Snapshot::from_documents(&documents, &Limits::default());
        let other_is_malformed = whole.is_err() && !case.expect.is_malformed();
        assert_eq!(case.other_is_malformed(), other_is_malformed, "{}", case.name);
    }
}

/// Runs every case, and reports all that differ. With `UPDATE_EXPECT=1` the outcomes of the native
/// core are written into the files.
async fn check(updates: bool, run: impl AsyncFn(&Case) -> Vec<Outcome>) {
    let update = updates && env::var_os("UPDATE_EXPECT").is_some_and(|value| value == "1");
    let cases = Case::all();
    assert!(!cases.is_empty(), "there are no cases");
    let mut differing = Vec::new();
    let mut ran = 0;
    for case in &cases {
        let outcomes = run(case).await;
        ran += usize::from(!outcomes.is_empty());
        for outcome in outcomes {
            if outcome == case.expect {
                continue;
            }
            if update {
                case.expect_instead(&outcome);
            } else {
                let (found, expected) = (json(&outcome), json(&case.expect));
                differing.push(format!(
                    "{}: {}\nfound: {found}\nexpected: {expected}\n",
                    case.name, case.about
                ));
                break;
            }
        }
    }
    assert!(3 * ran > cases.len(), "only {ran} of {} cases ran", cases.len());
    assert!(
        differing.is_empty(),
        "{} of {} cases differ (UPDATE_EXPECT=1 writes what the native core finds)\n\n{}",
        differing.len(),
        cases.len(),
        differing.join("\n")
    );
}

fn json(outcome: &Outcome) -> String {
    serde_json::to_string_pretty(outcome).unwrap()
}
