//! Configurations: what is refused, and what the log says then.

use crate::proxy_wasm::host::{Fate, Filter};

const UPSTREAM: &str = r#""cluster":"ccs","authority":"ccs","list":"/v1/modules","timeout_ms":1"#;

#[test]
fn what_is_not_understood_is_refused_by_name() {
    for (configuration, field) in [
        ("", "configuration: "),
        ("[]", "configuration: "),
        ("{}{}", "configuration: "),
        (r#"{"ccs":{"documents":[]}"#, "configuration: "),
        (r#"{"ccs":{"documents":[]},"ccs":{"documents":[]}}"#, "ccs: there twice"),
        ("{}", "ccs: missing"),
        (r#"{"ccs":[]}"#, "ccs: expected an object"),
        (r#"{"ccs":{}}"#, "ccs: expected either"),
        (r#"{"ccs":{"documents":[],"upstream":{}}}"#, "ccs: expected either"),
        (r#"{"ccs":{"upstream":{}}}"#, "ccs.upstream.cluster: missing"),
        (r#"{"ccs":{"documnts":[]}}"#, "ccs.documnts: no such field"),
        (r#"{"ccs":{"documents":[],"file":"x"}}"#, "ccs.file: no such field"),
        (r#"{"ccs":{"documents":{}}}"#, "ccs.documents: line 1, column 1: "),
        (r#"{"ccs":{"documents":[{"uid":"a"},{"uid":"a"}]}}"#, "ccs.documents: document \"a\": "),
        (r#"{"ccs":{"documents":[{"uid":"a","version":"1"}]}}"#, "ccs.documents: document \"a\": "),
        (r#"{"ccs":{"documents":[]},"acces":null}"#, "acces: no such field"),
        (r#"{"ccs":{"documents":[]},"access":null}"#, "access: "),
        (r#"{"ccs":{"documents":[]},"access":{"anonymous":["a"],"users":[]}}"#, "access: "),
        (r#"{"ccs":{"documents":[]},"access":{"trusted_header":"a b"}}"#, "access: trusted_header"),
        (r#"{"ccs":{"documents":[]},"limits":{"documents":0}}"#, "limits.documents: expected an"),
        (r#"{"ccs":{"documents":[]},"limits":{"documents":1.0}}"#, "limits.documents: expected an"),
        (r#"{"ccs":{"documents":[]},"limits":{"depth":513}}"#, "limits.depth: expected at most"),
        (r#"{"ccs":{"documents":[]},"limits":{"bytes":1}}"#, "limits.bytes: no such field"),
        (
            r#"{"ccs":{"documents":[{"uid":"a"},{"uid":"b"}]},"limits":{"documents":1}}"#,
            "ccs.documents: the list of documents: ",
        ),
    ] {
        assert_refused(configuration, field);
    }
}

#[test]
fn an_upstream_that_cannot_be_asked_is_refused_by_name() {
    for (changed, field) in [
        (r#""cluster":"""#, "cluster: expected"),
        (r#""cluster":1"#, "cluster: expected a string"),
        (r#""authority":"a b""#, "authority: expected"),
        (r#""list":"v1/modules""#, "list: expected"),
        (r#""list":"/v1/modules#x""#, "list: expected"),
        (r#""list":"/v1/\u00e9""#, "list: expected"),
        (r#""timeout_ms":0"#, "timeout_ms: expected an integer"),
        (r#""timeout_ms":60001"#, "timeout_ms: expected at most 60000"),
        (r#""timeout_ms":"1s""#, "timeout_ms: expected an integer"),
        (r#""module":"/v1/modules""#, "module: expected"),
        (r#""module":"/{uid}/{uid}""#, "module: expected"),
        (r#""module":"{uid}""#, "module: expected"),
        (r#""headers":{"a b":"c"}"#, "headers: expected"),
        (r#""headers":{":path":"/"}"#, "headers: expected"),
        (r#""headers":{"a":"b\r\nc: d"}"#, "headers: expected"),
        (r#""headers":{"a":1}"#, "headers.a: expected a string"),
        (r#""headers":{"a":"1","a":"2"}"#, "headers.a: there twice"),
        (r#""retries":1"#, "retries: no such field"),
    ] {
        let (name, _) = changed.split_once(':').unwrap();
        let kept = UPSTREAM.split(',').filter(|field| !field.starts_with(name));
        let fields: Vec<_> = kept.chain([changed]).collect();
        let configuration = format!(r#"{{"ccs":{{"upstream":{{{}}}}}}}"#, fields.join(","));
        assert_refused(&configuration, &format!("ccs.upstream.{field}"));
    }
}

#[test]
fn what_is_refused_is_not_shown() {
    for configuration in [
        r#"{"ccs":{"upstream":{"cluster":"c","authority":"a","list":"/","timeout_ms":1,"headers":"secret"}}}"#,
        r#"{"ccs":{"upstream":{"cluster":"c","authority":"a","list":"/","timeout_ms":1,"headers":{"authorization":"secret\u0000"}}}}"#,
        r#"{"ccs":{"documents":[]},"access":{"users":"secret"}}"#,
        r#"{"ccs":{"documents":[]},"access":"secret"}"#,
    ] {
        let log = Filter::load(configuration).err().expect("refused");
        assert!(!log.contains("secret"), "{log}");
    }
}

#[test]
fn a_configuration_may_be_as_short_as_can_be() {
    let mut filter = Filter::load(r#" { "ccs" : { "documents" : [ ] } } "#).unwrap();
    let Fate::Answered(response) =
        filter.request(&[(":method", b"GET"), (":path", b"/v1/modules")])
    else {
        panic!("not answered");
    };
    assert_eq!(response.status, 401);
}

#[test]
fn escapes_in_a_configuration_are_resolved() {
    let configuration = r#"{"\u0063cs":{"upstream":{"cluster":"c","authority":"a",
        "list":"/l?a=1\u0026b=\"","timeout_ms":1}},"access":{"anonymous":["admin"]}}"#;
    let mut filter = Filter::load(configuration).unwrap();
    filter.set_upstream(|path| {
        assert_eq!(path, "/l?a=1&b=\"");
        super::host::Reply::BrokenOff
    });
    filter.request(&[(":method", b"GET"), (":path", b"/v1/modules")]);
}

fn assert_refused(configuration: &str, reason: &str) {
    let Err(log) = Filter::load(configuration) else { panic!("{configuration}: not refused") };
    let expected = format!("ccs-modules: the configuration is refused: {reason}");
    assert!(log.starts_with(&expected), "{configuration}: {log}");
}
