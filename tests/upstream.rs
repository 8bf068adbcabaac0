//! A response of an upstream that is cut off anywhere is no catalog.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use ccs_modules::Mirror;
use ccs_modules::mirror::{Config, Outcome, Poll, Timestamp};
use ccs_modules::upstream::{Node, Response, Upstream};

const BODY: &[u8] =
    "[{\"module_name\":\"search\",\"uid\":\"a\\\\\"},{\"uid\":\"\u{e9}\",\"version\":1}]\n"
        .as_bytes();

#[test]
fn a_list_that_is_cut_anywhere_is_a_failure_and_keeps_the_list_of_before() {
    // Without its line end the list is whole.
    for end in 0..BODY.len() - 1 {
        let mut mirror = mirror();
        assert!(
            matches!(answer(&mut mirror, Timestamp(0), &BODY[..end]), Outcome::Failed(_)),
            "{end}"
        );
        assert!(mirror.reader().view(Timestamp(1)).is_err(), "{end}");

        let mut mirror = self::mirror();
        assert!(matches!(answer(&mut mirror, Timestamp(0), BODY), Outcome::Changed));
        let later = Timestamp(60_000);
        assert!(matches!(answer(&mut mirror, later, &BODY[..end]), Outcome::Failed(_)), "{end}");
        assert_eq!(mirror.reader().view(later).unwrap().snapshot.len(), 2, "{end}");
    }
}

fn mirror() -> Mirror {
    let upstream = Upstream::new(vec![Node::parse("https://node1:9443").unwrap()]).unwrap();
    Mirror::new(Config::new(upstream), 1)
}

/// Answers the fetch that is due with this body.
fn answer(mirror: &mut Mirror, now: Timestamp, body: &[u8]) -> Outcome {
    let Poll::Fetch(fetch) = mirror.poll(now) else { panic!("no fetch is due") };
    let response = Response { status: 200, headers: Vec::new(), body: body.to_vec() };
    mirror.answered(now, fetch.id, response)
}
