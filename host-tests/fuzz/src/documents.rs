//! Any bytes as a document. The core and the reference accept the same documents, and the answer has the
//! values of the document.

use ccs_modules::{Error, Limits};

use crate::calls::{Request, Store, get, handle, list};
use crate::json::Json;
use crate::rules::{Fields, Verdict, judge};

pub fn run(input: &[u8]) {
    let limits = Limits::default();
    let store = Store::of(&[input]);
    let listed = list(&store, &limits);
    let response = handle(&store, &Request::get("/v1/modules"), &limits);

    let Ok([module]) = listed.as_deref() else {
        assert!(!matches!(judge(input, &limits), Verdict::Sound(_)), "refused: {listed:?}");
        let Err(error @ Error::Malformed(_)) = listed else { panic!("{listed:?}") };
        assert!(!error.to_string().contains(char::is_control), "{error}");
        assert_eq!(response.status, 500);
        return;
    };
    match judge(input, &limits) {
        Verdict::Sound(expected) => assert_eq!(Fields::of(module), *expected),
        Verdict::Refused => panic!("accepted: {module:?}"),
    }

    // Every answer holds the same document.
    let body = |text: &str| [text, "\n"].concat().into_bytes();
    assert_eq!(response.body, body(&format!("[{}]", module.document())));
    let only = Store { document: Some(Ok(Some(input.to_vec()))), ..store };
    assert_eq!(get(&only, &module.uid, &limits).as_ref(), Ok(module));

    // The compact form is compact, and has the same values.
    let compact = module.document().as_bytes();
    assert_eq!(list(&Store::of(&[compact]), &limits).as_deref(), Ok([module.clone()].as_slice()));
    let written = Json::parse(compact, limits.depth).and_then(|json| json.compact());
    assert_eq!(written.as_deref(), Some(module.document()));
    if let (Ok(mut before), Ok(mut after)) = (value(input), value(compact)) {
        // A version such as 10012.0 becomes an integer.
        before["version"].take();
        after["version"].take();
        assert_eq!(before, after);
    }
}

fn value(text: &[u8]) -> serde_json::Result<serde_json::Value> {
    serde_json::from_slice(text)
}
