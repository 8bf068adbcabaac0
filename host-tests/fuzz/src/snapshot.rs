//! Any bytes as a snapshot: the core splits them into the same objects as the reference.

use ccs_modules::{Limits, body};

use crate::json::Json;

pub fn run(input: &[u8]) {
    let limits = Limits::default();
    let split = body::split(input);
    if let Ok(documents) = &split {
        for document in documents {
            assert!(matches!(document, [b'{', .., b'}']));
        }
        let joined = body::join(documents);
        assert_eq!(body::split(&joined).as_ref(), Ok(documents));
    }

    let checked = body::check(input, &limits);
    for error in [checked.as_ref().err(), split.as_ref().err()].into_iter().flatten() {
        let lines: Vec<_> = input.split(|&byte| byte == b'\n').collect();
        let line = lines.get(error.position.line as usize - 1).unwrap_or_else(|| panic!("{error}"));
        assert!((1..=line.len() + 1).contains(&(error.position.column as usize)), "{error}");
    }

    let expected = Json::parse(input, limits.depth + 1).filter(|json| json.compact().is_some());
    let expected = match expected {
        Some(Json::Array(elements)) => elements,
        _ => return assert!(checked.is_err(), "accepted"),
    };
    if !expected.iter().all(|element| matches!(element, Json::Object(_))) {
        return assert!(checked.is_err() && split.is_err(), "accepted");
    }
    assert_eq!(checked, Ok(()));
    let documents = split.expect("what is sound is split");
    assert_eq!(documents.len(), expected.len());
    for (document, expected) in documents.iter().zip(&expected) {
        let found = Json::parse(document, limits.depth).and_then(|json| json.compact());
        assert_eq!(found, expected.compact());
    }

    // A uid finds the first document that has it.
    for document in &expected {
        let Some(uid) = document.get("uid").and_then(Json::as_string) else { continue };
        let has = |json: &Json| json.get("uid").and_then(Json::as_string).as_ref() == Some(&uid);
        let sound = !uid.is_empty() && uid.len() <= limits.uid_bytes;
        let first = expected.iter().position(has).filter(|_| sound);
        assert_eq!(body::find(&documents, &uid, &limits), first.map(|index| &documents[index]));
    }
}
