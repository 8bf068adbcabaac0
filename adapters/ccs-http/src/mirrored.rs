//! A mirror that an instance keeps between its calls. A component has no background: the calls
//! themselves keep the mirror fresh.

use core::time::Duration;

use ccs_modules::mirror::{self, Fetch, FetchId, Mirror, Poll, Question, Timestamp};
use ccs_modules::{Error, Snapshot, StoreError};

use crate::Network;

/// A mirror, and its fetch that has not ended.
pub(crate) struct Mirrored<N: Network> {
    network: N,
    mirror: Mirror,
    open: Option<(FetchId, N::Exchange)>,
}

impl<N: Network> Mirrored<N> {
    pub(crate) fn new(network: N, config: mirror::Config, seed: u64) -> Self {
        Self { network, mirror: Mirror::new(config, seed), open: None }
    }

    /// Takes what has come, sends what is due, and returns the snapshot that answers. While no snapshot is
    /// kept, this waits as long as the timeout allows. While one is kept, it does not wait for a cluster that
    /// is silent: the fetch stays open, and a later call takes the response.
    pub(crate) fn snapshot(&mut self, timeout: Duration) -> Result<&Snapshot, Error> {
        let deadline = self.network.now().saturating_add(timeout);
        // The call that sends a request waits for a moment, and so does one that receives a part.
        let mut patience = Duration::ZERO;

        loop {
            self.take_response();
            let now = self.network.now();
            match self.mirror.poll(moment(now)) {
                Poll::Fetch(fetch) => {
                    self.start(now, fetch);
                    patience = PATIENCE;
                }
                Poll::Wait { until } => {
                    let left = deadline.saturating_sub(now);
                    let is_kept = self.mirror.reader().view(moment(now)).is_ok();
                    let until = Duration::from_millis(until.0).saturating_sub(now);
                    let longest = if is_kept { patience } else { until }.min(left);
                    match &self.open {
                        _ if left.is_zero() => break,
                        Some((_, exchange)) if self.network.wait(exchange, longest) => {
                            patience = PATIENCE;
                        }
                        _ if is_kept => break,
                        Some(_) => {}
                        // The next fetch would begin too late.
                        None if until >= left => break,
                        None => self.network.sleep(longest),
                    }
                }
            }
        }

        let now = moment(self.network.now());
        Ok(self.mirror.reader().view(now)?.snapshot)
    }

    fn start(&mut self, now: Duration, fetch: Fetch) {
        let started = match &fetch.question {
            Question::Request(request) => self.network.start(request, fetch.timeout),
            Question::Documents { .. } => Err("the source is a cluster".into()),
        };
        match started {
            Ok(exchange) => self.open = Some((fetch.id, exchange)),
            Err(why) => {
                self.mirror.failed(moment(now), fetch.id, StoreError::Unavailable(why));
            }
        }
    }

    /// Takes the response of the fetch that is open, if it has come.
    fn take_response(&mut self) {
        let Some((id, exchange)) = &mut self.open else { return };
        let Some(response) = self.network.receive(exchange) else { return };
        let (id, now) = (*id, moment(self.network.now()));
        self.open = None;
        match response {
            Ok(response) => self.mirror.answered(now, id, response),
            Err(why) => self.mirror.failed(now, id, StoreError::Unavailable(why)),
        };
    }
}

/// The time that a call waits for a cluster that is silent while a snapshot is kept.
const PATIENCE: Duration = Duration::from_millis(200);

fn moment(time: Duration) -> Timestamp {
    Timestamp(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use ccs_modules::mirror::Config;

    use super::*;
    use crate::scripted::{Scripted, ScriptedNetwork, at_once, failing, redirect, upstream};

    const TIMEOUT: Duration = Duration::from_secs(5);
    const AGE: Duration = Duration::from_secs(10);

    fn mirrored<const N: usize>(
        nodes: &[&str],
        responses: [Scripted; N],
    ) -> Mirrored<ScriptedNetwork> {
        let config = Config::new(upstream(nodes)).with_times(AGE, AGE * 10).unwrap();
        Mirrored::new(ScriptedNetwork::new(responses), config, 1)
    }

    #[test]
    fn the_cluster_is_asked_again_once_the_snapshot_is_old() {
        let lists = [at_once(200, "[]"), at_once(200, "[{\"uid\":\"1\"}]")];
        let mut mirrored = mirrored(&["http://a"], lists);
        for _ in 0..3 {
            assert_eq!(mirrored.snapshot(TIMEOUT).unwrap().len(), 0);
        }
        assert_eq!(mirrored.network.asked().len(), 1);
        mirrored.network.sleep(AGE);
        for _ in 0..3 {
            assert_eq!(mirrored.snapshot(TIMEOUT).unwrap().len(), 1);
        }
        assert_eq!(mirrored.network.asked().len(), 2);
    }

    #[test]
    fn the_old_snapshot_answers_while_the_cluster_is_down_and_not_for_ever() {
        let mut mirrored = mirrored(&["http://a"], [at_once(200, "[]")]);
        mirrored.snapshot(TIMEOUT).unwrap();
        mirrored.network.sleep(AGE * 9);
        assert!(mirrored.snapshot(TIMEOUT).is_ok());
        mirrored.network.sleep(AGE * 2);
        let error = mirrored.snapshot(TIMEOUT).unwrap_err().to_string();
        let expected =
            "the store is unavailable: the catalog is more than 100 seconds old; http://a: ";
        assert!(error.starts_with(expected), "{error}");
    }

    #[test]
    fn the_old_snapshot_answers_while_a_fetch_is_open() {
        let slow = Scripted { after: AGE / 5, ..at_once(200, "[{\"uid\":\"1\"}]") };
        let mut mirrored = mirrored(&["http://a"], [at_once(200, "[]"), slow]);
        mirrored.snapshot(TIMEOUT).unwrap();
        mirrored.network.sleep(AGE);

        // The first call waits for a moment, and the others not at all.
        let before = mirrored.network.now();
        for _ in 0..5 {
            assert_eq!(mirrored.snapshot(TIMEOUT).unwrap().len(), 0);
            assert_eq!(mirrored.network.now(), before + PATIENCE);
        }
        mirrored.network.sleep(AGE / 5);
        assert_eq!(mirrored.snapshot(TIMEOUT).unwrap().len(), 1);
        assert_eq!(mirrored.network.asked().len(), 2);
    }

    #[test]
    fn the_first_call_tries_the_next_node_and_follows_a_redirect() {
        let responses =
            [failing("connection refused"), redirect("http://c/v1/modules"), at_once(200, "[]")];
        let mut mirrored = mirrored(&["http://a", "http://b", "http://c"], responses);
        assert!(mirrored.snapshot(TIMEOUT).is_ok());
        assert_eq!(mirrored.network.asked().len(), 3);
    }

    #[test]
    fn the_first_call_ends_in_time() {
        let mut refused = mirrored(&["http://a"], []);
        let error = refused.snapshot(TIMEOUT).unwrap_err();
        assert!(error.to_string().contains("nothing has been fetched yet; http://a: "), "{error}");
        assert!(refused.network.now() <= TIMEOUT, "{:?}", refused.network.now());
        assert!(refused.network.asked().len() > 1);

        // A request that was sent shortly before the end does not delay it.
        let late = || Scripted { after: TIMEOUT / 2, ..failing("down") };
        let mut silent = mirrored(&["http://a", "http://b"], [late(), late()]);
        assert!(silent.snapshot(TIMEOUT).is_err());
        assert_eq!((silent.network.asked().len(), silent.network.now()), (2, TIMEOUT));
    }
}
