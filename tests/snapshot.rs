//! A snapshot against the calls that ask a store of the same documents.

#![allow(clippy::indexing_slicing, clippy::unwrap_used)] // a test may panic

use std::borrow::Cow;

use ccs_modules::access::Caller;
use ccs_modules::body::{find, join};
use ccs_modules::rest::{Request, Response};
use ccs_modules::{Ask, Error, Limits, Position, Snapshot, Step, get_module, list_modules, rest};
use proptest::prelude::*;

/// Limits that requests and documents of these tests reach.
fn limits() -> Limits {
    let mut limits = Limits::default();
    (limits.uid_bytes, limits.target_bytes, limits.documents) = (4, 60, 6);
    limits
}

/// Drives a call as a shell does that asks a store.
fn ask<T, D: AsRef<[u8]>>(step: Step<T>, documents: &[D]) -> T {
    match step {
        Step::Done(outcome) => outcome,
        Step::Ask(Ask::Documents(ask)) => ask.answer(Ok(documents.iter().collect())),
        Step::Ask(Ask::Document(ask)) => {
            let document = find(documents, ask.uid(), &limits());
            ask.answer(Ok(document))
        }
    }
}

/// A document that is often sound, in any layout.
fn document() -> impl Strategy<Value = String> {
    let uid = prop_oneof![
        8 => "\"[a-d]{1,2}\"",
        1 => Just(r#""\u0061\/""#.to_string()),
        1 => Just("\"é\"".to_string()),
        1 => Just("\"\"".to_string()),
        1 => Just("\"abcde\"".to_string()),
    ];
    let name = prop_oneof!["\"(search|bf|BF)\"", Just(r#""b\u0066""#.to_string())];
    let version = prop_oneof!["[0-9]{1,5}", Just("1e2".into()), Just("1.5".into())];
    let member = |key: &'static str, value| {
        prop::option::of(value)
            .prop_map(move |value: Option<String>| value.map(|value| format!("\"{key}\": {value}")))
    };
    let members = (
        member("version", version.boxed()),
        uid.prop_map(|uid| Some(format!("\"uid\":{uid}"))),
        member("module_name", name.boxed()),
        member("semantic_version", "\"[1-2]\\.0\"".boxed()),
    );
    members.prop_map(|(a, b, c, d)| {
        let members: Vec<_> = [a, b, c, d].into_iter().flatten().collect();
        format!("{{{}}}", members.join(" ,"))
    })
}

/// The parts of a request.
fn request() -> impl Strategy<Value = (String, String, Option<(bool, bool)>, Option<String>)> {
    let target = prop_oneof![
        3 => Just("/v1/modules".to_string()),
        3 => "/v1/modules/([a-e]{0,2}|a%2F|%C3%A9|%|abcde)",
        2 => "/v1/modules\\?(module_name=(bf|SEARCH|x)|version=(100|[0-9]|x)|semantic_version=1\\.0)(&version=[0-9]{1,2})?",
        1 => "/v1/modules/[a-z]{60}|/v1|\\PC{0,9}",
    ];
    let method = "GET|GET|GET|HEAD|OPTIONS|POST";
    let accept = prop::option::weighted(0.2, "text/html|application/json|\\*/\\*;q=0");
    (
        method,
        target,
        prop::option::weighted(0.9, (prop::bool::weighted(0.9), any::<bool>())),
        accept,
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn a_snapshot_answers_as_a_store_does(
        documents in prop::collection::vec(document(), 0..5),
        (method, target, caller, accept) in request(),
    ) {
        let limits = limits();
        let listed = ask(list_modules(&["admin"], &limits), &documents);
        let snapshot = match (Snapshot::from_documents(&documents, &limits), listed) {
            (Ok(snapshot), Ok(_)) => snapshot,
            (Err(error), Err(expected)) => {
                prop_assert_eq!(Error::Malformed(error.malformed), expected);
                return Ok(());
            }
            (snapshot, listed) => panic!("{snapshot:?}, {listed:?}"),
        };
        prop_assert_eq!(snapshot.len(), documents.len());

        let role = |may| if may { "admin".to_string() } else { "none".to_string() };
        let roles = caller.map(|(may, _)| vec![role(may)]);
        let mut headers = Vec::new();
        headers.extend(accept.as_ref().map(|accept| ("Accept", accept.as_bytes())));
        let mut requests = vec![headers.clone()];
        // An answer is asked for again, by its entity tag.
        let caller = roles.clone().map_or(Caller::Unauthenticated(None), Caller::Authenticated);
        let request =
            Request { method: &method, target: &target, headers: &headers, caller: &caller };
        let first = ask(rest::handle(&request, &limits), &documents);
        if let Some((_, tag)) = first.headers.iter().find(|(name, _)| name == "etag") {
            let known = ("if-none-match", tag.as_bytes());
            requests.push([headers.as_slice(), &[known]].concat());
        }
        for headers in &requests {
            let request = Request { headers, ..request };
            let expected = ask(rest::handle(&request, &limits), &documents);
            prop_assert_eq!(&snapshot.handle(&request, &limits).into_owned(), &expected);
            prop_assert_eq!(snapshot.answer(rest::handle(&request, &limits)), expected);
        }

        let roles = roles.unwrap_or_default();
        prop_assert_eq!(
            snapshot.answer(list_modules(&roles, &limits)),
            ask(list_modules(&roles, &limits), &documents)
        );
        let uid = target.rsplit('/').next().unwrap_or_default();
        for uid in [uid, "a/", "\u{e9}"] {
            prop_assert_eq!(
                snapshot.answer(get_module(&roles, uid, &limits)),
                ask(get_module(&roles, uid, &limits), &documents)
            );
        }
    }

    #[test]
    fn a_body_and_its_documents_make_the_same_snapshot(
        documents in prop::collection::vec(document(), 0..5),
    ) {
        let limits = limits();
        let parsed = Snapshot::parse(&join(&documents), &limits);
        let made = Snapshot::from_documents(&documents, &limits);
        match (parsed, made) {
            (Ok(parsed), Ok(made)) => {
                prop_assert_eq!(&parsed, &made);
                prop_assert_eq!(&Snapshot::parse(made.body(), &limits).unwrap(), &made);
                let documents: Vec<_> = made.documents().collect();
                prop_assert_eq!(join(&documents), made.body());
            }
            (parsed, made) => prop_assert!(parsed.is_err() && made.is_err()),
        }
    }

    #[test]
    fn a_damaged_image_is_answered_from_without_a_panic(
        documents in prop::collection::vec("[a-d]{1,2}", 0..5),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in prop::option::weighted(0.1, any::<prop::sample::Index>()),
    ) {
        let document = |uid| format!(r#"{{"module_name":"bf","uid":"{uid}","version":1}}"#);
        let documents: Vec<_> = documents.iter().map(document).collect();
        let limits = Limits::default();
        let Ok(snapshot) = Snapshot::from_documents(&documents, &limits) else { return Ok(()) };
        let mut image = snapshot.into_image();
        for (at, byte) in damage {
            let at = at.index(image.len());
            image[at] = byte;
        }
        if let Some(cut) = cut {
            image.truncate(cut.index(image.len()));
        }
        let Ok(snapshot) = Snapshot::from_image(image.as_slice()) else { return Ok(()) };
        let _ = (snapshot.answer(list_modules(&["admin"], &limits)), snapshot.documents().count());
        let _ = (snapshot.body(), snapshot.entity_tag(), snapshot.len(), format!("{snapshot:?}"));
        for target in ["/v1/modules", "/v1/modules/a", "/v1/modules/bb", "/v1/modules?module_name=bf&version=1"] {
            let response = get(&snapshot, target);
            prop_assert!([200, 404, 500].contains(&response.status), "{}", response.status);
        }
        let _ = snapshot.answer(get_module(&["admin"], "a", &limits));
    }
}

fn get<B: AsRef<[u8]>>(snapshot: &Snapshot<B>, target: &str) -> Response {
    let caller = Caller::Authenticated(vec!["admin".to_string()]);
    let request = Request { method: "GET", target, headers: &[], caller: &caller };
    snapshot.handle(&request, &Limits::default()).into_owned()
}

#[test]
fn an_image_answers_as_the_snapshot_it_was_taken_from() {
    let limits = Limits::default();
    let snapshot = Snapshot::parse(br#"[{"uid":"b"},{"uid":"a"}]"#, &limits).unwrap();
    let image = Snapshot::from_image(snapshot.image()).unwrap();
    assert_eq!(
        image.answer(list_modules(&["admin"], &limits)),
        snapshot.answer(list_modules(&["admin"], &limits))
    );
    for target in ["/v1/modules", "/v1/modules/a", "/v1/modules/b", "/v1/modules/c"] {
        assert_eq!(get(&image, target), get(&snapshot, target));
    }
    assert_eq!(Snapshot::from_image(image.into_image().to_vec()).unwrap(), snapshot);
}

#[test]
fn bytes_that_are_not_an_image_are_refused() {
    let image = Snapshot::parse(b"[]", &Limits::default()).unwrap().into_image();
    for length in 0..image.len() {
        assert!(Snapshot::from_image(&image[..length]).is_err(), "{length}");
    }
    let longer = [&b"x"[..], &image].concat();
    let error = Snapshot::from_image(longer).unwrap_err();
    assert_eq!(
        error.to_string(),
        "not the image of a snapshot, or damaged, or of another version of the library"
    );
}

#[test]
fn a_list_is_borrowed_from_an_image_that_outlives_the_snapshot() {
    let image = Snapshot::parse(b"[{\"uid\":\"a\"}]", &Limits::default()).unwrap().into_image();
    let caller = Caller::Authenticated(vec!["admin".to_string()]);
    let request = Request { method: "GET", target: "/v1/modules", headers: &[], caller: &caller };
    let response = {
        let snapshot = Snapshot::from_image(image.as_slice()).unwrap();
        let response = snapshot.handle_from_image(&request, &Limits::default());
        assert_eq!(response, snapshot.handle(&request, &Limits::default()));
        response
    };
    assert!(matches!(response.body, Cow::Borrowed(_)));
    assert_eq!(response.body.as_ptr(), image.as_ptr());
}

#[test]
fn an_empty_catalog_is_a_snapshot() {
    let snapshot = Snapshot::from_documents::<&str>(&[], &Limits::default()).unwrap();
    assert!(snapshot.is_empty());
    assert_eq!(snapshot.body(), b"[]\n");
    assert_eq!(get(&snapshot, "/v1/modules").body, b"[]\n");
    assert_eq!(get(&snapshot, "/v1/modules/a").status, 404);
}

#[test]
fn get_module_finds_each_of_many_modules() {
    let uids = 0..10_000;
    let documents: Vec<_> = uids.clone().map(|uid| format!(r#"{{"uid":"{uid}"}}"#)).collect();
    let snapshot = Snapshot::from_documents(&documents, &Limits::default()).unwrap();
    for uid in uids {
        let response = get(&snapshot, &format!("/v1/modules/{uid}"));
        assert_eq!(response.body, format!("{{\"uid\":\"{uid}\"}}\n").into_bytes());
        let document = snapshot.document(&uid.to_string()).unwrap();
        assert_eq!(document, format!("{{\"uid\":\"{uid}\"}}").as_bytes());
    }
    assert_eq!(get(&snapshot, "/v1/modules/x").status, 404);
    assert_eq!(snapshot.document("x"), None);
}

#[test]
fn an_error_of_a_body_has_its_position() {
    for (body, expected) in [
        ("", "line 1, column 1: the list of documents: unexpected end"),
        (
            "[{}\n, 1]",
            "line 2, column 3: the list of documents: a number, expected a module object",
        ),
        ("[{},\n{nothing}]", "line 2, column 2: the list of documents: unexpected `n`"),
        (
            "[\n {}]",
            "line 2, column 2: document at index 0: field uid: missing, expected a non-empty string",
        ),
        (
            "[{\"uid\":\"a\"},\n{\"uid\":\"a\"}]",
            "line 2, column 1: document \"a\": field uid: shared by two documents, the later at index 1",
        ),
        (
            "[{\"uid\":\"a\"},{\"uid\":\"b\",\"x\":[[[]]]}]",
            "line 1, column 31: document \"b\": nested deeper than the limit of 3",
        ),
    ] {
        let mut limits = Limits::default();
        limits.depth = 3;
        let error = Snapshot::parse(body.as_bytes(), &limits).unwrap_err();
        assert_eq!(error.to_string(), expected, "{body}");
    }
}

#[test]
fn an_error_names_the_document_and_the_field() {
    let limits = limits();
    let documents = [r#"{"uid":"a"}"#, r#"{"uid":"b","version":true}"#];
    let error = Snapshot::from_documents(&documents, &limits).unwrap_err();
    assert_eq!(error.position, None);
    assert_eq!((error.malformed.uid.as_deref(), error.malformed.index), (Some("b"), Some(1)));
    assert_eq!(error.malformed.field, Some("version"));
    assert_eq!(error.malformed.reason, "a boolean, expected an integer");
    let error = Snapshot::parse(&join(&documents), &limits).unwrap_err();
    assert_eq!(error.position, Some(Position { line: 1, column: 14 }));
}
