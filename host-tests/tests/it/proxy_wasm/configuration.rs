//! Configurations that the filter refuses, and the error in its log.

use crate::proxy_wasm::host::{Fate, Filter, Reply};

const UPSTREAM: &str = r#""cluster":"ccs","url":"http://ccs","list":"/v1/modules","timeout_ms":1"#;

#[test]
fn an_upstream_has_the_paths_of_the_rest_api_unless_others_are_given() {
    let access = r#""access":{"anonymous":["db_viewer"]}"#;
    for (paths, asked) in [
        ("", ["/v1/modules", "/v1/modules/a"]),
        (r#","list":"/l""#, ["/l", "/l"]),
        (r#","module":"/m/{uid}""#, ["/v1/modules", "/m/a"]),
    ] {
        let upstream = format!(r#"{{"cluster":"ccs","url":"http://ccs"{paths}}}"#);
        let configuration = format!(r#"{{"ccs":{{"upstream":{upstream}}},{access}}}"#);
        let mut filter = Filter::load(&configuration).unwrap();
        filter.set_upstream(|_| Reply::BrokenOff);
        for (path, expected) in ["/v1/modules", "/v1/modules/a"].into_iter().zip(asked) {
            filter.request(&[(":method", b"GET"), (":path", path.as_bytes())]);
            let (_, value) = filter.asked().iter().find(|(name, _)| name == ":path").unwrap();
            assert_eq!(value, expected.as_bytes(), "{paths}");
        }
    }
}

#[test]
fn an_error_names_its_field() {
    for (configuration, field) in [
        ("", "configuration: missing"),
        ("[]", "an array, expected an object"),
        ("{}{}", "line 1, column 3: unexpected `{`"),
        (r#"{"ccs":{"documents":[]}}{}"#, "line 1, column 25: unexpected `{`"),
        (r#"{"ccs":{"documents":[]}"#, "line 1, column 23: unexpected end"),
        (
            r#"{"ccs":{"documents":[]},"ccs":{"documents":[]}}"#,
            "line 1, column 25: the key \"ccs\" stands twice",
        ),
        ("\n\u{7}\n\u{3}ccs\u{12}\0", "a google.protobuf.Struct, expected JSON in a StringValue"),
        ("\n[", "line 2, column 1: unexpected end"),
        ("{}", "missing field `ccs`"),
        (r#"{"ccs":[]}"#, "ccs: an array, expected an object"),
        (r#"{"ccs":{}}"#, "ccs: expected either documents or upstream"),
        (r#"{"ccs":{"documents":[],"upstream":null}}"#, "ccs.upstream: null, expected an object"),
        (r#"{"ccs":{"upstream":{}}}"#, "ccs.upstream: missing field `cluster`"),
        (r#"{"ccs":{"documnts":[]}}"#, "ccs.documnts: unknown field, expected one of documents, "),
        (r#"{"ccs":{"documents":[],"file":"x"}}"#, "ccs.file: unknown field, "),
        (r#"{"ccs":{"documents":{}}}"#, "ccs.documents: line 1, column 1: "),
        (r#"{"ccs":{"documents":""}}"#, "ccs.documents: line 1, column 1: "),
        (r#"{"ccs":{"documents":"[1]"}}"#, "ccs.documents: line 1, column 2: the list of"),
        (
            r#"{"ccs":{"documents":[{"uid":"a"},{"uid":"a"}]}}"#,
            "ccs.documents: line 1, column 14: document \"a\": ",
        ),
        (
            r#"{"ccs":{"documents":[{"uid":"a","version":"1"}]}}"#,
            "ccs.documents: line 1, column 2: document \"a\": ",
        ),
        (r#"{"ccs":{"documents":[]},"acces":null}"#, "acces: unknown field, "),
        (
            r#"{"ccs":{"documents":[]},"access":{"cluster":{}}}"#,
            "access.cluster: expected only with ccs.upstream and ccs.refresh_ms",
        ),
        (
            r#"{"ccs":{"upstream":{"cluster":"c","url":"http://a"}},"access":{"cluster":{}}}"#,
            "access.cluster: expected only with ccs.upstream and ccs.refresh_ms",
        ),
        (
            r#"{"ccs":{"documents":[]},"access":{"cluster":{"max_age":1}}}"#,
            "access.cluster.max_age: unknown field, ",
        ),
        (r#"{"ccs":{"documents":[]},"access":null}"#, "access: null, expected an object"),
        (
            r#"{"ccs":{"documents":[]},"access":{"anonymous":["admin"],"trusted_header":"x"}}"#,
            "access: expected ex",
        ),
        (
            r#"{"ccs":{"documents":[]},"access":{"trusted_header":"a b"}}"#,
            "access.trusted_header: ",
        ),
        (r#"{"ccs":{"documents":[]},"limits":{"documents":0}}"#, "limits.documents: expected an"),
        (r#"{"ccs":{"documents":[]},"limits":{"documents":1.0}}"#, "limits.documents: expected an"),
        (
            r#"{"ccs":{"documents":[]},"limits":{"depth":65}}"#,
            "limits.depth: expected an integer from 1 to 64",
        ),
        (r#"{"ccs":{"documents":[]},"limits":{"bytes":1}}"#, "limits.bytes: unknown field, "),
        (r#"{"ccs":{"documents":[]},"methods":"secret"}"#, "methods: expected one of pass, refuse"),
        (r#"{"ccs":{"documents":[]},"methods":["pass"]}"#, "methods: an array, expected a string"),
        (r#"{"ccs":{"documents":[]},"limits":null}"#, "limits: null, expected an object"),
        (r#"{"ccs":{"documents":[]},"limits":[1]}"#, "limits: an array, expected an object"),
        (
            r#"{"ccs":{"documents":[{"uid":"a"},{"uid":"b"}]},"limits":{"documents":1}}"#,
            "ccs.documents: line 1, column 1: the list of documents: ",
        ),
    ] {
        assert_refused(configuration, field);
    }
}

#[test]
fn an_error_in_an_upstream_names_its_field() {
    for (changed, field) in [
        (r#""cluster":"""#, "cluster: expected the name of a cluster"),
        (r#""cluster":1"#, "cluster: a number, expected a string"),
        (r#""url":"ccs:9443""#, "url: a URL of another scheme"),
        (r#""url":"http://ann:secret@ccs""#, "url: a URL with credentials in it"),
        (r#""list":"v1/modules""#, "list: expected a path"),
        (r#""list":"/v1/modules#x""#, "list: expected a path"),
        (r#""list":"/v1/\u00e9""#, "list: expected a path"),
        (r#""timeout_ms":0"#, "timeout_ms: expected 1 to 600000"),
        (r#""timeout_ms":600001"#, "timeout_ms: expected 1 to 600000"),
        (r#""timeout_ms":"1s""#, "timeout_ms: a string, expected u64"),
        (r#""body_bytes":0"#, "body_bytes: a number, expected a nonzero usize"),
        (r#""module":"/v1/modules""#, "module: expected a path"),
        (r#""module":"/{uid}/{uid}""#, "module: expected a path"),
        (r#""module":"{uid}""#, "module: expected a path"),
        (r#""headers":{"a b":"c"}"#, "headers: expected names"),
        (r#""headers":{":path":"/"}"#, "headers: expected names"),
        (r#""headers":{"a":"b\r\nc: d"}"#, "headers.a: expected the value"),
        (r#""headers":{"a":1}"#, "headers.a: a number, expected a string"),
        (r#""headers":{"a":"1","A":"2"}"#, "headers.a: this header field is set already"),
        (r#""retries":1"#, "retries: unknown field, "),
    ] {
        let (name, _) = changed.split_once(':').unwrap();
        let kept = UPSTREAM.split(',').filter(|field| !field.starts_with(name));
        let fields: Vec<_> = kept.chain([changed]).collect();
        let configuration = format!(r#"{{"ccs":{{"upstream":{{{}}}}}}}"#, fields.join(","));
        assert_refused(&configuration, &format!("ccs.upstream.{field}"));
    }
}

#[test]
fn an_error_in_a_mirror_names_its_field() {
    let mirrored = |fields| format!(r#"{{"ccs":{{"upstream":{{{UPSTREAM}}},{fields}}}}}"#);
    assert!(Filter::load(&mirrored(r#""refresh_ms":1,"stale_if_error_ms":1"#)).is_ok());
    assert!(
        Filter::load(&mirrored(r#""refresh_ms":86400000,"stale_if_error_ms":31622400000"#)).is_ok()
    );
    for (fields, error) in [
        (r#""refresh_ms":0"#, "refresh_ms: expected 1 to 86400000, a day"),
        (r#""refresh_ms":null"#, "refresh_ms: null, expected u64"),
        (r#""refresh_ms":"30s""#, "refresh_ms: a string, expected u64"),
        (r#""refresh_ms":86400001"#, "refresh_ms: expected 1 to 86400000, a day"),
        (r#""refresh_ms":2,"stale_if_error_ms":1"#, "stale_if_error_ms: expected at least"),
        (r#""refresh_ms":2,"stale_if_error_ms":31622400001"#, "stale_if_error_ms: expected at"),
        (r#""stale_if_error_ms":1"#, "stale_if_error_ms: expected only with refresh_ms"),
    ] {
        assert_refused(&mirrored(fields), &format!("ccs.{error}"));
    }
    for (fields, error) in [
        (r#""refresh_ms":1"#, "refresh_ms: expected only with upstream"),
        (r#""stale_if_error_ms":1"#, "stale_if_error_ms: expected only with refresh_ms"),
    ] {
        let configuration = format!(r#"{{"ccs":{{"documents":[],{fields}}}}}"#);
        assert_refused(&configuration, &format!("ccs.{error}"));
    }
}

#[test]
fn an_error_never_shows_a_value() {
    for configuration in [
        r#"{"ccs":{"upstream":{"cluster":"c","url":"http://a","list":"/","timeout_ms":1,"headers":"secret"}}}"#,
        r#"{"ccs":{"upstream":{"cluster":"c","url":"http://a","list":"/","timeout_ms":1,"headers":{"authorization":"secret\u0000"}}}}"#,
        r#"{"ccs":{"upstream":"secret"}}"#,
        r#"{"ccs":{"upstream":{"cluster":"c","url":"http://a","list":", expected secret","timeout_ms":1}}}"#,
        r#"{"ccs":{"upstream":{"cluster":"c","url":"http://a","list":"/","timeout_ms":"1, expected secret"}}}"#,
        r#"{"ccs":{"documents":[]},"access":{"users":"secret"}}"#,
        r#"{"ccs":{"documents":[]},"access":"secret"}"#,
    ] {
        let log = Filter::load(configuration).err().expect("refused");
        assert!(!log.contains("secret"), "{log}");
    }
}

#[test]
fn documents_may_be_one_string() {
    // As a double, the number would be another one.
    let documents = r#"[{"uid":"a","x":9007199254740993}]"#;
    let string = format!("\"{}\"", documents.replace('"', "\\\""));
    for written in [documents, &string] {
        let configuration =
            format!(r#"{{"ccs":{{"documents":{written}}},"access":{{"anonymous":["admin"]}}}}"#);
        let mut filter = Filter::load(&configuration).unwrap();
        let fate = filter.request(&[(":method", b"GET"), (":path", b"/v1/modules")]);
        let Fate::Answered(response) = fate else { panic!("{fate:?}") };
        assert_eq!(response.body, format!("{documents}\n").into_bytes());
    }
}

#[test]
fn only_the_store_is_required() {
    let mut filter = Filter::load(r#" { "ccs" : { "documents" : [ ] } } "#).unwrap();
    let Fate::Answered(response) =
        filter.request(&[(":method", b"GET"), (":path", b"/v1/modules")])
    else {
        panic!("not answered");
    };
    assert_eq!(response.status, 401);
}

#[test]
fn methods_that_do_not_read_pass_where_the_configuration_says_so() {
    for (field, passes) in
        [("", false), (r#","methods":"refuse""#, false), (r#","methods":"pass""#, true)]
    {
        let configuration =
            format!(r#"{{"ccs":{{"documents":[]}},"access":{{"anonymous":["admin"]}}{field}}}"#);
        let mut filter = Filter::load(&configuration).unwrap();
        for method in ["POST", "DELETE", "OPTIONS", "get", "GET", "HEAD"] {
            for path in [b"/v1/modules".as_slice(), b"/v1/modules/a", b"/v1/modules/%zz"] {
                let fate = filter.request(&[(":method", method.as_bytes()), (":path", path)]);
                let expected = passes && !["GET", "HEAD"].contains(&method);
                assert_eq!(fate == Fate::PassedOn, expected, "{method} {field}: {fate:?}");
            }
        }
    }
}

#[test]
fn escapes_in_a_configuration_are_resolved() {
    let configuration = r#"{"\u0063cs":{"upstream":{"cluster":"c","url":"http://a",
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
