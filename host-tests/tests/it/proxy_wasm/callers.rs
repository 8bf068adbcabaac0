//! A policy `cluster`: the upstream is asked who is calling, by all workers together.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::proxy_wasm::host::{Fate, Filter, Headers, Reply, Response, field};

const CONFIGURATION: &str = r#"{
    "ccs": {
        "upstream": {
            "cluster": "ccs", "url": "http://ccs", "timeout_ms": 1000,
            "headers": {"authorization": "Basic bWlycm9y"}
        },
        "refresh_ms": 30000
    },
    "access": {"cluster": {}}
}"#;

const LIST: &str = r#"[{"uid":"a"}]"#;
const SECOND: Duration = Duration::from_secs(1);
const MILLISECOND: Duration = Duration::from_millis(1);

#[test]
fn a_caller_is_what_the_cluster_says() {
    let cluster = Cluster::default();
    let mut filter = cluster.filter();
    for (sent, status) in [
        (basic("ann:secret"), 200),
        (basic("ann:secret"), 200),
        ("Bearer a.b".into(), 200),
        (basic("bob:secret"), 403),
        (basic("eve:guess"), 401),
        ("Digest x".into(), 401),
    ] {
        assert_eq!(ask(&mut filter, &sent).unwrap().status, status, "{sent}");
    }
    let asked = [basic("ann:secret"), "Bearer a.b".into(), basic("bob:secret"), basic("eve:guess")];
    assert_eq!(cluster.shown(), asked);
    let log = filter.log().join("\n");
    for secret in ["secret", "guess", "a.b", "bWlycm9y", &BASE64.encode("ann:secret")] {
        assert!(!log.contains(secret), "{log}");
    }
}

#[test]
fn an_older_cluster_shows_its_list() {
    let cluster = Cluster::default();
    cluster.set(|state| state.has_roles = false);
    let mut filter = cluster.filter();
    assert_eq!(ask(&mut filter, &basic("ann:secret")).unwrap().status, 200);
    assert_eq!(ask(&mut filter, &basic("eve:guess")).unwrap().status, 401);
}

#[test]
fn a_caller_who_is_kept_goes_on_while_the_cluster_is_down_and_nobody_else_does() {
    let cluster = Cluster::default();
    let mut filter = cluster.filter();
    assert_eq!(ask(&mut filter, &basic("ann:secret")).unwrap().status, 200);
    cluster.set(|state| state.is_down = true);
    filter.pass(61 * SECOND);
    for _ in 0..5 {
        assert_eq!(ask(&mut filter, &basic("ann:secret")).unwrap().status, 200);
        assert_eq!(ask(&mut filter, "Bearer a.b").unwrap().status, 503);
        filter.pass(2 * SECOND);
    }
    filter.pass(900 * SECOND);
    assert_eq!(ask(&mut filter, &basic("ann:secret")).unwrap().status, 503);
}

#[test]
fn workers_share_the_denials_of_a_name() {
    let cluster = Cluster::default();
    let mut workers = vec![cluster.filter()];
    for _ in 0..7 {
        let mut worker = workers[0].load_beside(CONFIGURATION).unwrap();
        cluster.serve(&mut worker);
        worker.pass(SECOND);
        workers.push(worker);
    }
    // All at once, and again and again.
    for round in 0..20 {
        let guess = |worker| basic(&format!("Ann:{round}.{worker}"));
        let begun = workers.iter_mut().enumerate().map(|(index, it)| begin(it, &guess(index)));
        let streams: Vec<_> = begun.collect();
        for _ in 0..50 {
            for worker in &mut workers {
                worker.pass(20 * MILLISECOND);
            }
        }
        for (worker, stream) in workers.iter_mut().zip(streams) {
            let Some(Fate::Answered(response)) = worker.take_fate(stream) else { panic!("hangs") };
            assert!(matches!(response.status, 401 | 429), "{response:?}");
            worker.end(stream);
        }
    }
    assert_eq!(cluster.shown().len(), 2, "{:?}", cluster.shown());

    // A new configuration does not forget them, and after a quarter of an hour they are forgotten.
    let other = CONFIGURATION.replace("bWlycm9y", "b3RoZXI=");
    let mut late = workers[0].load_beside(&other).unwrap();
    cluster.serve(&mut late);
    assert_eq!(ask(&mut late, &basic("ann:secret")).unwrap().status, 429);
    late.pass(901 * SECOND);
    assert_eq!(ask(&mut late, &basic("ann:secret")).unwrap().status, 200);
}

#[test]
fn the_proxy_sends_a_question_again_only_if_no_node_has_judged_it() {
    let cluster = Cluster::default();
    let configuration = CONFIGURATION.replace(
        r#""headers": {"#,
        r#""headers": {
            "x-envoy-retry-on": "5xx,reset", "x-envoy-max-retries": "10", "x-team": "a",
            "x-envoy-upstream-rq-per-try-timeout-ms": "700","#,
    );
    let mut filter = Filter::load(&configuration).unwrap();
    cluster.serve(&mut filter);
    filter.pass(SECOND);
    assert_eq!(field(filter.asked(), "x-envoy-retry-on"), "5xx,reset");
    assert_eq!(ask(&mut filter, &basic("eve:guess")).unwrap().status, 401);
    let safe = "connect-failure,refused-stream,retriable-status-codes";
    for (name, value) in [
        ("x-envoy-retry-on", safe),
        ("x-envoy-retriable-status-codes", "307"),
        ("x-envoy-max-retries", "10"),
        ("x-envoy-upstream-rq-per-try-timeout-ms", ""),
        ("x-team", "a"),
    ] {
        assert_eq!(field(filter.asked(), name), value, "{name}");
    }
}

#[test]
fn many_requests_of_one_user_are_one_question() {
    let cluster = Cluster::default();
    let mut filter = cluster.filter();
    let streams: Vec<_> = (0..20).map(|_| begin(&mut filter, &basic("ann:secret"))).collect();
    assert_eq!(filter.open_calls(), 0);
    filter.pass(MILLISECOND);
    for stream in streams {
        let Some(Fate::Answered(response)) = filter.take_fate(stream) else { panic!("hangs") };
        assert_eq!(response.status, 200);
        filter.end(stream);
    }
    assert_eq!(cluster.shown(), [basic("ann:secret")]);
}

#[test]
fn a_client_that_leaves_neither_ends_the_login_nor_hides_a_denial() {
    let cluster = Cluster::default();
    let mut filter = cluster.filter();
    for password in ["1", "2", "3", "4", "5", "6"] {
        let stream = begin(&mut filter, &basic(&format!("ann:{password}")));
        filter.end(stream);
        filter.pass(SECOND);
        // Only the refusals come at once.
        let fate = filter.take_fate(stream);
        assert!(!matches!(&fate, Some(Fate::Answered(it)) if it.status != 429), "{fate:?}");
    }
    assert_eq!(cluster.shown().len(), 2);

    // Others wait for a login whose client has left.
    let left = begin(&mut filter, "Bearer a.b");
    let waits = begin(&mut filter, "Bearer a.b");
    filter.end(left);
    filter.pass(MILLISECOND);
    let Some(Fate::Answered(response)) = filter.take_fate(waits) else { panic!("hangs") };
    assert_eq!(response.status, 200);
    filter.end(waits);
}

#[test]
fn requests_that_wait_do_not_put_the_tick_off() {
    let cluster = Cluster::default();
    let mut filter = cluster.filter();
    let first = begin(&mut filter, &basic("ann:secret"));
    let mut others = Vec::new();
    let end = filter.now() + 10 * MILLISECOND;
    // A request every quarter of a millisecond.
    while filter.now() < end {
        others.push(begin(&mut filter, &basic("ann:secret")));
        filter.pass(MILLISECOND / 4);
    }
    for stream in others.into_iter().chain([first]) {
        assert!(filter.take_fate(stream).is_some(), "hangs");
        filter.end(stream);
    }
}

/// A cluster, which all workers ask.
#[derive(Clone, Default)]
struct Cluster(Arc<Mutex<State>>);

struct State {
    has_roles: bool,
    is_down: bool,
    /// The credentials of callers that were shown to it.
    shown: Vec<String>,
}

impl Default for State {
    fn default() -> Self {
        Self { has_roles: true, is_down: false, shown: Vec::new() }
    }
}

impl Cluster {
    /// Loads the filter in front of this cluster, and lets it fetch the list.
    fn filter(&self) -> Filter {
        let mut filter = Filter::load(CONFIGURATION).unwrap();
        self.serve(&mut filter);
        filter.pass(SECOND);
        filter
    }

    fn serve(&self, filter: &mut Filter) {
        let state = self.0.clone();
        filter.set_cluster(move |headers| state.lock().unwrap().answer(headers));
    }

    fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.0.lock().unwrap());
    }

    fn shown(&self) -> Vec<String> {
        self.0.lock().unwrap().shown.clone()
    }
}

impl State {
    fn answer(&mut self, headers: &Headers) -> Reply {
        let (path, sent) = (field(headers, ":path"), field(headers, "authorization"));
        if self.is_down {
            return Reply::BrokenOff;
        }
        if ["Basic bWlycm9y", "Basic b3RoZXI="].contains(&sent) {
            return status("200", LIST);
        }

        if path == "/v1/users/role" && !self.has_roles {
            return status("404", "");
        }
        self.shown.push(sent.into());
        let role = match sent {
            "Bearer a.b" => "cluster_viewer",
            sent if sent == basic("ann:secret") => "db_viewer",
            sent if sent == basic("bob:secret") => "none",
            _ => return status("401", ""),
        };
        match path {
            "/v1/users/role" => status("200", &format!(r#"{{"role":"{role}"}}"#)),
            _ => status("200", LIST),
        }
    }
}

/// Sends a request with these credentials, and lets time pass until it is answered.
fn ask(filter: &mut Filter, authorization: &str) -> Option<Response> {
    let stream = begin(filter, authorization);
    let end = filter.now() + SECOND;
    while filter.now() < end {
        if let Some(Fate::Answered(response)) = filter.take_fate(stream) {
            filter.end(stream);
            return Some(response);
        }
        filter.pass(MILLISECOND);
    }
    None
}

fn begin(filter: &mut Filter, authorization: &str) -> u32 {
    filter.begin(&[
        (":method", b"GET"),
        (":path", b"/v1/modules"),
        ("authorization", authorization.as_bytes()),
    ])
}

fn basic(credentials: &str) -> String {
    format!("Basic {}", BASE64.encode(credentials))
}

fn status(status: &str, body: &str) -> Reply {
    Reply::Answers(vec![(":status".into(), status.as_bytes().to_vec())], body.into())
}
