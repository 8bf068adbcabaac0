//! Real documents with changes: the answer for a document does not depend on its layout.

use arbitrary::{Result, Unstructured};
use ccs_modules::{Error, Limits};

use crate::calls::{Request, Store, get, handle, list};
use crate::generate::{CATALOG, string, value};
use crate::json::{Json, characters};
use crate::rules::{Fields, Verdict, judge};

pub fn run(input: &[u8]) {
    // Input bytes that run out end the changes and not the test.
    let mut u = Unstructured::new(input);
    let mut object = match u.choose_iter(CATALOG.iter()) {
        Ok(object) => object.clone(),
        Err(_) => CATALOG[0].clone(),
    };
    let call = u.int_in_range(0..=2).unwrap_or_default();
    if u.ratio(1, 2).unwrap_or_default() {
        shorten(&mut object);
    }
    for _ in 0..u.int_in_range(0..=4).unwrap_or_default() {
        _ = change(&mut object, &mut u);
    }

    object.sort();
    let mut sorted = String::new();
    object.write(&mut sorted);
    let Ok(otherwise) = object.write_otherwise(&mut u) else { return };
    compare(call, sorted.as_bytes(), otherwise.as_bytes());
}

/// Keeps only short members, so that a change weighs more.
fn shorten(object: &mut Json) {
    if let Json::Object(members) = object {
        members.retain(|(key, _)| {
            ["\"uid\"", "\"version\"", "\"module_name\""].contains(&key.as_str())
        });
    }
}

/// Changes a value somewhere in `json`.
fn change(json: &mut Json, u: &mut Unstructured<'_>) -> Result<()> {
    match json {
        Json::Object(members) if !members.is_empty() && u.ratio(7, 8)? => {
            let at = u.choose_index(members.len())?;
            match u.int_in_range(0..=10)? {
                0 => _ = members.remove(at),
                1 => members.push(members[at].clone()),
                2 => members.push((string(u)?, value(u, 2)?)),
                3 => members[at].0 = string(u)?,
                4 => members[at].0 = respell(&members[at].0, u)?,
                5 => members.push((respell(&members[at].0, u)?, value(u, 1)?)),
                6 => nest(&mut members[at].1, u)?,
                7 => members[at].1 = value(u, 2)?,
                8 => widen(members, u)?,
                _ => change(&mut members[at].1, u)?,
            }
        }
        Json::Array(elements) if !elements.is_empty() && u.ratio(7, 8)? => {
            let at = u.choose_index(elements.len())?;
            match u.int_in_range(0..=3)? {
                0 => _ = elements.remove(at),
                1 => elements.push(value(u, 1)?),
                _ => change(&mut elements[at], u)?,
            }
        }
        Json::Scalar(text) if text.starts_with('"') && u.arbitrary()? => *text = respell(text, u)?,
        _ => *json = value(u, 2)?,
    }
    Ok(())
}

/// The same characters, some of them written as escapes.
fn respell(text: &str, u: &mut Unstructured<'_>) -> Result<String> {
    let mut out = String::from("\"");
    for character in characters(text).unwrap_or_default().chars() {
        match u.ratio(1, 4)? || character.is_control() || "\"\\".contains(character) {
            true => {
                let mut units = [0; 2];
                let units = character.encode_utf16(&mut units);
                out.extend(units.iter().map(|unit| format!("\\u{unit:04x}")));
            }
            false => out.push(character),
        }
    }
    out.push('"');
    Ok(out)
}

/// Adds many members, of which few or none share a key.
fn widen(members: &mut Vec<(String, Json)>, u: &mut Unstructured<'_>) -> Result<()> {
    let (count, distinct) = (u.int_in_range(3..=80)?, u.int_in_range(70..=200)?);
    let prefix = u.choose(&["", "a", "sixteen bytes it", "\u{e9}", "\\u0061", "ui"])?;
    let member =
        |index: usize| (format!("\"{prefix}{}\"", index * 7 % distinct), Json::Array(vec![]));
    members.extend((0..count).map(member));
    Ok(())
}

/// Nests a value in arrays or objects, in some cases close to the limit.
fn nest(json: &mut Json, u: &mut Unstructured<'_>) -> Result<()> {
    let depth = if u.ratio(1, 16)? { u.int_in_range(13..=18)? } else { u.int_in_range(1..=4)? };
    let object = u.arbitrary()?;
    for _ in 0..depth {
        let inner = std::mem::replace(json, Json::Array(vec![]));
        *json = match object {
            true => Json::Object(vec![("\"k\"".into(), inner)]),
            false => Json::Array(vec![inner]),
        };
    }
    Ok(())
}

/// Compares the outcomes of one call for one document in two layouts.
fn compare(call: u8, sorted: &[u8], otherwise: &[u8]) {
    let limits = Limits::default();
    let [one, other] = [Store::of(&[sorted]), Store::of(&[otherwise])];
    match call {
        0 => {
            let listed = list(&one, &limits);
            match (judge(sorted, &limits), &listed) {
                (Verdict::Sound(expected), Ok(found)) => {
                    let found: Vec<_> = found.iter().map(Fields::of).collect();
                    assert_eq!([*expected], found.as_slice());
                }
                (Verdict::Refused, Err(_)) => {}
                (expected, found) => panic!("expected {expected:?}, found {found:?}"),
            }
            assert_eq!(text_of(listed), text_of(list(&other, &limits)));
        }
        1 => {
            let uid = Json::parse(sorted, limits.depth)
                .and_then(|document| document.get("uid").and_then(Json::as_string))
                .unwrap_or("a".into());
            let got = |store: Store| {
                let document = store.documents.clone().map(|mut documents| documents.pop());
                get(&Store { document: Some(document), ..store }, &uid, &limits)
            };
            assert_eq!(text_of(got(one)), text_of(got(other)));
        }
        _ => {
            let listed = |store| handle(&store, &Request::get("/v1/modules"), &limits);
            let [one, other] = [listed(one), listed(other)];
            assert_eq!(one.status, other.status);
            if one.status == 200 {
                assert_eq!(one, other);
            }
        }
    }
}

/// The parts of an outcome that do not depend on layout. A document can have two errors, a key that
/// stands twice and another; then the layout decides which of the two is reported.
fn text_of<T>(outcome: std::result::Result<T, Error>) -> std::result::Result<T, String> {
    outcome.map_err(|error| match error {
        Error::Malformed(malformed) if malformed.uid.is_none() && malformed.index.is_none() => {
            panic!("{malformed}")
        }
        Error::Malformed(malformed) if malformed.field.is_none() => "as a whole".into(),
        error => error.to_string(),
    })
}
