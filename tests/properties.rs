//! The core against small reference models: serde_json for documents, a few lines for the calls.

#![allow(clippy::indexing_slicing)] // a test may panic

use ccs_modules::access::Caller;
use ccs_modules::{
    Ask, Error, Limits, Module, Step, StoreError, body, get_module, list_modules, rest,
};
use proptest::prelude::*;
use serde_json::value::RawValue;

/// The documents of the store, or its error.
type Content = Result<Vec<Vec<u8>>, StoreError>;

/// Drives a call as a shell does.
fn resolve<T>(step: Step<T>, content: &Content) -> T {
    match step {
        Step::Done(outcome) => outcome,
        Step::Ask(Ask::Documents(ask)) => ask.answer(content.clone()),
        Step::Ask(Ask::Document(ask)) => {
            let find = |documents: Vec<Vec<u8>>| {
                body::find(&documents, ask.uid(), &Limits::default()).cloned()
            };
            let document = content.clone().map(find);
            ask.answer(document)
        }
    }
}

fn list(content: &Content) -> Result<Vec<Module>, Error> {
    resolve(list_modules(&["admin"], &Limits::default()), content)
}

fn get(content: &Content, uid: &str) -> Result<Module, Error> {
    resolve(get_module(&["admin"], uid, &Limits::default()), content)
}

fn handle(content: &Content, target: &str) -> rest::Response {
    let caller = Caller::Authenticated(vec!["admin".to_string()]);
    let request = rest::Request { method: "GET", target, headers: &[], caller: &caller };
    resolve(rest::handle(&request, &Limits::default()), content)
}

/// The compact form of a JSON text by serde_json, one level at a time; `None` if it has none.
fn reference_compact(text: &RawValue) -> Option<String> {
    match text.get().as_bytes()[0] {
        b'[' => {
            let elements: Vec<Box<RawValue>> = serde_json::from_str(text.get()).ok()?;
            let elements: Option<Vec<_>> =
                elements.iter().map(|element| reference_compact(element)).collect();
            Some(format!("[{}]", elements?.join(",")))
        }
        b'{' => {
            let Members(members) = serde_json::from_str(text.get()).ok()?;
            let mut sorted = Vec::new();
            for (key, value) in &members {
                let name: String = serde_json::from_str(key.get()).ok()?;
                sorted.push((name, format!("{}:{}", key.get(), reference_compact(value)?)));
            }
            sorted.sort();
            if sorted.windows(2).any(|pair| pair[0].0 == pair[1].0) {
                return None;
            }
            let sorted: Vec<_> = sorted.into_iter().map(|(_, member)| member).collect();
            Some(format!("{{{}}}", sorted.join(",")))
        }
        // serde_json looks into a string only when it is asked for one.
        b'"' => serde_json::from_str::<String>(text.get()).ok().map(|_| text.get().to_string()),
        _ => Some(text.get().to_string()),
    }
}

/// The members of an object, all of them, with the texts of their keys.
struct Members(Vec<(Box<RawValue>, Box<RawValue>)>);

impl<'de> serde::Deserialize<'de> for Members {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Members;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

/// A JSON value as somebody might write it: any layout, order, number and string spelling.
fn json_text() -> impl Strategy<Value = String> {
    let space = prop_oneof![4 => Just(""), 1 => Just(" "), 1 => Just("\n\t")];
    let string = prop_oneof![
        "[a-c]{0,3}",
        Just("\\u0061".to_string()),
        Just("\\ud83d\\ude00".to_string()),
        Just("\\\"\\\\\\/".to_string()),
        Just("é😀".to_string()),
        Just("\u{ffff}".to_string()),
    ]
    .prop_map(|inner| format!("\"{inner}\""));
    let scalar = prop_oneof![
        Just("null".to_string()),
        Just("true".to_string()),
        "-?(0|[1-9][0-9]{0,12})(\\.[0-9]{1,4})?([eE][+-]?[0-9]{1,3})?",
        string.clone(),
    ];
    scalar.prop_recursive(4, 32, 5, move |value| {
        let spaced = (space.clone(), value, space.clone())
            .prop_map(|(a, value, b)| a.to_string() + &value + b);
        let member = (space.clone(), string.clone(), space.clone(), spaced.clone())
            .prop_map(|(a, key, b, value)| format!("{a}{key}{b}:{value}"));
        prop_oneof![
            prop::collection::vec(spaced, 0..5)
                .prop_map(|elements| format!("[{}]", elements.join(","))),
            prop::collection::vec(member, 0..5)
                .prop_map(|members| format!("{{{}}}", members.join(","))),
        ]
    })
}

proptest! {
    #[test]
    fn a_document_is_rewritten_as_serde_json_reads_it(value in json_text()) {
        let text = format!("{{\"x\":{value},\"uid\":\"a\"}}");
        let expected = reference_compact(&serde_json::from_str::<Box<RawValue>>(&text).unwrap());
        let content = Ok(vec![text.clone().into_bytes()]);
        let found = get(&content, "a").map(Module::into_document);
        match expected {
            Some(expected) => {
                let tree = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
                prop_assert_eq!(tree(&expected), tree(&text));
                prop_assert_eq!(found, Ok(expected));
            }
            // The reference says that there is none; so does the core, with the position.
            None => {
                let error = list(&content).unwrap_err().to_string();
                prop_assert!(error.starts_with("document \"a\": line "), "{}", error);
            }
        }
    }

    #[test]
    fn a_compact_document_is_rewritten_unchanged(value in json_text()) {
        let content = Ok(vec![format!("{{\"x\":{value},\"uid\":\"a\"}}").into_bytes()]);
        if let Ok(modules) = list(&content) {
            let again = Ok(vec![modules[0].document().as_bytes().to_vec()]);
            prop_assert_eq!(list(&again), Ok(modules));
        }
    }

    #[test]
    fn a_text_that_serde_json_refuses_is_refused(mut text in json_text(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        text.insert_str(0, "{\"uid\":\"a\",\"x\":");
        text.push('}');
        let mut text = text.into_bytes();
        let at = at.index(text.len());
        text[at] = byte;
        let sound = std::str::from_utf8(&text)
            .ok()
            .and_then(|text| serde_json::from_str::<Box<RawValue>>(text).ok())
            .and_then(|value| reference_compact(&value));
        let listed = list(&Ok(vec![text]));
        match sound {
            None => prop_assert!(matches!(listed, Err(Error::Malformed(_)))),
            // Sound JSON may still be no module: without a uid, or not even an object.
            Some(compact) => if let Ok(modules) = listed {
                prop_assert_eq!(modules[0].document(), &compact);
            },
        }
    }

    #[test]
    fn calls_agree_with_a_map(
        uids in prop::collection::vec("[a-d]{1,2}", 0..8),
        asked in "[a-d]{0,2}",
        failure in prop::option::weighted(0.1, "[a-z]{0,5}"),
    ) {
        let documents: Vec<_> =
            uids.iter().enumerate().map(|(n, uid)| format!("{{\"n\":{n},\"uid\":\"{uid}\"}}")).collect();
        let content = match &failure {
            Some(why) => Err(StoreError::Unavailable(why.clone())),
            None => Ok(documents.iter().map(|document| document.clone().into_bytes()).collect()),
        };
        let distinct = uids.iter().collect::<std::collections::HashSet<_>>().len() == uids.len();
        let first = uids.iter().position(|uid| *uid == asked);

        let listed = list(&content).map(|modules| {
            modules.into_iter().map(Module::into_document).collect::<Vec<_>>()
        });
        match &failure {
            Some(why) => {
                let error = Error::Store(StoreError::Unavailable(why.clone()));
                prop_assert_eq!(&listed, &Err(error.clone()));
                let expected = if asked.is_empty() { Error::NotFound } else { error };
                prop_assert_eq!(get(&content, &asked), Err(expected));
            }
            None if distinct => prop_assert_eq!(&listed, &Ok(documents.clone())),
            None => prop_assert!(matches!(listed, Err(Error::Malformed(_)))),
        }
        if failure.is_none() {
            let got = get(&content, &asked).map(Module::into_document);
            prop_assert_eq!(got, first.map(|n| documents[n].clone()).ok_or(Error::NotFound));
        }
        // The HTTP face says the same.
        let response = handle(&content, "/v1/modules");
        match listed {
            Ok(documents) => prop_assert_eq!(response.body, format!("[{}]\n", documents.join(",")).into_bytes()),
            Err(Error::Store(_)) => prop_assert_eq!(response.status, 503),
            Err(_) => prop_assert_eq!(response.status, 500),
        }
    }

    #[test]
    fn every_answer_of_a_store_has_an_outcome(documents in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..4)) {
        let content = Ok(documents);
        let response = handle(&content, "/v1/modules");
        prop_assert_eq!(response.status == 200, list(&content).is_ok());
    }

    #[test]
    fn every_request_has_a_response(
        method in "[A-Z]{0,7}|GET|HEAD|OPTIONS",
        target in "\\PC{0,40}|/v1/modules[/?]\\PC{0,40}",
        headers in prop::collection::vec(
            ("accept|if-none-match|authorization|x", prop::collection::vec(any::<u8>(), 0..30)), 0..4),
    ) {
        let caller = Caller::Authenticated(vec!["admin".to_string()]);
        let lent = headers.iter().map(|(name, value)| (name.as_str(), value.as_slice()));
        let headers: Vec<_> = lent.collect();
        let request = rest::Request { method: &method, target: &target, headers: &headers, caller: &caller };
        let response = resolve(rest::handle(&request, &Limits::default()), &Ok(vec![]));
        prop_assert!((200..600).contains(&response.status));
        prop_assert!(method != "HEAD" || response.body.is_empty());
        let length = response.headers.iter().find(|(name, _)| name == "content-length");
        if let (Some((_, length)), true) = (length, method != "HEAD") {
            prop_assert_eq!(length.parse(), Ok(response.body.len()));
        }
    }
}
