//! A mirror that an instance keeps between its calls. A component has no background: the calls
//! themselves keep the mirror fresh.

use core::time::Duration;

use ccs_modules::mirror::{Mirror, Outcome, Poll, Question, Timestamp};
use ccs_modules::{Error, Snapshot, StoreError};

use crate::Network;

/// Sends what is due, and returns the snapshot that answers. While nothing is kept, it waits for the
/// next fetch as long as the timeout allows.
pub(crate) fn snapshot<'a>(
    mirror: &'a mut Mirror,
    network: &impl Network,
    timeout: Duration,
) -> Result<&'a Snapshot, Error> {
    let now = || moment(network.now());
    let deadline = moment(network.now().saturating_add(timeout));

    loop {
        match mirror.poll(now()) {
            Poll::Fetch(fetch) => {
                let response = match &fetch.question {
                    Question::Request(request) => network.send(request, fetch.timeout),
                    Question::Documents { .. } => Err("the source is a cluster".into()),
                };

                let outcome = match response {
                    Ok(response) => mirror.answered(now(), fetch.id, response),
                    Err(why) => mirror.failed(now(), fetch.id, StoreError::Unavailable(why)),
                };
                // A redirect is followed before the answer.
                if outcome != Outcome::Redirected && mirror.reader().view(now()).is_ok() {
                    break;
                }
            }
            Poll::Wait { until } => {
                if mirror.reader().view(now()).is_ok() || until >= deadline {
                    break;
                }
                network.sleep(Duration::from_millis(until.0.saturating_sub(now().0)));
            }
        }
    }

    Ok(mirror.reader().view(now())?.snapshot)
}

fn moment(time: Duration) -> Timestamp {
    Timestamp(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use ccs_modules::mirror::Config;

    use super::*;
    use crate::scripted::{Scripted, redirect, response, upstream};

    const TIMEOUT: Duration = Duration::from_secs(5);
    const AGE: Duration = Duration::from_secs(10);

    fn mirror(nodes: &[&str]) -> Mirror {
        let config = Config::new(upstream(nodes)).with_times(AGE, AGE * 10).unwrap();
        Mirror::new(config, 1)
    }

    #[test]
    fn the_cluster_is_asked_again_once_the_snapshot_is_old() {
        let network =
            Scripted::new([Ok(response(200, "[]")), Ok(response(200, "[{\"uid\":\"1\"}]"))]);
        let mut mirror = mirror(&["http://a"]);
        for _ in 0..3 {
            assert_eq!(snapshot(&mut mirror, &network, TIMEOUT).unwrap().len(), 0);
        }
        assert_eq!(network.asked().len(), 1);
        network.sleep(AGE);
        for _ in 0..3 {
            assert_eq!(snapshot(&mut mirror, &network, TIMEOUT).unwrap().len(), 1);
        }
        assert_eq!(network.asked().len(), 2);
    }

    #[test]
    fn the_old_snapshot_answers_while_the_cluster_is_down_and_not_for_ever() {
        let network = Scripted::new([Ok(response(200, "[]"))]);
        let mut mirror = mirror(&["http://a"]);
        snapshot(&mut mirror, &network, TIMEOUT).unwrap();
        network.sleep(AGE * 9);
        assert!(snapshot(&mut mirror, &network, TIMEOUT).is_ok());
        network.sleep(AGE * 2);
        let error = snapshot(&mut mirror, &network, TIMEOUT).unwrap_err().to_string();
        let expected =
            "the store is unavailable: the catalog is more than 100 seconds old; http://a: ";
        assert!(error.starts_with(expected), "{error}");
    }

    #[test]
    fn the_first_call_tries_the_next_node_and_follows_a_redirect() {
        let network = Scripted::new([
            Err("connection refused"),
            Ok(redirect("http://c/v1/modules")),
            Ok(response(200, "[]")),
        ]);
        let mut mirror = mirror(&["http://a", "http://b", "http://c"]);
        assert!(snapshot(&mut mirror, &network, TIMEOUT).is_ok());
        assert_eq!(network.asked().len(), 3);
    }

    #[test]
    fn the_first_call_ends_in_time() {
        let network = Scripted::new([]);
        let error = snapshot(&mut mirror(&["http://a"]), &network, TIMEOUT).unwrap_err();
        assert!(error.to_string().contains("nothing has been fetched yet; http://a: "), "{error}");
        assert!(network.now() <= TIMEOUT, "{:?}", network.now());
        assert!(network.asked().len() > 1);
    }
}
