//! An answer of a source that is cut off anywhere is not a catalog.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use ccs_modules::Mirror;
use ccs_modules::body::split;
use ccs_modules::mirror::{Config, FetchId, Outcome, Poll, Stored, Timestamp};
use ccs_modules::upstream::{Node, Response, Upstream};

const BODY: &[u8] =
    "[{\"module_name\":\"search\",\"uid\":\"a\\\\\"},{\"uid\":\"\u{e9}\",\"version\":1}]\n"
        .as_bytes();

#[test]
fn a_list_of_a_cluster_that_is_cut_anywhere_is_a_failure() {
    let node = Node::parse("https://node1:9443").unwrap();
    let config = Config::new(Upstream::new(vec![node]).unwrap());
    // Without its line end the list is whole.
    cut(&config, &[BODY], BODY.len() - 1, |mirror, now, id, parts| {
        let response = Response { status: 200, headers: Vec::new(), body: parts.concat() };
        mirror.answered(now, id, response)
    });
}

#[test]
fn a_body_of_a_store_that_is_cut_anywhere_is_a_failure() {
    cut(&Config::for_store(), &[BODY], BODY.len() - 1, |mirror, now, id, parts| {
        mirror.stored(now, id, Stored::Body { body: parts.concat(), version: None })
    });
}

#[test]
fn a_document_of_a_store_that_is_cut_anywhere_is_a_failure() {
    let documents = split(BODY).unwrap();
    let end = documents[1].len();
    cut(&Config::for_store(), &documents, end, |mirror, now, id, documents| {
        mirror.stored(now, id, Stored::Documents { documents, version: None })
    });
}

/// Answers with the last part cut before each of its bytes up to the end, to a mirror without a catalog
/// and to one with a catalog.
fn cut(
    config: &Config,
    parts: &[&[u8]],
    end: usize,
    answer: impl Fn(&mut Mirror, Timestamp, FetchId, Vec<Vec<u8>>) -> Outcome,
) {
    let answer = |mirror: &mut Mirror, now, parts: &[&[u8]]| {
        let Poll::Fetch(fetch) = mirror.poll(now) else { panic!("no fetch is due") };
        answer(mirror, now, fetch.id, parts.iter().map(|part| part.to_vec()).collect())
    };
    for end in 0..end {
        let (last, first) = parts.split_last().unwrap();
        let cut = [first, &[&last[..end]]].concat();
        let mut mirror = Mirror::new(config.clone(), 1);
        let outcome = answer(&mut mirror, Timestamp(0), &cut);
        assert!(matches!(outcome, Outcome::Failed(_)), "{end}");
        assert!(mirror.reader().view(Timestamp(1)).is_err(), "{end}");

        let mut mirror = Mirror::new(config.clone(), 1);
        let outcome = answer(&mut mirror, Timestamp(0), parts);
        assert!(matches!(outcome, Outcome::Changed(_)));
        let later = Timestamp(60_000);
        let outcome = answer(&mut mirror, later, &cut);
        assert!(matches!(outcome, Outcome::Failed(_)), "{end}");
        assert_eq!(mirror.reader().view(later).unwrap().snapshot.len(), 2, "{end}");
    }
}
