//! A call for which the cluster is asked.

use core::time::Duration;

use ccs_modules::StoreError;
use ccs_modules::upstream::{Call, Turn};

use crate::Network;

/// Makes a call of the cluster within this time.
pub(crate) fn resolve<T>(
    mut call: Call<'_, T>,
    network: &impl Network,
    timeout: Duration,
) -> Result<T, StoreError> {
    let deadline = network.now().saturating_add(timeout);
    loop {
        match call.poll(deadline.saturating_sub(network.now())) {
            Turn::Send { request, timeout } => match network.send(&request, timeout) {
                Ok(response) => call.answered(response),
                Err(why) => call.failed(&why),
            },
            Turn::Done(outcome) => return outcome,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripted::{Scripted, response, upstream};

    const TIMEOUT: Duration = Duration::from_secs(3);

    #[test]
    fn hung_nodes_leave_time_for_the_others() {
        let upstream = upstream(&["http://a", "http://b", "http://c"]);
        let network = Scripted::new([Err("late"), Err("late"), Ok(response(200, "[]"))]);
        assert_eq!(resolve(upstream.list_call(), &network, TIMEOUT).unwrap(), b"[]");
        assert_eq!(network.timeouts(), [1, 1, 1].map(Duration::from_secs));
    }

    #[test]
    fn a_call_ends_in_time() {
        let upstream = upstream(&["http://a", "http://b"]);
        let network = Scripted::new([Err("late"), Err("late")]);
        let error = resolve(upstream.module_call("1"), &network, TIMEOUT).unwrap_err();
        assert_eq!(error, StoreError::Unavailable("http://a: late; http://b: late".into()));
        assert_eq!(network.now(), TIMEOUT);
    }
}
