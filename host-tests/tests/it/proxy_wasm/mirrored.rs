//! Mirrored upstreams: the kept list answers, whatever the upstream does.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::proxy_wasm::host::{Fate, Filter, Headers, Reply, Response, Status};

const CONFIGURATION: &str = r#"{
    "ccs": {
        "upstream": {
            "cluster": "ccs", "url": "http://ccs", "list": "/v1/modules", "timeout_ms": 1000,
            "body_bytes": 1000, "headers": {"authorization": "Basic c2VjcmV0"}
        },
        "refresh_ms": 30000, "stale_if_error_ms": 120000
    },
    "access": {"anonymous": ["admin"]}
}"#;

const LIST: &str = r#"[{"uid":"a"},{"uid":"b"}]"#;
const OTHER: &str = r#"[{"uid":"c"}]"#;
const SECOND: Duration = Duration::from_secs(1);

#[test]
fn answers_come_from_the_list_that_was_fetched() {
    let mut filter = filter();
    let asked = serve(&mut filter, Reply::Answers(Vec::new(), Vec::new()));
    let early = get(&mut filter, "/v1/modules");
    assert_eq!(early.status, 503);
    assert!(text(&early).contains("nothing has been fetched yet"), "{}", text(&early));
    assert_eq!(asked.count(), 0);

    asked.answer(ok(LIST));
    filter.pass(Duration::from_millis(10));
    assert_eq!(asked.count(), 1);
    assert!(filter.asked().contains(&("authorization".into(), b"Basic c2VjcmV0".to_vec())));
    for _ in 0..100 {
        let list = get(&mut filter, "/v1/modules");
        assert_eq!((list.status, text(&list)), (200, format!("{LIST}\n")));
        assert_eq!(field(&list, "age"), Some("0"));
        assert!(field(&list, "cache-status").unwrap().starts_with("ccs-modules; hit; ttl=60"));
        let module = get(&mut filter, "/v1/modules/b");
        assert_eq!((module.status, text(&module)), (200, "{\"uid\":\"b\"}\n".into()));
        assert_eq!(get(&mut filter, "/v1/modules/c").status, 404);
    }
    assert_eq!(asked.count(), 1);

    // One refresh in each interval, and no more.
    asked.answer(ok(OTHER));
    filter.pass(300 * SECOND);
    assert_eq!(text(&get(&mut filter, "/v1/modules")), format!("{OTHER}\n"));
    assert!((10..=13).contains(&asked.count()), "{}", asked.count());
    let fetches = i64::try_from(asked.count()).unwrap();
    assert_eq!(filter.counter("fetches.changed"), 2);
    assert_eq!(filter.counter("fetches.unchanged"), fetches - 2);
    assert_eq!(filter.counter("answers.mirror"), 301);
    assert_eq!(filter.counter("answers.stale"), 0);
    assert!(filter.counter("mirror.age_seconds") <= 30);
}

#[test]
fn the_list_is_kept_while_the_upstream_fails() {
    let redirect = vec![(":status".into(), b"307".to_vec()), ("location".into(), b"/x".to_vec())];
    for (fault, kind, why) in [
        (Reply::BrokenOff, "unavailable", "http://ccs: the response broke off"),
        (Reply::Refused(Status::InternalFailure), "unavailable", "no connection to the cluster"),
        (Reply::Refused(Status::BadArgument), "unavailable", "does not know the cluster"),
        (reply("500", "[]"), "status", "http://ccs answered 500"),
        (reply("504", ""), "timeout", "http://ccs answered 504"),
        (reply("", "[]"), "unavailable", "http://ccs: the response has no status"),
        (ok("<html>"), "malformed", "http://ccs: the list is refused: line 1, column 1"),
        (ok(r#"[{"uid":1}]"#), "malformed", "document at index 0: field uid: a number"),
        (ok(&" ".repeat(1001)), "too_large", "http://ccs sent a body of more than 1000 bytes"),
        (Reply::Answers(redirect, Vec::new()), "status", "a redirect in a circle"),
    ] {
        let mut filter = filter();
        let asked = serve(&mut filter, ok(LIST));
        filter.pass(SECOND);
        assert_eq!(get(&mut filter, "/v1/modules").status, 200);
        asked.answer(fault);
        let begun = filter.now();
        let mut stale = 0;
        // Requests go on all the while; the list is up to a second older than this.
        while filter.now() < begun + 115 * SECOND {
            filter.pass(SECOND);
            let list = get(&mut filter, "/v1/modules");
            assert_eq!((list.status, text(&list)), (200, format!("{LIST}\n")), "{why}");
            if field(&list, "cache-status").unwrap().contains(why) {
                stale += 1;
            }
        }
        assert!(stale > 20, "{why}: {stale}");
        assert_eq!(filter.counter("answers.stale"), stale, "{why}");
        assert_eq!(filter.counter("answers.mirror") + stale, 116);
        let failed = filter.counter("fetches.failed");
        assert!((3..=12).contains(&failed), "{why}: {failed}");
        assert_eq!(filter.counter(&format!("upstream_failures.{kind}")), failed, "{why}");

        filter.pass(60 * SECOND);
        let gone = get(&mut filter, "/v1/modules");
        let body = text(&gone);
        assert!(body.contains(why) && field(&gone, "age").is_none(), "{body}");
        match gone.status {
            500 => assert!(why.starts_with("document at index 0"), "{why}"),
            503 => assert!(body.contains("the catalog is more than 120 seconds old; "), "{body}"),
            status => panic!("{status}: {body}"),
        }

        // The catalog is fresh again within one refresh.
        asked.answer(ok(OTHER));
        filter.pass(30 * SECOND);
        assert_eq!(text(&get(&mut filter, "/v1/modules")), format!("{OTHER}\n"), "{why}");
        // The log has one line at the failure and one at the recovery, besides the 503.
        const UPSTREAM: &str = "ccs-modules: the upstream ";
        let lines: Vec<_> = filter.log().iter().filter(|line| line.starts_with(UPSTREAM)).collect();
        let [fails, back] = &lines[..] else { panic!("{lines:?}") };
        assert!(fails.contains("the upstream cannot be mirrored: "), "{fails}");
        assert!(fails.contains(why) && fails.contains("answers come from a list"), "{fails}");
        assert_eq!(*back, "ccs-modules: the upstream in cluster \"ccs\" answers again");
        assert!(!filter.log().iter().any(|line| line.contains("c2VjcmV0")));
    }
}

#[test]
fn a_redirect_is_followed_at_once() {
    let mut filter = filter();
    filter.set_upstream(|path| match path {
        "/v1/modules" => Reply::Answers(
            vec![(":status".into(), b"307".to_vec()), ("location".into(), b"/other".to_vec())],
            Vec::new(),
        ),
        "/other" => ok(LIST),
        path => panic!("{path}"),
    });
    filter.pass(Duration::from_millis(10));
    assert_eq!(text(&get(&mut filter, "/v1/modules")), format!("{LIST}\n"));
    assert_eq!(filter.counter("fetches.redirected"), 1);
    assert_eq!(filter.counter("fetches.changed"), 1);
}

#[test]
fn a_reply_that_comes_too_late_changes_nothing() {
    let mut filter = filter();
    let asked = serve(&mut filter, ok(LIST));
    filter.pass(SECOND);
    let mut beside = filter.load_beside(CONFIGURATION).unwrap();
    assert_eq!(get(&mut beside, "/v1/modules").status, 200);
    let other = serve(&mut beside, ok(r#"[{"uid":"late"}]"#));
    // The call of one worker hangs; its turn ends, and another worker fetches.
    let end = beside.now() + 60 * SECOND;
    while other.count() == 0 {
        assert!(beside.pass_to_tick(end));
    }
    filter.set_now(beside.now());
    asked.answer(ok(r#"[{"uid":"new"}]"#));
    filter.pass(40 * SECOND);
    assert!(asked.count() > 1);
    beside.set_now(filter.now());
    assert!(beside.pass_to_tick(end + 60 * SECOND));
    beside.deliver();
    assert_eq!(text(&get(&mut beside, "/v1/modules")), "[{\"uid\":\"new\"}]\n");
}

#[test]
fn one_fetch_is_enough_for_all_workers() {
    let mut first = filter();
    let asked = serve(&mut first, ok(LIST));
    let mut workers = vec![first];
    for _ in 0..7 {
        let mut worker = workers[0].load_beside(CONFIGURATION).unwrap();
        asked.serve(&mut worker);
        workers.push(worker);
    }
    let round = |workers: &mut Vec<Filter>, seconds: u32| {
        for _ in 0..10 * seconds {
            for worker in &mut *workers {
                worker.pass(SECOND / 10);
            }
        }
    };
    round(&mut workers, 2);
    assert_eq!(asked.count(), 1);
    round(&mut workers, 300);
    assert!((10..=13).contains(&asked.count()), "{}", asked.count());
    asked.answer(ok(OTHER));
    round(&mut workers, 32);
    for worker in &mut workers {
        let list = get(worker, "/v1/modules");
        assert_eq!(text(&list), format!("{OTHER}\n"));
        let age: u64 = field(&list, "age").unwrap().parse().unwrap();
        assert!(age <= 31, "{age}");
    }
    // All workers take over a failure with its reason, and all recover at once.
    let before = asked.count();
    asked.answer(reply("500", ""));
    round(&mut workers, 200);
    let failed = asked.count() - before;
    assert!((5..=14).contains(&failed), "{failed}");
    for worker in &mut workers {
        let gone = get(worker, "/v1/modules");
        assert_eq!(gone.status, 503);
        assert!(text(&gone).contains("http://ccs answered 500"), "{}", text(&gone));
    }
    asked.answer(ok(LIST));
    round(&mut workers, 32);
    for worker in &mut workers {
        assert_eq!(get(worker, "/v1/modules").status, 200);
    }
    let lines: Vec<_> = workers.iter().flat_map(Filter::log).collect();
    let count = |text: &str| lines.iter().filter(|line| line.contains(text)).count();
    assert_eq!((count("cannot be mirrored"), count("answers again")), (1, 1), "{lines:?}");
}

#[test]
fn all_workers_wait_after_refused_credentials() {
    let mut first = filter();
    let asked = serve(&mut first, ok(LIST));
    first.pass(SECOND);
    asked.answer(reply("401", ""));
    let mut workers = vec![first];
    for _ in 0..3 {
        let mut worker = workers[0].load_beside(CONFIGURATION).unwrap();
        asked.serve(&mut worker);
        workers.push(worker);
    }
    for second in 0..20 * 60 {
        for worker in &mut workers {
            worker.pass(SECOND);
            let status = get(worker, "/v1/modules").status;
            assert!(status == if second < 115 { 200 } else { 503 } || second < 125);
        }
        // Neither does one that is started later.
        if second % 300 == 299 {
            let mut worker = workers[0].load_beside(CONFIGURATION).unwrap();
            asked.serve(&mut worker);
            workers.push(worker);
        }
    }
    // The list, and two denials: at once and after five minutes.
    assert_eq!(asked.count(), 3);
    let refused: i64 = workers.iter_mut().map(|it| it.counter("upstream_failures.denied")).sum();
    assert_eq!(refused, 2);
}

#[test]
fn the_first_list_reaches_all_workers_at_once() {
    let mut first = filter();
    let asked = serve(&mut first, ok(LIST));
    let mut second = first.load_beside(CONFIGURATION).unwrap();
    asked.serve(&mut second);
    let end = first.now() + SECOND / 20;
    assert!(first.pass_to_tick(end));
    // The first worker has the turn.
    assert!(second.pass_to_tick(end));
    assert_eq!(get(&mut second, "/v1/modules").status, 503);
    first.deliver();
    // Before the second worker's next tick.
    assert_eq!(get(&mut second, "/v1/modules").status, 200);
    assert_eq!(asked.count(), 1);
}

#[test]
fn a_new_plugin_answers_from_what_another_fetched() {
    let mut first = filter();
    let asked = serve(&mut first, ok(LIST));
    first.pass(20 * SECOND);
    let limits = CONFIGURATION.replace("[\"admin\"]", "[\"db_viewer\"]");
    let mut second = first.load_beside(&limits).unwrap();
    let list = get(&mut second, "/v1/modules");
    assert_eq!((list.status, text(&list)), (200, format!("{LIST}\n")));
    let age: u64 = field(&list, "age").unwrap().parse().unwrap();
    assert!((0..=20).contains(&age), "{age}");
    // Another upstream has its own list, and so have other credentials.
    for (from, to) in [("http://ccs", "http://other"), ("c2VjcmV0", "b3RoZXI=")] {
        let mut other = first.load_beside(&CONFIGURATION.replace(from, to)).unwrap();
        assert_eq!(get(&mut other, "/v1/modules").status, 503);
    }
    // A list that is too old is not served, and a reply that is not a list changes nothing.
    asked.answer(Reply::BrokenOff);
    first.pass(200 * SECOND);
    let mut late = first.load_beside(CONFIGURATION).unwrap();
    assert_eq!(get(&mut late, "/v1/modules").status, 503);
}

#[test]
fn new_credentials_replace_the_list_of_the_old_ones() {
    let list = format!("[{{\"uid\":\"{}\"}}]", "a".repeat(900));
    let mut first = filter();
    serve(&mut first, ok(&list));
    first.pass(SECOND);
    let mut worker = None;
    for rotation in 1..10 {
        let other = CONFIGURATION.replace("c2VjcmV0", &format!("c2VjcmV{rotation}"));
        let mut rotated = first.load_beside(&other).unwrap();
        assert_eq!(get(&mut rotated, "/v1/modules").status, 503);
        serve(&mut rotated, ok(&list));
        rotated.pass(SECOND);
        assert_eq!(get(&mut rotated, "/v1/modules").status, 200);
        worker = Some(rotated);
    }
    let lists = first.shared_sizes().into_iter().filter(|size| *size > list.len());
    assert_eq!(lists.count(), 1);

    // Both answer on, and one with the old credentials that starts now fetches the list itself.
    let mut worker = worker.unwrap();
    for filter in [&mut first, &mut worker] {
        filter.pass(30 * SECOND);
        assert_eq!(get(filter, "/v1/modules").status, 200);
    }
    let mut late = first.load_beside(CONFIGURATION).unwrap();
    let asked = serve(&mut late, ok(&list));
    assert_eq!(get(&mut late, "/v1/modules").status, 503);
    late.pass(SECOND);
    assert_eq!((get(&mut late, "/v1/modules").status, asked.count()), (200, 1));

    // It knows of a denial all the same.
    let asked = serve(&mut first, reply("401", ""));
    while asked.count() == 0 {
        first.pass(SECOND);
    }
    serve(&mut worker, ok(OTHER));
    worker.pass(60 * SECOND);
    let mut late = first.load_beside(CONFIGURATION).unwrap();
    let asked = serve(&mut late, ok(&list));
    late.pass(60 * SECOND);
    assert_eq!(asked.count(), 0);
    assert!(text(&get(&mut late, "/v1/modules")).contains("answered 401"));
}

#[test]
fn a_list_that_has_not_changed_is_not_copied() {
    let list = format!("[{{\"uid\":\"{}\"}}]", "a".repeat(900));
    let headers: Headers = vec![(":status".into(), "200".into()), ("etag".into(), "\"x\"".into())];
    let mut first = filter();
    let asked = serve(&mut first, Reply::Answers(headers.clone(), list.clone().into()));
    let mut second = first.load_beside(CONFIGURATION).unwrap();
    asked.serve(&mut second);
    for worker in [&mut first, &mut second] {
        worker.pass(SECOND);
        assert_eq!(get(worker, "/v1/modules").status, 200);
        assert!(worker.take_longest_copy() > list.len());
    }
    for answer in [reply("304", ""), Reply::Answers(headers, list.clone().into())] {
        asked.answer(answer);
        let before = asked.count();
        for _ in 0..60 {
            first.pass(SECOND);
            second.pass(SECOND);
        }
        assert!(asked.count() > before);
        for worker in [&mut first, &mut second] {
            let age = field(&get(worker, "/v1/modules"), "age").unwrap().parse::<u64>().unwrap();
            assert!(age <= 31, "{age}");
            assert!(worker.take_longest_copy() < list.len());
        }
    }
}

#[test]
fn a_worker_without_a_list_ticks_when_the_mirror_is_due() {
    let mut filter = filter();
    let asked = serve(&mut filter, Reply::BrokenOff);
    filter.pass(20 * SECOND);
    assert!(asked.count() > 1);
    assert!(filter.ticks() < 50, "{}", filter.ticks());
    // The next one comes in time.
    asked.answer(ok(LIST));
    filter.pass(16 * SECOND);
    assert_eq!(get(&mut filter, "/v1/modules").status, 200);
}

#[test]
fn a_change_of_the_list_is_logged() {
    let mut filter = filter();
    let asked = serve(&mut filter, ok(LIST));
    filter.pass(SECOND);
    asked.answer(ok(r#"[{"uid":"a","x":1},{"uid":"c"}]"#));
    filter.pass(60 * SECOND);
    let changed = filter.log().iter().filter(|line| line.contains("the catalog has changed: "));
    let expected =
        ["2 modules added, 0 removed, 0 changed", "1 modules added, 1 removed, 1 changed"];
    let expected = expected.map(|counts| format!("ccs-modules: the catalog has changed: {counts}"));
    assert_eq!(changed.collect::<Vec<_>>(), expected.iter().collect::<Vec<_>>());
}

#[test]
fn a_worker_that_dies_with_the_lease_delays_the_others_shortly() {
    let mut first = filter();
    serve(&mut first, ok(LIST));
    let end = first.now() + SECOND;
    assert!(first.pass_to_tick(end));
    // The reply never comes, since its worker is gone.
    let mut second = first.load_beside(CONFIGURATION).unwrap();
    drop(first);
    let asked = serve(&mut second, ok(LIST));
    second.pass(SECOND);
    assert_eq!(asked.count(), 0);
    second.pass(10 * SECOND);
    assert_eq!(asked.count(), 1);
    assert_eq!(get(&mut second, "/v1/modules").status, 200);
}

#[test]
fn a_clock_that_is_set_back_stops_nothing() {
    let mut filter = filter();
    let asked = serve(&mut filter, ok(LIST));
    filter.pass(SECOND);
    let end = filter.now() + 60 * SECOND;
    while asked.count() == 1 {
        assert!(filter.pass_to_tick(end));
    }
    // The clock jumps by ten days while a call is outstanding.
    filter.set_now(Duration::from_secs(136_000));
    filter.deliver();
    filter.pass(60 * SECOND);
    assert!(asked.count() > 2, "{}", asked.count());
    assert_eq!(get(&mut filter, "/v1/modules").status, 200);
}

/// The upstream of a test: its reply, and the number of calls.
#[derive(Clone)]
struct Asked(Arc<(Mutex<Reply>, AtomicUsize)>);

impl Asked {
    fn answer(&self, reply: Reply) {
        *self.0.0.lock().unwrap() = reply;
    }

    fn count(&self) -> usize {
        self.0.1.load(Ordering::Relaxed)
    }

    fn serve(&self, filter: &mut Filter) {
        let upstream = self.clone();
        filter.set_upstream(move |_| {
            upstream.0.1.fetch_add(1, Ordering::Relaxed);
            upstream.0.0.lock().unwrap().clone()
        });
    }
}

fn serve(filter: &mut Filter, reply: Reply) -> Asked {
    let asked = Asked(Arc::new((Mutex::new(reply), AtomicUsize::new(0))));
    asked.serve(filter);
    asked
}

fn filter() -> Filter {
    Filter::load(CONFIGURATION).unwrap()
}

fn get(filter: &mut Filter, target: &str) -> Response {
    match filter.request(&[(":method", b"GET"), (":path", target.as_bytes())]) {
        Fate::Answered(response) => response,
        fate => panic!("{fate:?}"),
    }
}

fn field<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    let field = response.headers.iter().find(|(found, _)| found == name);
    field.map(|(_, value)| str::from_utf8(value).unwrap())
}

fn text(response: &Response) -> String {
    String::from_utf8(response.body.clone()).unwrap()
}

fn ok(body: &str) -> Reply {
    reply("200", body)
}

fn reply(status: &str, body: &str) -> Reply {
    let headers: Headers = vec![(":status".into(), status.into())];
    Reply::Answers(headers, body.into())
}
