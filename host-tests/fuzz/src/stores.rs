//! Any answers of a store: each call's answer is complete or an error.

use std::cmp::Reverse;

use arbitrary::{Result, Unstructured};
use ccs_modules::{Error, Limits, Module, StoreError, rest, sort_documents};

use crate::calls::{Request, Store, get, handle, list};
use crate::generate;
use crate::rules::{Fields, Verdict, judge};

pub fn run(input: &[u8]) {
    _ = check(&mut Unstructured::new(input));
}

fn check(u: &mut Unstructured<'_>) -> Result<()> {
    let mut limits = Limits::default();
    if u.ratio(1, 4)? {
        limits.documents = 3;
        limits.document_bytes = 32;
        limits.uid_bytes = 2;
        limits.depth = 2;
    }
    // No call knows anything of an earlier one.
    for _ in 0..u.int_in_range(1..=2)? {
        let store = generate::store(u)?;
        let uid = generate::uid(u)?;
        let (listed, got) = (list(&store, &limits), get(&store, uid, &limits));
        check_list(&store, &listed, &limits);
        check_get(&store, uid, &got, &limits);
        check_rest(&store, uid, &listed, &got, &limits);
        if let Ok(documents) = &store.documents {
            check_sorted(documents, &limits);
        }
        assert_eq!(listed, list(&store, &limits));
        assert_eq!(got, get(&store, uid, &limits));
    }
    Ok(())
}

fn check_list(store: &Store, listed: &std::result::Result<Vec<Module>, Error>, limits: &Limits) {
    let documents = match &store.documents {
        Ok(documents) => documents,
        Err(error) => return assert_eq!(listed, &Err(Error::Store(error.clone()))),
    };
    if documents.len() > limits.documents {
        let Err(Error::Malformed(malformed)) = listed else { panic!("{listed:?}") };
        return assert_eq!((&malformed.uid, malformed.index), (&None, None));
    }
    let verdicts: Vec<_> = documents.iter().map(|document| judge(document, limits)).collect();
    let modules = verdicts.into_iter().map(|verdict| match verdict {
        Verdict::Sound(module) => Some(*module),
        _ => None,
    });
    let Some(modules) = modules.collect::<Option<Vec<_>>>() else {
        return assert!(matches!(listed, Err(Error::Malformed(_))), "{listed:?}");
    };
    let twice = |(index, module): (usize, &Fields)| {
        modules.iter().take(index).any(|earlier| earlier.uid == module.uid)
    };
    if modules.iter().enumerate().any(twice) {
        let Err(Error::Malformed(malformed)) = listed else { panic!("{listed:?}") };
        assert_eq!(malformed.field, Some("uid"));
        return;
    }
    let listed = listed.as_ref().map(|modules| modules.iter().map(Fields::of).collect());
    assert_eq!(listed, Ok(modules));
}

fn check_get(store: &Store, uid: &str, got: &std::result::Result<Module, Error>, limits: &Limits) {
    if uid.is_empty() {
        return assert_eq!(got, &Err(Error::NotFound));
    }
    if uid.len() > limits.uid_bytes {
        return assert!(matches!(got, Err(Error::UidTooLong { .. })), "{got:?}");
    }
    let document = match store.document(uid, limits) {
        Ok(Some(document)) => document,
        Ok(None) => return assert_eq!(got, &Err(Error::NotFound)),
        Err(error) => return assert_eq!(got, &Err(Error::Store(error))),
    };
    match judge(&document, limits) {
        Verdict::Sound(module) if module.uid == uid => {
            assert_eq!(got.as_ref().map(Fields::of), Ok(*module));
        }
        Verdict::Sound(_) | Verdict::Refused => {
            let Err(Error::Malformed(malformed)) = got else { panic!("{got:?}") };
            assert_eq!(malformed.uid.as_deref(), Some(uid));
        }
    }
}

/// Checks that an unordered store is listed by name, newest version first.
fn check_sorted(documents: &[Vec<u8>], limits: &Limits) {
    let mut sorted = documents.to_vec();
    sort_documents(&mut sorted, limits);
    let place = |document: &Vec<u8>| match judge(document, limits) {
        Verdict::Sound(it) => {
            let numbers = it.semantic_version.as_deref().and_then(numbers);
            let version = numbers.or(it.version.map(|it| {
                let number = u64::from(it);
                [number / 10_000, number / 100 % 100, number % 100, 0]
            }));
            Some((it.module_name, Reverse(version), it.uid))
        }
        _ => None,
    };
    // The reference does not order pre-releases.
    let has_prerelease = |document: &Vec<u8>| match judge(document, limits) {
        Verdict::Sound(it) => it.semantic_version.is_some_and(|it| it.contains('-')),
        _ => false,
    };
    let is_sorted = sorted.is_sorted_by_key(place);
    assert!(is_sorted || sorted.iter().any(has_prerelease), "{sorted:?}");
    let [mut before, mut after] = [documents.to_vec(), sorted];
    before.sort();
    after.sort();
    assert_eq!(before, after);
}

/// The numbers of a version: one to four, with a `v` before them and build metadata after them.
fn numbers(version: &str) -> Option<[u64; 4]> {
    let version = version.strip_prefix(['v', 'V']).unwrap_or(version).split('+').next()?;
    let mut numbers = [0; 4];
    for (index, digits) in version.split('.').enumerate() {
        let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
        *numbers.get_mut(index)? = digits.parse().ok().filter(|_| is_number)?;
    }
    Some(numbers)
}

/// Checks that responses over HTTP have the answers of the typed calls.
fn check_rest(
    store: &Store,
    uid: &str,
    listed: &std::result::Result<Vec<Module>, Error>,
    got: &std::result::Result<Module, Error>,
    limits: &Limits,
) {
    let response = handle(store, &Request::get("/v1/modules"), limits);
    let documents = |modules: &Vec<Module>| {
        let documents: Vec<_> = modules.iter().map(|module| module.document()).collect();
        format!("[{}]\n", documents.join(","))
    };
    same(&response, &listed.as_ref().map(documents));

    let path = format!("/v1/modules/{}", uid.replace('%', "%25").replace('/', "%2F"));
    let response = handle(store, &Request::get(&path), limits);
    same(&response, &got.as_ref().map(|module| format!("{}\n", module.document())));
}

fn same(response: &rest::Response, expected: &std::result::Result<String, &Error>) {
    let status = match expected {
        Ok(body) => {
            assert_eq!(response.body, body.as_bytes());
            200
        }
        Err(Error::NotFound) => 404,
        Err(Error::UidTooLong { .. }) => 414,
        Err(Error::Malformed(_) | Error::Store(StoreError::Other(_))) => 500,
        Err(Error::Store(_)) => 503,
        Err(error) => panic!("{error}"),
    };
    assert_eq!(response.status, status);
    if let Err(error) = expected {
        let body: serde_json::Value = serde_json::from_slice(&response.body).expect("JSON");
        assert_eq!(body["description"], error.to_string());
    }
}
