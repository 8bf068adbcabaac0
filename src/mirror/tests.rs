use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use super::*;
use crate::access::Caller;
use crate::catalog::{get_module, list_modules};
use crate::error::{Error, StoreError};
use crate::rest;
use crate::upstream::{Request, Response};

const REFRESH: u64 = 30_000;
const LIST: &str = r#"[{"uid":"a"}]"#;
const OTHER: &str = r#"[{"uid":"b"}]"#;
const ONE: Changes = Changes { added: 1, removed: 0, changed: 0 };

fn mirror(nodes: &[&str]) -> Mirror {
    let nodes = nodes.join("\",\"");
    let credentials = r#""credentials":{"user":"ann","password":"secret"}"#;
    let text = format!(r#"{{"nodes":["{nodes}"],{credentials},"stale_if_error_ms":600000}}"#);
    Mirror::new(Config::parse(text.as_bytes()).unwrap(), 1)
}

/// A request to send.
#[derive(Debug)]
struct Sent {
    id: FetchId,
    request: Request,
    timeout: Duration,
}

/// Expects one request.
fn fetch(mirror: &mut Mirror, now: u64) -> Sent {
    match mirror.poll(Timestamp(now)) {
        Poll::Fetch(Fetch { id, question: Question::Request(request), timeout }) => {
            Sent { id, request, timeout }
        }
        poll => panic!("{poll:?}"),
    }
}

/// Expects one question for documents. Returns its id, and the version that is known.
fn read(mirror: &mut Mirror, now: u64) -> (FetchId, Option<String>) {
    match mirror.poll(Timestamp(now)) {
        Poll::Fetch(Fetch { id, question: Question::Documents { unless }, .. }) => (id, unless),
        poll => panic!("{poll:?}"),
    }
}

/// Gives the reason why there is no response.
fn fail(mirror: &mut Mirror, now: u64, id: FetchId, why: &str) -> Outcome {
    mirror.failed(Timestamp(now), id, StoreError::Unavailable(why.into()))
}

/// Expects to wait, and returns until when.
fn wait(mirror: &mut Mirror, now: u64) -> u64 {
    match mirror.poll(Timestamp(now)) {
        Poll::Wait { until } => until.0,
        poll => panic!("{poll:?}"),
    }
}

fn response(status: u16, headers: &[(&str, &str)], body: &str) -> Response {
    let headers = headers.iter().map(|(name, value)| (name.to_string(), Vec::from(*value)));
    Response { status, headers: headers.collect(), body: body.into() }
}

/// Fetches this list, in no time.
fn load(mirror: &mut Mirror, now: u64, headers: &[(&str, &str)], list: &str) -> Outcome {
    let id = fetch(mirror, now).id;
    mirror.answered(Timestamp(now), id, response(200, headers, list))
}

/// The end of a fetch that brought this catalog from the first node.
fn ended(saved: Saved) -> Ended {
    let (body, validation) = saved.into_parts();
    Ended::new(0, Some(validation), None).with_body(body)
}

fn handle(mirror: &Mirror, now: u64, target: &str) -> rest::Response {
    handle_from(mirror.reader(), now, target)
}

fn handle_from(reader: &Reader, now: u64, target: &str) -> rest::Response {
    let caller = Caller::Authenticated(vec!["admin".to_string()]);
    let request = rest::Request { method: "GET", target, headers: &[], caller: &caller };
    reader.handle(Timestamp(now), &request).into_owned()
}

fn field<'a>(response: &'a rest::Response, name: &str) -> Option<&'a str> {
    let found = response.headers.iter().find(|(found, _)| found == name);
    found.map(|(_, value)| value.as_str())
}

fn if_none_match(sent: &Sent) -> Option<&str> {
    let fields = &sent.request.headers;
    let found = fields.iter().find(|(name, _)| name == "if-none-match");
    found.map(|(_, value)| value.as_str())
}

#[test]
fn a_list_is_fetched_and_answers() {
    let mut mirror = mirror(&["https://node1"]);
    let empty = handle(&mirror, 0, "/v1/modules");
    assert_eq!(empty.status, 503);
    assert!(empty.body.starts_with(
        br#"{"description":"the store is unavailable: nothing has been fetched yet""#
    ));
    let Sent { id, request, timeout } = fetch(&mut mirror, 5);
    assert_eq!(request.url(), "https://node1/v1/modules");
    assert_eq!(timeout, Duration::from_secs(5));
    assert_eq!(wait(&mut mirror, 6), 5005);
    let outcome = mirror.answered(Timestamp(1005), id, response(200, &[], LIST));
    assert_eq!(outcome, Outcome::Changed(ONE));

    let listed = handle(&mirror, 2500, "/v1/modules");
    assert_eq!((listed.status, &*listed.body), (200, b"[{\"uid\":\"a\"}]\n".as_slice()));
    // The list is as old as the request for it.
    assert_eq!(field(&listed, "age"), Some("2"));
    assert_eq!(field(&listed, "cache-status"), Some("ccs-modules; hit; ttl=57"));
    assert_eq!(field(&handle(&mirror, 2500, "/v1/modules/b"), "age"), Some("2"));
    assert_eq!(field(&handle(&mirror, 2500, "/v1"), "age"), None);
    let limits = &mirror.reader().config().limits;
    let modules =
        mirror.reader().answer(Timestamp(2500), list_modules(&["admin"], limits)).unwrap();
    assert_eq!(modules[0].uid, "a");
    let get = |role, uid| mirror.reader().answer(Timestamp(0), get_module(&[role], uid, limits));
    assert_eq!(get("admin", "b"), Err(Error::NotFound));
    assert_eq!(get("none", "a"), Err(Error::Forbidden));
    let until = wait(&mut mirror, 2500);
    assert!((1005..=1005 + REFRESH).contains(&until), "{until}");
}

#[test]
fn an_older_list_never_replaces_a_younger_one() {
    let mut mirror = mirror(&["https://node1", "https://relay"]);
    let view = |mirror: &Mirror, now| {
        let view = mirror.reader().view(Timestamp(now)).unwrap();
        (view.age.unwrap().as_secs(), view.snapshot.document("a").is_some())
    };
    assert_eq!(load(&mut mirror, 0, &[("age", "20")], LIST), Outcome::Changed(ONE));
    let failed = |mirror: &mut Mirror, now, age: &str, list: &str, why: &str| {
        let Outcome::Failed(error) = load(mirror, now, &[("age", age)], list) else { panic!() };
        assert!(error.to_string().ends_with(why), "{error}");
    };

    // Another list that is older, and one that nobody may get, are failures, and the list stays.
    failed(
        &mut mirror,
        40_000,
        "63",
        OTHER,
        "the list is 63 seconds old, and a younger one is kept",
    );
    failed(&mut mirror, 80_000, "601", LIST, "the list is 601 seconds old, and at most 600 may be");
    assert_eq!(view(&mirror, 80_000), (100, true));
    assert_eq!(mirror.reader().status(Timestamp(80_000)).node, 0);

    // The same list keeps its younger date.
    assert_eq!(load(&mut mirror, 120_000, &[("age", "600")], LIST), Outcome::Unchanged);
    assert_eq!(view(&mirror, 120_000), (140, true));
    assert_eq!(load(&mut mirror, 160_000, &[("age", "60")], LIST), Outcome::Unchanged);
    assert_eq!(view(&mirror, 160_000), (60, true));

    // An `age` is in whole seconds, so a list that is a little older may be a younger one.
    let other = Changes { added: 1, removed: 1, changed: 0 };
    assert_eq!(load(&mut mirror, 200_000, &[("age", "102")], OTHER), Outcome::Changed(other));
    assert_eq!(view(&mirror, 200_000), (102, false));
}

#[test]
fn an_unchanged_list_is_revalidated_by_its_entity_tag_at_the_same_url() {
    let mut mirror = mirror(&["https://node1", "https://node2"]);
    assert_eq!(load(&mut mirror, 0, &[("etag", "\"x\"")], LIST), Outcome::Changed(ONE));
    let Sent { id, request, .. } = fetch(&mut mirror, 40_000);
    assert_eq!(request.headers.last().unwrap().1, "\"x\"");
    let unchanged = response(304, &[("age", "7")], "");
    assert_eq!(mirror.answered(Timestamp(41_000), id, unchanged), Outcome::Unchanged);
    // The age is the upstream's, and the time since it was asked.
    assert_eq!(mirror.reader().view(Timestamp(42_000)).unwrap().age, Some(Duration::from_secs(9)));
    // Another node may use the same tag for another list.
    let failing = fetch(&mut mirror, 80_000).id;
    fail(&mut mirror, 80_000, failing, "reset");
    let other = fetch(&mut mirror, 120_000);
    assert_eq!((other.request.node, if_none_match(&other)), (1, None));
    // The same bytes from there are no change, and not parsed again.
    let same = response(200, &[], "[{\"uid\":\"a\"}]\n");
    assert_eq!(mirror.answered(Timestamp(120_000), other.id, same), Outcome::Unchanged);
    assert_eq!(if_none_match(&fetch(&mut mirror, 160_000)), None);
    let expected = FetchCounts { changed: 1, failed: 1, redirected: 0, unchanged: 2 };
    assert_eq!(mirror.reader().status(Timestamp(0)).fetches, expected);
}

#[test]
fn the_old_list_answers_for_stale_if_error() {
    let mut mirror = mirror(&["https://node1"]);
    load(&mut mirror, 0, &[], LIST);
    let mut now = 0;
    for bad in [
        response(500, &[], ""),
        response(200, &[], "<html>"),
        response(200, &[], r#"[{"uid":"a"}"#),
        response(200, &[], r#"[{"uid":1}]"#),
        response(304, &[], ""),
    ] {
        now = wait(&mut mirror, now);
        let id = fetch(&mut mirror, now).id;
        let outcome = mirror.answered(Timestamp(now), id, bad);
        assert!(matches!(outcome, Outcome::Failed(_)), "{outcome:?}");
        assert_eq!(handle(&mirror, now, "/v1/modules").status, 200);
    }
    now = wait(&mut mirror, now);
    let id = fetch(&mut mirror, now).id;
    fail(&mut mirror, now, id, "connection refused");
    let stale = handle(&mirror, 600_000, "/v1/modules");
    assert_eq!((stale.status, field(&stale, "age")), (200, Some("600")));
    assert_eq!(
        field(&stale, "cache-status"),
        Some(
            "ccs-modules; hit; ttl=-541; \
             detail=\"the store is unavailable: https://node1: connection refused\""
        )
    );
    let gone = handle(&mirror, 600_001, "/v1/modules");
    assert_eq!((gone.status, field(&gone, "age")), (503, None));
    let text = "the store is unavailable: the catalog is more than 600 seconds old; \
                https://node1: connection refused";
    assert!(gone.body.starts_with(format!("{{\"description\":\"{text}\"").as_bytes()));
    let status = mirror.reader().status(Timestamp(600_001));
    assert_eq!(status.age, Some(Duration::from_millis(600_001)));
    assert_eq!(status.freshness.unwrap_err().to_string(), text);
    // One good answer is enough.
    load(&mut mirror, 700_000, &[], OTHER);
    assert_eq!(handle(&mirror, 700_000, "/v1/modules").body, b"[{\"uid\":\"b\"}]\n");
    assert_eq!(mirror.reader().status(Timestamp(700_000)).failure, None);
}

#[test]
fn refused_credentials_are_denied_and_a_body_that_is_too_long_is_503() {
    let mut mirror = mirror(&["https://node1"]);
    let id = fetch(&mut mirror, 0).id;
    mirror.answered(Timestamp(0), id, response(401, &[], ""));
    let expected = "nothing has been fetched yet; https://node1 answered 401";
    assert_eq!(
        mirror.reader().view(Timestamp(0)).unwrap_err(),
        StoreError::Denied(expected.into()).into()
    );
    // A body that is too long may be gone with the next fetch, so it is a 503 as well.
    let now = wait(&mut mirror, 0);
    let id = fetch(&mut mirror, now).id;
    let long = response(200, &[], &" ".repeat((8 << 20) + 1));
    mirror.answered(Timestamp(now), id, long);
    assert_eq!(handle(&mirror, now, "/v1/modules").status, 503);
}

/// Drives a mirror until this moment. Returns the moments and the nodes of its requests, each answered by
/// this function of its number.
fn drive(
    mirror: &mut Mirror,
    range: core::ops::Range<u64>,
    answer: impl Fn(usize, &Request) -> Response,
) -> Vec<(u64, usize)> {
    let (mut now, mut asked) = (range.start, Vec::new());
    while now < range.end {
        match mirror.poll(Timestamp(now)) {
            Poll::Fetch(Fetch { id, question: Question::Request(request), .. }) => {
                let response = answer(asked.len(), &request);
                asked.push((now, request.node));
                mirror.answered(Timestamp(now), id, response);
            }
            Poll::Fetch(fetch) => panic!("{fetch:?}"),
            Poll::Wait { until } => now = until.0,
        }
    }
    asked
}

const MINUTE: u64 = 60_000;

#[test]
fn after_a_401_the_mirror_waits_five_minutes_then_fifteen() {
    for status in [401, 403] {
        let mut mirror = mirror(&["https://node1", "https://node2", "https://node3"]);
        let refused = |_, _: &Request| response(status, &[], "");
        let asked = drive(&mut mirror, 0..60 * MINUTE, refused);
        let minutes: Vec<_> = asked.iter().map(|(moment, _)| moment / MINUTE).collect();
        // After five minutes, then after fifteen, and up to a tenth later.
        assert!(matches!(minutes[..], [0, 5, 20..22, 35..38, 50..55]), "{minutes:?}");
        for three in asked.windows(3) {
            assert!(three[2].0 - three[0].0 > 15 * MINUTE, "{asked:?}");
        }

        // Nobody can make it wait for longer.
        let day = |_, _: &Request| response(status, &[("retry-after", "86400")], "");
        let asked = drive(&mut self::mirror(&["https://node1"]), 0..60 * MINUTE, day);
        assert_eq!(asked.len(), 4, "{asked:?}");

        // New credentials are tried at once.
        mirror.renew(Timestamp(60 * MINUTE));
        let id = fetch(&mut mirror, 60 * MINUTE).id;
        mirror.answered(Timestamp(60 * MINUTE), id, response(200, &[], LIST));
        // A success between two denials does not make room for more.
        let asked = drive(&mut mirror, 61 * MINUTE..120 * MINUTE, |nth, _| match nth {
            1 => response(200, &[], LIST),
            _ => response(401, &[], ""),
        });
        let denied: Vec<_> =
            asked.iter().enumerate().filter(|(nth, _)| *nth != 1).map(|(_, at)| at.0).collect();
        for three in denied.windows(3) {
            assert!(three[2] - three[0] > 15 * MINUTE, "{denied:?}");
        }
    }
}

#[test]
fn a_denied_catalog_answers_for_stale_if_denied() {
    let config = || Config::parse(br#"{"nodes":["https://node1","https://node2"]}"#).unwrap();
    let api = r#"{"description":"the URI does not exist","error_code":"not_found"}"#;
    let elsewhere = [("location", "https://elsewhere/")];
    for (bad, minutes) in [
        (response(401, &[], ""), 60),
        (response(403, &[], ""), 60),
        (response(404, &[], api), 60),
        (response(410, &[], ""), 60),
        (response(301, &elsewhere, ""), 60),
        (response(307, &elsewhere, ""), 60),
        (response(404, &[], "<html>"), 24 * 60),
        (response(429, &[], api), 24 * 60),
        (response(500, &[], api), 24 * 60),
        (response(503, &[], ""), 24 * 60),
        (response(200, &[], "<html>"), 24 * 60),
    ] {
        let mut mirror = Mirror::new(config(), 1);
        load(&mut mirror, 0, &[], LIST);
        let end = minutes * MINUTE;
        drive(&mut mirror, 0..end, |_, _| bad.clone());
        assert_eq!(handle(&mirror, end, "/v1/modules").status, 200, "{bad:?}");
        assert_eq!(handle(&mirror, end + 1, "/v1/modules").status, 503, "{bad:?}");
        let error = mirror.reader().view(Timestamp(end + 1)).unwrap_err().to_string();
        assert!(error.contains(&format!("more than {} seconds old", minutes * 60)), "{error}");
    }

    // A node that is down does not bring back what was denied, and a success does.
    let mut mirror = Mirror::new(config(), 1);
    load(&mut mirror, 0, &[], LIST);
    drive(&mut mirror, 0..90 * MINUTE, |nth, _| {
        response(if nth == 9 { 401 } else { 503 }, &[], "")
    });
    assert_eq!(handle(&mirror, 90 * MINUTE, "/v1/modules").status, 503);
    drive(&mut mirror, 90 * MINUTE..120 * MINUTE, |_, _| response(200, &[], LIST));
    assert_eq!(handle(&mirror, 120 * MINUTE, "/v1/modules").status, 200);
}

#[test]
fn a_node_is_not_asked_before_the_time_that_its_retry_after_names() {
    let busy = |status| response(status, &[("retry-after", "600")], "");
    for status in [429, 503] {
        // Other nodes may be asked.
        let mut two = mirror(&["https://node1", "https://node2"]);
        let asked = drive(&mut two, 0..9 * MINUTE, |_, request| match request.node {
            0 => busy(status),
            _ => response(200, &[], LIST),
        });
        assert_eq!(asked.iter().filter(|(_, node)| *node == 0).count(), 1, "{asked:?}");
        assert!(asked[1].0 <= 1000, "{asked:?}");
        let asked = drive(&mut mirror(&["https://node1"]), 0..60 * MINUTE, |_, _| busy(status));
        assert_eq!(asked.len(), 6, "{asked:?}");
        // The wait is at most a quarter of an hour.
        let day = || response(status, &[("retry-after", "86400")], "");
        let asked = drive(&mut mirror(&["https://node1"]), 0..61 * MINUTE, |_, _| day());
        assert_eq!(asked.len(), 5, "{asked:?}");
    }

    // A wait ends before nothing may answer any more, here after ten minutes.
    let mut one = mirror(&["https://node1"]);
    load(&mut one, 0, &[], LIST);
    let asked = drive(&mut one, 0..11 * MINUTE, |nth, _| match nth {
        0 => response(503, &[("retry-after", "900")], ""),
        _ => response(200, &[], LIST),
    });
    assert_eq!(asked[1].0, 10 * MINUTE, "{asked:?}");

    // A redirect leads to no node that asked to wait.
    let mut two = mirror(&["https://node1", "https://node2"]);
    let location = [("location", "https://node1/v1/modules")];
    let asked = drive(&mut two, 0..9 * MINUTE, |_, request| match request.node {
        0 => busy(503),
        _ => response(307, &location, ""),
    });
    assert_eq!(asked.iter().filter(|(_, node)| *node == 0).count(), 1, "{asked:?}");
}

#[test]
fn a_stale_cache_status_or_age_makes_the_catalog_stale() {
    let stale_at = |headers: &[(&str, &str)]| {
        let mut mirror = mirror(&["https://relay"]);
        load(&mut mirror, 0, headers, LIST);
        let response = handle(&mirror, 7_000, "/v1/modules");
        // A restart changes nothing.
        let saved = mirror.reader().save(Timestamp(7_000)).unwrap();
        let mut again = self::mirror(&["https://relay"]);
        again.restore(Timestamp(3), saved).unwrap();
        let restored = handle(&again, 3, "/v1/modules");
        assert_eq!(response.headers, restored.headers);
        field(&response, "cache-status").unwrap().to_string()
    };
    assert_eq!(stale_at(&[("age", "299")]), "ccs-modules; hit; ttl=53");
    assert_eq!(
        stale_at(&[("age", "300")]),
        "ccs-modules; hit; ttl=-8; detail=\"the store is unavailable: https://relay: \
         the list was 300 seconds old when it came\""
    );
    let fresh = ("cache-status", "ccs-modules; hit; ttl=3");
    assert_eq!(stale_at(&[("age", "301"), fresh]), "ccs-modules; hit; ttl=53");
    let stale = ("cache-status", "ccs-modules; hit; ttl=-9; detail=\"node1 answered 500\"");
    assert_eq!(
        stale_at(&[("age", "7"), stale]),
        "ccs-modules; hit; ttl=-8; detail=\"the store is unavailable: https://relay: \
         the list was stale when it came: node1 answered 500\""
    );

    // The next response that is fresh makes it fresh, also one without a body.
    let mut mirror = mirror(&["https://relay"]);
    load(&mut mirror, 0, &[("etag", "\"x\""), stale], LIST);
    let is_fresh = |mirror: &Mirror, now| {
        let freshness = mirror.reader().status(Timestamp(now)).freshness;
        matches!(freshness, Ok(Freshness::Fresh { .. }))
    };
    assert!(!is_fresh(&mirror, 0));
    for (now, headers, expected) in
        [(40_000, &[][..], true), (80_000, &[stale][..], false), (120_000, &[fresh][..], true)]
    {
        let id = fetch(&mut mirror, now).id;
        mirror.answered(Timestamp(now), id, response(304, headers, ""));
        assert_eq!(is_fresh(&mirror, now), expected);
    }
}

#[test]
fn a_catalog_from_the_future_is_stale_until_it_is_fetched() {
    let restored = || {
        let mut mirror = mirror(&["https://node1"]);
        mirror.restore(Timestamp(0), Saved::new(LIST.into(), None, None)).unwrap();
        mirror
    };
    let mut mirror = restored();
    let response = handle(&mirror, 7_000, "/v1/modules");
    assert_eq!((response.status, field(&response, "age")), (200, None));
    let why = "the store is unavailable: the catalog is dated in the future";
    let expected = format!("ccs-modules; hit; ttl=-8; detail=\"{why}\"");
    assert_eq!(field(&response, "cache-status"), Some(&*expected));
    let status = mirror.reader().status(Timestamp(7_000));
    assert_eq!((status.age, mirror.reader().save(Timestamp(7_000))), (None, None));

    // It is due, and any list of the cluster is younger.
    load(&mut mirror, 7_000, &[("age", "200")], OTHER);
    let response = handle(&mirror, 7_000, "/v1/modules");
    assert_eq!(field(&response, "age"), Some("200"));
    let mut same = restored();
    load(&mut same, 7_000, &[("age", "200")], LIST);
    assert_eq!(field(&handle(&same, 7_000, "/v1/modules"), "age"), Some("200"));

    // While fetches fail it answers for as long as a list that was made at the start.
    let mut mirror = restored();
    drive(&mut mirror, 0..10 * MINUTE, |_, _| self::response(500, &[], ""));
    let response = handle(&mirror, 10 * MINUTE, "/v1/modules");
    assert!(field(&response, "cache-status").unwrap().contains("answered 500"));
    assert_eq!(handle(&mirror, 10 * MINUTE + 1, "/v1/modules").status, 503);
}

#[test]
fn an_empty_list_after_a_full_one_is_a_failure() {
    let mut mirror = mirror(&["https://node1"]);
    let empty = Changes::default();
    assert_eq!(load(&mut mirror, 0, &[], "[]"), Outcome::Changed(empty));
    assert_eq!(load(&mut mirror, 40_000, &[], "[]"), Outcome::Unchanged);
    load(&mut mirror, 80_000, &[], LIST);
    let why = "https://node1: the cluster lists no module; if that is right, set allow_empty";
    let failed = Outcome::Failed(StoreError::Unavailable(why.into()).into());
    assert_eq!(load(&mut mirror, 120_000, &[], "[]"), failed);
    assert_eq!(handle(&mirror, 120_000, "/v1/modules").body, format!("{LIST}\n").as_bytes());

    let config = br#"{"nodes":["https://node1"],"allow_empty":true}"#;
    let mut allowing = Mirror::new(Config::parse(config).unwrap(), 1);
    load(&mut allowing, 0, &[], LIST);
    let removed = Changes { removed: 1, ..empty };
    assert_eq!(load(&mut allowing, 40_000, &[], "[]"), Outcome::Changed(removed));

    let mut store = Mirror::new(Config::for_store(), 1);
    for (now, body, outcome) in
        [(0, LIST, Outcome::Changed(ONE)), (40_000, "[]", Outcome::Changed(removed))]
    {
        let id = read(&mut store, now).0;
        let stored = Stored::Body { body: body.into(), version: None };
        assert_eq!(store.stored(Timestamp(now), id, stored), outcome);
    }
}

#[test]
fn mirrors_that_adopt_go_on_with_the_node_that_answered() {
    let config = br#"{"nodes":["https://dead","https://alive"]}"#;
    let mirror = |seed| Mirror::new(Config::parse(config).unwrap(), seed);
    let mut mirrors: Vec<_> = (0..16).map(mirror).collect();
    let (mut until, mut now, mut failed) = ([0; 16], 0, 0);
    while now < 30 * MINUTE {
        let first = (0..16).min_by_key(|mirror| until[*mirror]).unwrap();
        now = now.max(until[first]);
        let (id, node) = match mirrors[first].poll(Timestamp(now)) {
            Poll::Fetch(Fetch { id, question: Question::Request(request), .. }) => {
                (id, request.node)
            }
            Poll::Fetch(fetch) => panic!("{fetch:?}"),
            Poll::Wait { until: later } => {
                until[first] = later.0;
                continue;
            }
        };
        match node {
            0 => {
                failed += 1;
                fail(&mut mirrors[first], now, id, "refused")
            }
            _ => mirrors[first].answered(Timestamp(now), id, response(200, &[], LIST)),
        };
        let ended = mirrors[first].reader().ended(Timestamp(now)).with_body(LIST.into());
        for (_, other) in mirrors.iter_mut().enumerate().filter(|(other, _)| *other != first) {
            other.adopt(Timestamp(now), Duration::ZERO, ended.clone());
        }
        until = [now; 16];
    }
    assert_eq!(failed, 1);
}

#[test]
fn a_fetch_without_a_response_is_given_up_and_comes_too_late() {
    let mut mirror = mirror(&["https://node1"]);
    let id = fetch(&mut mirror, 0).id;
    assert_eq!(wait(&mut mirror, 4999), 5000);
    let until = wait(&mut mirror, 5000);
    assert!(until > 5000, "{until}");
    let status = mirror.reader().status(Timestamp(5000));
    assert_eq!(
        status.failure,
        Some(StoreError::Unavailable("https://node1: no response in 5000 ms".into()).into())
    );
    assert_eq!(mirror.answered(Timestamp(5001), id, response(200, &[], LIST)), Outcome::Late);
    assert_eq!(fail(&mut mirror, 5001, id, "reset"), Outcome::Late);
    assert!(mirror.reader().view(Timestamp(5001)).is_err());
    // A number that was never given is no outstanding one.
    let next = fetch(&mut mirror, until).id;
    assert_eq!(fail(&mut mirror, until, FetchId::from(99), "reset"), Outcome::Late);
    let outcome = mirror.answered(Timestamp(until), next, response(200, &[], LIST));
    assert_eq!(outcome, Outcome::Changed(ONE));
}

#[test]
fn the_next_node_is_asked_after_a_failure_and_the_good_one_again() {
    let mut mirror = mirror(&["https://node1", "https://node2", "https://node3"]);
    let mut now = 0;
    for node in [0, 1, 2, 0, 1] {
        let Sent { id, request, .. } = fetch(&mut mirror, now);
        assert_eq!(request.node, node);
        fail(&mut mirror, now, id, "connection refused");
        now = wait(&mut mirror, now);
    }
    load(&mut mirror, now, &[], LIST);
    assert_eq!(fetch(&mut mirror, now + REFRESH).request.node, 2);
}

#[test]
fn a_redirect_to_a_configured_node_is_followed_at_once() {
    let mut mirror = mirror(&["https://node1", "https://node2", "https://node3"]);
    let id = fetch(&mut mirror, 0).id;
    let location = [("location", "https://node2/v1/modules")];
    let outcome = mirror.answered(Timestamp(10), id, response(307, &location, ""));
    assert_eq!((outcome, mirror.reader().status(Timestamp(10)).node), (Outcome::Redirected, 1));
    let Sent { id, request, .. } = fetch(&mut mirror, 10);
    assert_eq!(request.url(), "https://node2/v1/modules");
    mirror.answered(Timestamp(20), id, response(200, &[("etag", "\"x\"")], LIST));
    // The primary is asked first from now on, by its own entity tag.
    let next = fetch(&mut mirror, 40_000);
    assert_eq!((next.request.node, if_none_match(&next)), (1, Some("\"x\"")));
    let foreign = response(307, &[("location", "https://evil/v1/modules")], "");
    let outcome = mirror.answered(Timestamp(40_000), next.id, foreign);
    let text = "https://node2 answered 307, a redirect to https://evil, \
                which is no configured node";
    assert_eq!(outcome, Outcome::Failed(StoreError::Unavailable(text.into()).into()));
    let now = wait(&mut mirror, 40_000);
    assert_eq!(fetch(&mut mirror, now).request.node, 2);
}

#[test]
fn a_redirected_request_is_conditional_too() {
    let mut mirror = mirror(&["https://node1"]);
    let moved = response(307, &[("location", "/v2/modules")], "");
    let id = fetch(&mut mirror, 0).id;
    mirror.answered(Timestamp(0), id, moved.clone());
    load(&mut mirror, 0, &[("etag", "\"x\"")], LIST);

    let first = fetch(&mut mirror, 40_000);
    assert_eq!(if_none_match(&first), None);
    mirror.answered(Timestamp(40_000), first.id, moved);
    let second = fetch(&mut mirror, 40_000);
    assert_eq!(second.request.url(), "https://node1/v2/modules");
    assert_eq!(if_none_match(&second), Some("\"x\""));
    let unchanged = response(304, &[], "");
    assert_eq!(mirror.answered(Timestamp(40_000), second.id, unchanged), Outcome::Unchanged);
}

#[test]
fn a_saved_snapshot_answers_after_a_restart() {
    let mut first = mirror(&["https://node1"]);
    assert_eq!(first.reader().save(Timestamp(0)), None);
    load(&mut first, 0, &[("etag", "\"x\""), ("age", "2")], LIST);
    let mut saved = first.reader().save(Timestamp(3000)).unwrap();
    assert_eq!(saved.age, Some(Duration::from_secs(5)));
    assert_eq!(saved.since_validation, Duration::from_secs(3));

    saved.age = Some(Duration::from_secs(105));
    saved.since_validation = Duration::from_secs(103);
    let mut second = mirror(&["https://node1"]);
    second.restore(Timestamp(7), saved.clone()).unwrap();
    let response = handle(&second, 1007, "/v1/modules");
    assert_eq!((response.status, field(&response, "age")), (200, Some("106")));
    assert_eq!(
        field(&response, "cache-status"),
        Some(
            "ccs-modules; hit; ttl=-45; \
             detail=\"the store is unavailable: the source has not been asked again\""
        )
    );
    // It is due, and asked for by its entity tag.
    let next = fetch(&mut second, 1007);
    assert_eq!(if_none_match(&next), Some("\"x\""));
    let unchanged = self::response(304, &[], "");
    assert_eq!(second.answered(Timestamp(1007), next.id, unchanged), Outcome::Unchanged);
    assert_eq!(second.reader().view(Timestamp(1007)).unwrap().age, Some(Duration::ZERO));

    // The answer of the upstream is newer than the saved list.
    let other = Saved::new(b"[]".to_vec(), None, Some(Duration::ZERO));
    second.restore(Timestamp(1007), other).unwrap();
    assert!(second.reader().view(Timestamp(1007)).unwrap().snapshot.document("a").is_some());
    // One that is too old is not answered from, and one that is fresh is not fetched at once.
    let mut third = mirror(&["https://node1"]);
    third.restore(Timestamp(0), Saved { age: Some(Duration::MAX), ..saved.clone() }).unwrap();
    assert_eq!(handle(&third, 0, "/v1/modules").status, 503);
    let mut fourth = mirror(&["https://node1"]);
    let young = Saved::new(saved.body.clone(), None, Some(Duration::ZERO));
    fourth.restore(Timestamp(0), young).unwrap();
    assert!(wait(&mut fourth, 0) > 0);
    let broken = Saved { body: b"[".to_vec(), ..saved };
    assert!(mirror(&["https://node1"]).restore(Timestamp(0), broken).is_err());
}

#[test]
fn a_restore_during_a_fetch_does_not_disturb_it() {
    let mut mirror = mirror(&["https://node1"]);
    let id = fetch(&mut mirror, 0).id;
    let validator = Some("https://node1/v1/modules \"x\"".into());
    let saved = Saved::new(LIST.into(), validator, Some(Duration::ZERO));
    mirror.restore(Timestamp(1), saved).unwrap();
    assert!(mirror.reader().status(Timestamp(1)).fetching);
    // The request had no entity tag, so this says nothing about the snapshot.
    let outcome = mirror.answered(Timestamp(2), id, response(304, &[], ""));
    assert!(matches!(outcome, Outcome::Failed(_)), "{outcome:?}");
}

#[test]
fn a_mirror_that_adopts_a_fetch_is_as_old_as_the_other() {
    let mut first = mirror(&["https://node1"]);
    load(&mut first, 0, &[("etag", "\"x\""), ("age", "2")], LIST);
    let saved = first.reader().save(Timestamp(0)).unwrap();
    let mut second = mirror(&["https://node1"]);
    let id = fetch(&mut second, 7).id;
    let since = Duration::from_millis(500);
    let outcome = second.adopt(Timestamp(8), since, ended(saved.clone()));
    assert_eq!(outcome, Outcome::Changed(ONE));
    let view = second.reader().view(Timestamp(8)).unwrap();
    assert_eq!(view.age, Some(Duration::from_millis(2500)));
    assert_eq!(view.freshness, Freshness::Fresh { left: Duration::from_millis(59_500) });
    // Its own fetch is given up, and none of them is counted.
    assert_eq!(second.answered(Timestamp(9), id, response(200, &[], "[]")), Outcome::Late);
    assert_eq!(second.reader().status(Timestamp(9)).fetches, FetchCounts::default());
    // It goes on as if the fetch had been its own.
    let until = wait(&mut second, 9);
    assert!(until > 9 && until < 8 + REFRESH, "{until}");
    assert_eq!(if_none_match(&fetch(&mut second, until)), Some("\"x\""));

    // The same list dates anew, and an older one changes nothing.
    let again = Saved { validator: None, age: Some(Duration::ZERO), ..saved.clone() };
    assert_eq!(second.adopt(Timestamp(40_000), since, ended(again)), Outcome::Unchanged);
    assert_eq!(second.reader().view(Timestamp(40_000)).unwrap().age, Some(since));
    // So does its validation alone, without a body.
    load(&mut first, 41_000, &[("etag", "\"y\"")], LIST);
    let validated = first.reader().ended(Timestamp(41_000));
    assert_eq!(validated.body, None);
    assert_eq!(second.adopt(Timestamp(41_000), since, validated), Outcome::Unchanged);
    assert_eq!(second.reader().view(Timestamp(41_000)).unwrap().age, Some(since));
    assert_eq!(second.reader().validator(), Some("https://node1/v1/modules \"y\""));
    let older = Saved { body: b"[]".to_vec(), ..saved.clone() };
    assert_eq!(second.adopt(Timestamp(40_000), since, ended(older)), Outcome::Unchanged);
    assert_eq!(handle(&second, 40_000, "/v1/modules").body, format!("{LIST}\n").as_bytes());

    // One that has been there for long is stale, and due.
    let mut third = mirror(&["https://node1"]);
    let long = Duration::from_secs(100);
    third.adopt(Timestamp(0), long, ended(saved.clone()));
    assert!(matches!(
        third.reader().view(Timestamp(0)).unwrap().freshness,
        Freshness::Stale { .. }
    ));
    fetch(&mut third, 0);
    let broken = Saved { body: b"[".to_vec(), age: Some(Duration::ZERO), ..saved };
    let outcome = third.adopt(Timestamp(0), Duration::ZERO, ended(broken));
    assert!(matches!(outcome, Outcome::Failed(Error::Store(StoreError::Other(_)))), "{outcome:?}");
}

#[test]
fn a_mirror_that_adopts_a_failure_has_its_reason() {
    let mut mirror = mirror(&["https://node1"]);
    let denied = Error::Store(StoreError::Denied("https://node1 answered 401".into()));
    let failure = Failure::new(denied.clone(), true, Duration::ZERO);
    let outcome = mirror.adopt(Timestamp(0), Duration::ZERO, Ended::new(0, None, Some(failure)));
    assert_eq!(outcome, Outcome::Failed(denied));
    let expected = "nothing has been fetched yet; https://node1 answered 401";
    assert_eq!(
        mirror.reader().view(Timestamp(0)).unwrap_err(),
        StoreError::Denied(expected.into()).into()
    );
    assert!(wait(&mut mirror, 0) > 0);
}

#[test]
fn a_clone_of_the_reader_stays_as_it_is() {
    let mut mirror = mirror(&["https://node1"]);
    load(&mut mirror, 0, &[], LIST);
    let before = mirror.reader().clone();
    let later = wait(&mut mirror, 0);
    load(&mut mirror, later, &[], OTHER);
    assert_eq!(handle(&mirror, later, "/v1/modules").body, b"[{\"uid\":\"b\"}]\n");
    assert_eq!(handle_from(&before, later, "/v1/modules").body, format!("{LIST}\n").as_bytes());
    assert_eq!(before.view(Timestamp(later)).unwrap().age, Some(Duration::from_millis(later)));
}

#[test]
fn a_clock_may_stand_still_or_go_back() {
    let mut mirror = mirror(&["https://node1"]);
    load(&mut mirror, 1_000_000, &[], LIST);
    let until = wait(&mut mirror, 1_000_000);
    assert_eq!(wait(&mut mirror, 1_000_000), until);
    let left = until - 1_000_000;
    assert_eq!(wait(&mut mirror, 0), left);
    assert_eq!(mirror.reader().view(Timestamp(2000)).unwrap().age, Some(Duration::from_secs(2)));
    assert!(mirror.reader().status(Timestamp(u64::MAX)).freshness.is_err());
    fetch(&mut mirror, left);
}

#[test]
fn a_mirror_shows_no_credentials() {
    let mut mirror = mirror(&["https://node1"]);
    let fetch = fetch(&mut mirror, 0);
    let shown = vec![
        format!("{mirror:?}"),
        format!("{fetch:?}"),
        format!("{:?}", mirror.reader().config()),
    ];
    for shown in shown {
        for secret in ["ann", "secret", "YW5u"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}

#[test]
fn a_store_is_asked_for_its_documents_unless_they_are_unchanged() {
    let mut mirror = Mirror::new(Config::for_store(), 1);
    let documents = |uids: &[&str], version: Option<&str>| Stored::Documents {
        documents: uids.iter().map(|uid| format!(r#"{{"uid":"{uid}"}}"#).into_bytes()).collect(),
        version: version.map(Into::into),
    };
    let (id, unless) = read(&mut mirror, 0);
    assert_eq!(unless, None);
    let outcome = mirror.stored(Timestamp(0), id, documents(&["a", "b"], Some("1")));
    assert_eq!(outcome, Outcome::Changed(Changes { added: 2, ..Changes::default() }));
    let list = b"[{\"uid\":\"a\"},{\"uid\":\"b\"}]\n".as_slice();
    assert_eq!(handle(&mirror, 0, "/v1/modules").body, list);

    let (id, unless) = read(&mut mirror, 40_000);
    assert_eq!(unless.as_deref(), Some("1"));
    let outcome = mirror.stored(Timestamp(41_000), id, Stored::Unchanged);
    assert_eq!(outcome, Outcome::Unchanged);
    assert_eq!(mirror.reader().view(Timestamp(41_000)).unwrap().age, Some(Duration::from_secs(1)));
    // The same documents may have a new version, or none.
    let id = read(&mut mirror, 80_000).0;
    let outcome = mirror.stored(Timestamp(80_000), id, documents(&["a", "b"], None));
    assert_eq!(outcome, Outcome::Unchanged);
    let (id, unless) = read(&mut mirror, 120_000);
    assert_eq!(unless, None);
    let outcome = mirror.stored(Timestamp(120_000), id, Stored::Unchanged);
    assert!(matches!(outcome, Outcome::Failed(_)), "{outcome:?}");

    let id = read(&mut mirror, 160_000).0;
    let body = br#"[{"uid":"b","version":1},{"uid":"c"}]"#.to_vec();
    let stored = Stored::Body { body, version: Some("3".into()) };
    let outcome = mirror.stored(Timestamp(160_000), id, stored);
    assert_eq!(outcome, Outcome::Changed(Changes { added: 1, removed: 1, changed: 1 }));
    // A store's version is kept with the catalog.
    let saved = mirror.reader().save(Timestamp(160_000)).unwrap();
    let mut restarted = Mirror::new(Config::for_store(), 2);
    restarted.restore(Timestamp(0), saved).unwrap();
    assert_eq!(read(&mut restarted, 60_000).1.as_deref(), Some("3"));
}

#[test]
fn a_store_without_a_catalog_fails_as_each_of_its_calls_does() {
    let answer = |fetched: fn(&mut Mirror, FetchId) -> Outcome| {
        let mut mirror = Mirror::new(Config::for_store(), 1);
        let early = handle(&mirror, 0, "/v1/modules");
        assert_eq!(early.status, 503);
        let id = read(&mut mirror, 0).0;
        let outcome = fetched(&mut mirror, id);
        let error = mirror.reader().view(Timestamp(0)).unwrap_err();
        assert_eq!(outcome, Outcome::Failed(error.clone()));
        (handle(&mirror, 0, "/v1/modules").status, error.to_string())
    };
    let expect = |status, error: &str| (status, error.into());
    let failed = answer(|mirror, id| fail(mirror, 0, id, "down"));
    assert_eq!(failed, expect(503, "the store is unavailable: down"));
    let failed =
        answer(|mirror, id| mirror.failed(Timestamp(0), id, StoreError::Other("no".into())));
    assert_eq!(failed, expect(500, "the store failed: no"));
    let failed = answer(|mirror, id| {
        let documents = vec![br#"{"uid":"a"}"#.to_vec(), br#"{"uid":"b","version":""}"#.to_vec()];
        mirror.stored(Timestamp(0), id, Stored::Documents { documents, version: None })
    });
    assert_eq!(failed.0, 500);
    assert!(failed.1.starts_with("document \"b\": field version: "), "{failed:?}");
    // Two documents in the place of one are not two documents.
    let failed = answer(|mirror, id| {
        let documents = vec![br#"{"uid":"a"},{"uid":"b"}"#.to_vec()];
        mirror.stored(Timestamp(0), id, Stored::Documents { documents, version: None })
    });
    assert_eq!(failed.0, 500);
    let failed = answer(|mirror, id| {
        let body = b"[\n  1]".to_vec();
        mirror.stored(Timestamp(0), id, Stored::Body { body, version: None })
    });
    assert_eq!(failed.0, 500);
    assert!(failed.1.starts_with("the list of documents: line 2, column 3: "), "{failed:?}");
    let failed = answer(|mirror, id| mirror.answered(Timestamp(0), id, response(200, &[], LIST)));
    assert_eq!(
        failed,
        expect(500, "the store failed: an answer to another question than was asked")
    );
}

#[test]
fn a_cluster_is_not_answered_for_by_a_store() {
    let mut mirror = mirror(&["https://node1"]);
    let id = fetch(&mut mirror, 0).id;
    let outcome = mirror.stored(Timestamp(0), id, Stored::Unchanged);
    assert!(matches!(outcome, Outcome::Failed(_)), "{outcome:?}");
    assert_eq!(handle(&mirror, 0, "/v1/modules").status, 503);
}

#[test]
fn a_store_that_takes_long_is_fresh_for_longer() {
    let mut mirror = Mirror::new(Config::for_store(), 1);
    let (id, _) = read(&mut mirror, 0);
    let documents =
        Stored::Documents { documents: vec![br#"{"uid":"a"}"#.to_vec()], version: None };
    mirror.stored(Timestamp(4_000), id, documents.clone());
    let is_fresh = |mirror: &Mirror, now| {
        let view = mirror.reader().view(Timestamp(now)).unwrap();
        matches!(view.freshness, Freshness::Fresh { .. })
    };
    assert!(is_fresh(&mirror, 60_000) && !is_fresh(&mirror, 60_001), "twice the refresh interval");

    let due = wait(&mut mirror, 4_000);
    let (id, _) = read(&mut mirror, due);
    mirror.stored(Timestamp(due + 20_000), id, documents);
    assert!(is_fresh(&mirror, due + 80_000) && !is_fresh(&mirror, due + 80_001));
}

#[test]
fn a_fetch_that_hangs_or_fails_leaves_time_for_another_one() {
    let seconds = 1_000;
    for (refresh, stale_if_error, timeout) in
        [(10, 10, 5), (10, 15, 5), (4, 4, 5), (20, 20, 5), (60, 60, 20), (2, 2, 1), (1, 1, 1)]
    {
        for (seed, hangs) in (0..40).flat_map(|seed| [(seed, true), (seed, false)]) {
            let text = format!(
                r#"{{"nodes":["http://a"],"refresh_ms":{},"stale_if_error_ms":{},"timeout_ms":{}}}"#,
                refresh * seconds,
                stale_if_error * seconds,
                timeout * seconds
            );
            let mut mirror = Mirror::new(Config::parse(text.as_bytes()).unwrap(), seed);
            let (mut now, mut fetches) = (0, 0);
            while fetches < 6 {
                match mirror.poll(Timestamp(now)) {
                    Poll::Fetch(fetch) => {
                        fetches += 1;
                        match (fetches, hangs) {
                            (3, true) => {}
                            (3, false) => {
                                fail(&mut mirror, now, fetch.id, "lost");
                            }
                            _ => {
                                mirror.answered(Timestamp(now), fetch.id, response(200, &[], LIST));
                            }
                        }
                    }
                    Poll::Wait { until } => {
                        now = until.0;
                        let view = mirror.reader().view(Timestamp(now));
                        assert!(
                            view.is_ok(),
                            "{refresh} s, {stale_if_error} s, {timeout} s, {seed}"
                        );
                    }
                }
            }
        }
    }
}
