//! Upstreams: the filter answers after every reaction of an upstream.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::proxy_wasm::host::{Fate, Filter, Headers, Reply, Response, Status};

const CONFIGURATION: &str = r#"{
    "ccs": {"upstream": {
        "cluster": "ccs", "url": "http://ccs", "list": "/v1/modules", "module": "/v1/modules/{uid}",
        "timeout_ms": 1000, "body_bytes": 1000
    }},
    "access": {"anonymous": ["admin"]},
    "limits": {"depth": 64}
}"#;

#[test]
fn each_failure_has_its_answer() {
    let long = [b"[", " ".repeat(1000).as_bytes()].concat();
    for (reply, list, module, text) in [
        (Reply::BrokenOff, 503, 503, "http://ccs: the response broke off"),
        (Reply::Answers(Vec::new(), b"[]".to_vec()), 503, 503, "broke off"),
        (Reply::Answers(field("date", "now"), b"[]".to_vec()), 503, 503, "no status"),
        (
            Reply::Refused(Status::BadArgument),
            503,
            503,
            "http://ccs: the proxy does not know the cluster \\\"ccs\\\": check ccs.upstream.cluster",
        ),
        (
            Reply::Refused(Status::InternalFailure),
            503,
            503,
            "http://ccs: the proxy has no connection to the cluster \\\"ccs\\\"",
        ),
        (status("401", "[]"), 503, 503, "denied access: http://ccs answered 401"),
        (status("403", "[]"), 503, 503, "denied access: http://ccs answered 403"),
        (status("404", "[]"), 503, 503, "404"),
        (status("404", r#"{"error_code":"module_not_exist"}"#), 503, 404, "404"),
        (status("500", "[]"), 503, 503, "http://ccs answered 500"),
        (status("204", ""), 503, 503, "http://ccs answered 204"),
        (status("", "[]"), 503, 503, "no status"),
        (status("200", ""), 503, 503, "is refused: line 1, column 1: unexpected end"),
        (status("200", "<html>"), 503, 503, "is refused: line 1, column 1: unexpected `<`"),
        (status("200", "[1]"), 503, 503, "is refused: line 1, column "),
        (status("200", r#"[{"uid":"a""#), 503, 503, "is refused: line 1, column "),
        (status("200", r#"[{"uid":1}]"#), 500, 503, ""),
        (status("200", r#"{"uid":1}"#), 503, 500, ""),
        (Reply::Answers(field(":status", "200"), long), 500, 500, "more than 1000 bytes"),
    ] {
        for (path, expected) in [("/v1/modules", list), ("/v1/modules/a", module)] {
            let response = answer(reply.clone(), path);
            let body = String::from_utf8(response.body).unwrap();
            assert_eq!(response.status, expected, "{path}, {reply:?}: {body}");
            assert!(expected == 404 || body.contains(text), "{path}, {reply:?}: {body}");
            let is_too_long = body.contains("\"error_code\":\"store_answer_too_long\"");
            assert_eq!(is_too_long, text == "more than 1000 bytes", "{path}, {reply:?}: {body}");
        }
    }
}

#[test]
fn a_uid_stays_a_uid_in_the_path() {
    for (target, asked) in [
        ("/v1/modules/a", "/v1/modules/a"),
        ("/v1/modules/a%2Fb", "/v1/modules/a%2Fb"),
        ("/v1/modules/%3F%23%25%20", "/v1/modules/%3F%23%25%20"),
        ("/v1/modules/%c3%b3", "/v1/modules/%C3%B3"),
        ("/v1/modules/-._~%41", "/v1/modules/-._~A"),
        ("/v1/modules/...", "/v1/modules/..."),
        // These uids have no path, so they are looked up in the list.
        ("/v1/modules/.", "/v1/modules"),
        ("/v1/modules/%2e%2E", "/v1/modules"),
        ("/v1/modules/a%2F..%2F..%2Fbdbs", "/v1/modules"),
        ("/v1/modules/..%5Cbdbs", "/v1/modules"),
    ] {
        let mut filter = Filter::load(CONFIGURATION).unwrap();
        filter.set_upstream(move |path| {
            assert_eq!(path, asked);
            Reply::BrokenOff
        });
        get(&mut filter, target.as_bytes());
    }
}

#[test]
fn a_module_without_a_path_is_looked_up_in_the_list() {
    let configuration = CONFIGURATION.replace(r#""module": "/v1/modules/{uid}","#, "");
    let mut filter = Filter::load(&configuration).unwrap();
    filter.set_upstream(|path| {
        assert_eq!(path, "/v1/modules");
        status("200", r#"[{"uid":"a"},{"uid":"b"}]"#)
    });
    assert_eq!(get(&mut filter, b"/v1/modules/b").body, b"{\"uid\":\"b\"}\n");
    assert_eq!(get(&mut filter, b"/v1/modules/c").status, 404);
}

#[test]
fn a_target_that_is_not_utf_8_is_400_or_passed_on() {
    let mut filter = Filter::load(CONFIGURATION).unwrap();
    assert_eq!(get(&mut filter, b"/v1/modules/\xff").status, 400);
    assert_eq!(filter.request(&[(":method", b"GET"), (":path", b"/\xff")]), Fate::PassedOn);
}

#[test]
fn a_request_without_a_target_is_passed_on() {
    let mut filter = Filter::load(CONFIGURATION).unwrap();
    assert_eq!(filter.request(&[(":method", b"CONNECT")]), Fate::PassedOn);
}

#[test]
fn the_deepest_nesting_that_may_be_configured_fits_the_stack() {
    for (levels, expected) in [(63, 200), (64, 500), (100_000, 500)] {
        let mut filter = Filter::load(CONFIGURATION).unwrap();
        filter.set_upstream(move |_| {
            let (open, close) = ("[ ".repeat(levels), "]".repeat(levels));
            status("200", &format!(r#"[{{"uid":"a","b":{open}{close}}}]"#))
        });
        assert_eq!(get(&mut filter, b"/v1/modules").status, expected, "{levels} levels");
    }
}

#[test]
fn clients_that_disconnect_leave_no_memory_behind() {
    let mut filter = Filter::load(CONFIGURATION).unwrap();
    filter.set_upstream(|_| status("200", "[]"));
    let mut disconnect = |times| {
        for _ in 0..times {
            let request = [(":method", b"GET".as_slice()), (":path", b"/v1/modules")];
            filter.disconnected_request(&request);
        }
        filter.memory_bytes()
    };
    let before = disconnect(1_000);
    assert_eq!(disconnect(50_000), before);
    assert_eq!(get(&mut filter, b"/v1/modules").body, b"[]\n");
}

#[test]
fn requests_answers_and_failures_are_counted() {
    let large = format!("[{}]", " ".repeat(1000));
    for (reply, expected) in [
        (status("200", "[]"), [("answers.upstream", 1), ("requests.2xx", 1)]),
        (status("401", ""), [("upstream_failures.denied", 1), ("requests.5xx", 1)]),
        (status("200", "[{}]"), [("upstream_failures.malformed", 1), ("requests.5xx", 1)]),
        (status("200", "<html>"), [("upstream_failures.malformed", 1), ("requests.5xx", 1)]),
        (status("500", ""), [("upstream_failures.status", 1), ("requests.5xx", 1)]),
        (status("504", ""), [("upstream_failures.timeout", 1), ("requests.5xx", 1)]),
        (status("200", &large), [("upstream_failures.too_large", 1), ("requests.5xx", 1)]),
        (status("503", ""), [("upstream_failures.unavailable", 1), ("requests.5xx", 1)]),
        (Reply::BrokenOff, [("upstream_failures.unavailable", 1), ("requests.5xx", 1)]),
        (
            Reply::Refused(Status::BadArgument),
            [("upstream_failures.unavailable", 1), ("requests.5xx", 1)],
        ),
    ] {
        let mut filter = Filter::load(CONFIGURATION).unwrap();
        filter.set_upstream(move |_| reply.clone());
        get(&mut filter, b"/v1/modules");
        assert_eq!(filter.counters(), expected);
    }
    let configuration = r#"{"ccs":{"documents":[{"uid":"a"}]},"access":{"anonymous":["admin"]}}"#;
    let mut filter = Filter::load(configuration).unwrap();
    for target in
        [b"/v1/modules".as_slice(), b"/v1/modules/a", b"/v1/modules/b", b"/v1/modules/%zz"]
    {
        get(&mut filter, target);
    }
    assert_eq!(filter.request(&[(":method", b"GET"), (":path", b"/other")]), Fate::PassedOn);
    let expected = [("answers.configuration", 3), ("requests.2xx", 2), ("requests.4xx", 2)];
    assert_eq!(filter.counters(), expected);
}

#[test]
fn the_cause_of_a_5xx_is_logged() {
    let mut filter = Filter::load(CONFIGURATION).unwrap();
    filter.set_upstream(|_| status("403", ""));
    get(&mut filter, b"/v1/modules");
    let cause = "the store denied access: http://ccs answered 403";
    assert_eq!(filter.log(), [format!("ccs-modules: a request is answered with 503: {cause}")]);
}

#[test]
fn a_filter_without_an_access_policy_says_so() {
    let filter = Filter::load(r#"{"ccs":{"documents":[]}}"#).unwrap();
    let expected = "ccs-modules: there is no access policy: every request is answered with 401; write one under access";
    assert_eq!(filter.log(), [expected]);
}

#[test]
fn the_trace_of_a_request_goes_to_the_upstream_and_nothing_else_does() {
    let configuration =
        CONFIGURATION.replace("1000\n", r#"1000, "headers": {"x-request-id": "own"}"#);
    for (configuration, id) in [(CONFIGURATION, b"7".as_slice()), (&*configuration, b"own")] {
        let mut filter = Filter::load(configuration).unwrap();
        filter.set_upstream(|_| status("200", "[]"));
        filter.request(&[
            (":method", b"GET"),
            (":path", b"/v1/modules"),
            ("authorization", b"Basic c2VjcmV0"),
            ("cookie", b"secret"),
            ("traceparent", b"00-1-2-01"),
            ("tracestate", b"\xff"),
            ("x-request-id", b"7"),
        ]);
        let find = |name| {
            let mut fields = filter.asked().iter().filter(|(found, _)| found == name);
            let field = fields.next().map(|(_, value)| value.as_slice());
            assert_eq!(fields.next(), None, "{name} twice");
            field
        };
        assert_eq!(find("traceparent"), Some(b"00-1-2-01".as_slice()));
        assert_eq!(find("x-request-id"), Some(id));
        for name in ["authorization", "cookie", "tracestate"] {
            assert_eq!(find(name), None);
        }
    }
}

#[test]
fn larger_limits_reach_the_list_and_the_module_alike() {
    let uid = "u".repeat(2000);
    let document = format!(r#"{{"own":"{}","uid":"{uid}"}}"#, "x".repeat(2 << 20));
    let limits = r#""limits":{"document_bytes":4000000,"uid_bytes":2000}"#;
    let access = r#""access":{"anonymous":["admin"]}"#;
    let target = format!("/v1/modules/{uid}");
    let check = |mut filter: Filter| {
        filter.set_upstream({
            let list = format!("[{document}]");
            move |_| status("200", &list)
        });
        let list = get(&mut filter, b"/v1/modules");
        assert_eq!((list.status, list.body), (200, format!("[{document}]\n").into_bytes()));
        let module = get(&mut filter, target.as_bytes());
        assert_eq!((module.status, module.body), (200, format!("{document}\n").into_bytes()));
    };
    check(
        Filter::load(&format!(r#"{{"ccs":{{"documents":[{document}]}},{access},{limits}}}"#))
            .unwrap(),
    );
    let upstream = r#"{"cluster":"c","url":"http://a","list":"/l","timeout_ms":1}"#;
    check(
        Filter::load(&format!(r#"{{"ccs":{{"upstream":{upstream}}},{access},{limits}}}"#)).unwrap(),
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// One filter runs all of them, so that effects of one answer on the next are seen.
    #[test]
    fn no_sequence_of_answers_traps(replies in vec(replies(), 1..16)) {
        let mut filter = Filter::load(CONFIGURATION).unwrap();
        for reply in replies {
            filter.set_upstream(move |_| reply.clone());
            for target in [b"/v1/modules".as_slice(), b"/v1/modules/a", b"/v1/modules?version=1"] {
                let response = get(&mut filter, target);
                prop_assert!((200..=503).contains(&response.status));
            }
        }
        filter.set_upstream(|_| status("200", "[]"));
        prop_assert_eq!(get(&mut filter, b"/v1/modules").body, b"[]\n");
    }
}

fn replies() -> impl Strategy<Value = Reply> {
    let name = select(vec![":status", "content-type", "x"]);
    let value = prop_oneof![Just(b"200".to_vec()), Just(b"404".to_vec()), vec(any::<u8>(), 0..4)];
    let headers = vec((name.prop_map(String::from), value), 0..3);
    let piece =
        select(vec!["[", "]", "{", "}", "{\"uid\":\"a\"}", ",", "\"", "\\", " ", "\u{feff}", "1"]);
    let body = prop_oneof![
        vec(piece, 0..12).prop_map(|pieces| pieces.concat().into_bytes()),
        vec(any::<u8>(), 0..32),
    ];
    prop_oneof![
        1 => Just(Reply::BrokenOff),
        1 => select(vec![Status::BadArgument, Status::InternalFailure]).prop_map(Reply::Refused),
        8 => (headers, body).prop_map(|(headers, body)| Reply::Answers(headers, body)),
    ]
}

fn answer(reply: Reply, target: &str) -> Response {
    let mut filter = Filter::load(CONFIGURATION).unwrap();
    filter.set_upstream(move |_| reply.clone());
    get(&mut filter, target.as_bytes())
}

fn get(filter: &mut Filter, target: &[u8]) -> Response {
    match filter.request(&[(":method", b"GET"), (":path", target)]) {
        Fate::Answered(response) => response,
        fate => panic!("{fate:?}"),
    }
}

fn status(code: &str, body: &str) -> Reply {
    Reply::Answers(field(":status", code), body.into())
}

fn field(name: &str, value: &str) -> Headers {
    vec![(name.into(), value.into())]
}
