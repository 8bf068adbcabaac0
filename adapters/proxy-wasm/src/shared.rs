//! The part of a mirror that all workers of the proxy share: whose turn it is to fetch, and the
//! outcome of the latest fetch.
//!
//! The proxy keeps both for all plugins with one `vm_id`. A write names the version that it replaces,
//! so of two workers that want the turn at the same time one gets it.

use std::time::Duration;

use ccs_modules::mirror::Saved;
use ccs_modules::{Error, StoreError};
use proxy_wasm::hostcalls;

use crate::mirrored::GRACE;

/// The shared part of the mirrors of one upstream.
pub struct Shared {
    turn: String,
    news: String,
    /// The number of the latest fetch whose outcome is known here.
    seen: u64,
}

/// The state of the turns.
#[derive(Clone, Copy, Default)]
struct Turn {
    /// The fetches that have ended.
    ended: u64,
    /// The time when the current turn ends at the latest, in milliseconds; 0 if it is nobody's.
    until: u64,
}

/// The outcome of a fetch, without the list: when the fetch ended and how old the list was, in
/// milliseconds, its validator, and the failure with its kind.
type Head = (u64, u64, Option<String>, Option<(char, String)>);

impl Shared {
    /// Opens the shared part of this name. All mirrors of one upstream use one name, and others
    /// another one.
    pub fn new(name: &str) -> Self {
        let shared = Self {
            turn: format!("ccs-modules.{name}.turn"),
            news: format!("ccs-modules.{name}.news"),
            seen: 0,
        };
        // A version can only be named where there is one.
        if shared.read_turn().is_none() {
            let _ = shared.write_turn(Turn::default(), None);
        }
        shared
    }

    /// Takes the turn to fetch, for this long; false if it is another worker's, or another worker has
    /// ended a fetch just now.
    pub fn take_turn(&self, now: Duration, timeout: Duration) -> bool {
        let Some((turn, version)) = self.read_turn() else { return true };
        let until = (now + timeout + GRACE).as_millis() as u64;
        let now = now.as_millis() as u64;
        // A turn that lasts too long is from before the clock went back.
        let is_taken = turn.until > now && turn.until <= until;
        turn.ended == self.seen
            && !is_taken
            && self.write_turn(Turn { until, ..turn }, Some(version))
    }

    /// Ends the turn without an outcome.
    pub fn end_turn(&self) {
        if let Some((turn, version)) = self.read_turn() {
            self.write_turn(Turn { until: 0, ..turn }, Some(version));
        }
    }

    /// Tells the other workers the outcome of a fetch that has ended now, and ends the turn.
    pub fn tell(&mut self, now: Duration, outcome: &Result<Saved, Error>) {
        let ended = now.as_millis() as u64;
        let (head, body): (Head, &[u8]) = match outcome {
            Ok(Saved { body, validator, age, .. }) => {
                ((ended, age.as_millis() as u64, validator.clone(), None), body)
            }
            Err(error) => {
                let failure = match error.clone() {
                    Error::Store(StoreError::Denied(why)) => ('d', why),
                    Error::Store(StoreError::TooLong(why)) => ('l', why),
                    Error::Store(StoreError::Unavailable(why)) => ('u', why),
                    Error::Store(error) => ('o', error.reason().into()),
                    error => ('o', error.to_string()),
                };
                ((ended, 0, None, Some(failure)), &[])
            }
        };
        let Ok(mut news) = serde_json::to_vec(&head) else { return };
        news.push(b'\n');
        news.extend_from_slice(body);
        let _ = hostcalls::set_shared_data(&self.news, Some(&news), None);
        let earlier = self.read_turn().map_or(self.seen, |(turn, _)| turn.ended);
        self.seen = earlier.max(self.seen) + 1;
        self.write_turn(Turn { ended: self.seen, until: 0 }, None);
    }

    /// Returns the outcome of the latest fetch, and when it ended; none if it is known already.
    pub fn news(&mut self) -> Option<(Duration, Result<Saved, Error>)> {
        let (turn, _) = self.read_turn()?;
        if turn.ended == self.seen {
            return None;
        }
        self.seen = turn.ended;
        let (news, _) = hostcalls::get_shared_data(&self.news).ok()?;
        let news = news?;
        let mut parts = news.splitn(2, |byte| *byte == b'\n');
        let (head, body) = (parts.next()?, parts.next()?);
        // From bytes, serde_json would be compiled once more: the core reads documents as text.
        let (ended, age, validator, failure): Head =
            serde_json::from_str(str::from_utf8(head).ok()?).ok()?;
        let error = |(kind, why)| match kind {
            'd' => StoreError::Denied(why),
            'l' => StoreError::TooLong(why),
            'u' => StoreError::Unavailable(why),
            _ => StoreError::Other(why),
        };
        let outcome = match failure {
            None => Ok(Saved::new(body.to_vec(), validator, Duration::from_millis(age))),
            Some(failure) => Err(error(failure).into()),
        };
        Some((Duration::from_millis(ended), outcome))
    }

    fn read_turn(&self) -> Option<(Turn, u32)> {
        let (data, version) = hostcalls::get_shared_data(&self.turn).ok()?;
        let (ended, until) = data.as_deref()?.split_first_chunk()?;
        let turn = Turn {
            ended: u64::from_le_bytes(*ended),
            until: u64::from_le_bytes(until.try_into().ok()?),
        };
        Some((turn, version?))
    }

    /// Writes the state of the turns, if it still has this version. Returns whether it had.
    fn write_turn(&self, Turn { ended, until }: Turn, version: Option<u32>) -> bool {
        let data = [ended.to_le_bytes(), until.to_le_bytes()].concat();
        hostcalls::set_shared_data(&self.turn, Some(&data), version).is_ok()
    }
}
