//! The times between fetches.
//!
//! Many mirrors ask one cluster, and they must not ask at the same moment, so each draws its times at
//! random. A mirror with a catalog waits for at least a quarter of the refresh interval, also after a
//! failure. So a cluster that is down or comes back is asked little more often than one that is well.
//! Only after a first failure near the end of the time for which the catalog may answer, it asks sooner. A
//! node that asks for more time gets it, and a cluster that refuses the credentials is asked as
//! [`Refusals`] allow.

use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use fastrand::Rng;

use crate::upstream::Refusals;

/// The times between fetches, drawn at random.
#[derive(Clone, Debug)]
pub(super) struct Schedule {
    random: Rng,
    refresh: Duration,
    /// The number of fetches that failed since the last success.
    failures: u32,
    /// Whether no fetch has succeeded yet.
    first: bool,
    refusals: Refusals,
    /// The times before which the nodes are not asked, one for each node.
    not_before: Vec<Duration>,
}

/// The first time between two fetches while there is no catalog.
const FIRST_RETRY: Duration = Duration::from_secs(1);

impl Schedule {
    pub(super) fn new(refresh: Duration, nodes: usize, seed: u64) -> Self {
        Self {
            random: Rng::with_seed(seed),
            refresh,
            failures: 0,
            first: true,
            refusals: Refusals::default(),
            not_before: vec![Duration::ZERO; nodes],
        }
    }

    /// Returns the time from a fetch that succeeded to the next one, which is at least nine tenths of the
    /// refresh interval. After the first success it is any part of the interval, so that mirrors that began
    /// together do not go on together.
    ///
    /// The interval is cut to three quarters of the time that is left to the catalog, and to that time less
    /// two timeouts, so that two fetches may hang. It is not cut below a quarter of the interval.
    pub(super) fn after_success(&mut self, left: Duration, timeout: Duration) -> Duration {
        self.failures = 0;
        let least = if self.first { 0.0 } else { 0.9 };
        self.first = false;
        let cut = (left - left / 4).min(left.saturating_sub(timeout * 2));
        self.between(least, self.refresh.min(cut).max(self.refresh / 4))
    }

    /// Returns the time from a fetch that failed to the next one. It doubles with each failure, up to the
    /// refresh interval. It begins with half of the interval, or with a second if no catalog may answer.
    /// After the first failure it is cut to half of the time that is left to the catalog, but not below a
    /// sixteenth of a second. After later failures it is cut to the whole of that time, but not below half of
    /// the interval.
    pub(super) fn after_failure(&mut self, left: Option<Duration>) -> Duration {
        let half = self.refresh / 2;
        let soon = half.min(FIRST_RETRY);
        let first = if left.is_some() { half } else { soon };
        let longest = first.saturating_mul(1_u32.checked_shl(self.failures).unwrap_or(u32::MAX));

        let cut = match left {
            Some(left) if self.failures == 0 => left / 2,
            Some(left) => left.max(half),
            None => self.refresh,
        };
        self.failures = self.failures.saturating_add(1);
        self.between(0.5, longest.min(cut.max(soon / 16)).min(self.refresh))
    }

    /// Returns the time to the next fetch after the cluster refused the credentials at this time, which is up
    /// to a tenth longer than [`Refusals`] require.
    pub(super) fn after_refusal(&mut self, time: Duration) -> Duration {
        let wait = self.refusals.wait_after(time);
        wait + self.between(0.0, wait / 10)
    }

    /// Forgets that the cluster refused the credentials.
    pub(super) fn renew(&mut self) {
        self.refusals = Refusals::default();
    }

    /// Returns the time from the restoring of a catalog to the first fetch, given the time since its
    /// validation and the time that is left to it. It is zero if the fetch is due. Otherwise it is drawn
    /// between zero and the time until it is due.
    pub(super) fn after_restore(&mut self, since: Duration, left: Duration) -> Duration {
        self.between(0.0, self.refresh.saturating_sub(since).min(left / 2))
    }

    /// Does not ask a node for this long, which is cut to the time that is left to the catalog.
    pub(super) fn exclude(
        &mut self,
        node: usize,
        time: Duration,
        wait: Duration,
        left: Option<Duration>,
    ) {
        let wait = wait.min(left.unwrap_or(wait));
        if let Some(not_before) = self.not_before.get_mut(node) {
            *not_before = time.saturating_add(wait);
        }
    }

    /// Returns the time before which a node is not asked.
    pub(super) fn not_before(&self, node: usize) -> Duration {
        self.not_before.get(node).copied().unwrap_or_default()
    }

    /// Returns the node to ask after one that failed, and the time to ask it. It is the next node that may be
    /// asked when a fetch is due. If there is no such node, it is the one that may be asked first.
    pub(super) fn next_node(&self, failed: usize, due: Duration) -> (usize, Duration) {
        let nodes = self.not_before.len().max(1);
        let others = (1..=nodes).map(|step| (failed + step) % nodes);
        let with_time = others.map(|node| (node, self.not_before(node).max(due)));
        with_time.min_by_key(|(_, time)| *time).unwrap_or((0, due))
    }

    /// Draws a time between `least` times `whole` and `whole`.
    fn between(&mut self, least: f64, whole: Duration) -> Duration {
        whole.mul_f64(least + (1.0 - least) * self.random.f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFRESH: Duration = Duration::from_secs(30);
    const DAY: Duration = Duration::from_secs(86_400);
    const TIMEOUT: Duration = Duration::from_secs(5);

    /// The least and the greatest of many draws, in tenths of a second.
    fn range(mut draw: impl FnMut(u64) -> Duration) -> (u128, u128) {
        let draws: Vec<_> = (0..2000).map(|seed| draw(seed).as_millis() / 100).collect();
        (*draws.iter().min().unwrap(), *draws.iter().max().unwrap())
    }

    #[test]
    fn refreshes_are_spread_and_the_first_most() {
        let first = |seed| Schedule::new(REFRESH, 1, seed).after_success(DAY, TIMEOUT);
        assert_eq!(range(first), (0, 299));
        let second = |seed| {
            let mut schedule = Schedule::new(REFRESH, 1, seed);
            schedule.after_success(DAY, TIMEOUT);
            schedule.after_success(DAY, TIMEOUT)
        };
        assert_eq!(range(second), (270, 299));
    }

    #[test]
    fn retries_back_off_to_the_refresh_interval() {
        let nth = |n: usize, left| {
            range(|seed| {
                let mut schedule = Schedule::new(REFRESH, 1, seed);
                for _ in 1..n {
                    schedule.after_failure(left);
                }
                schedule.after_failure(left)
            })
        };
        assert_eq!(nth(1, Some(DAY)), (75, 149));
        assert_eq!(nth(2, Some(DAY)), (150, 299));
        assert_eq!(nth(99, Some(DAY)), (150, 299));
        assert_eq!(nth(1, None), (5, 9));
        assert_eq!(nth(2, None), (10, 19));
        assert_eq!(nth(6, None), (150, 299));
        assert_eq!(nth(99, None), (150, 299));
        let mut schedule = Schedule::new(REFRESH, 1, 0);
        schedule.after_failure(Some(DAY));
        schedule.after_success(DAY, TIMEOUT);
        assert!(schedule.after_failure(Some(DAY)) < REFRESH / 2);
        let mut short = Schedule::new(Duration::from_millis(1), 1, 0);
        assert!(short.after_failure(None) > Duration::ZERO);
    }

    #[test]
    fn one_failure_leaves_time_for_another_fetch_while_the_catalog_may_answer() {
        for stale_if_error in [REFRESH, REFRESH * 3 / 2, REFRESH * 2] {
            for seed in 0..2000 {
                let mut schedule = Schedule::new(REFRESH, 1, seed);
                schedule.after_success(stale_if_error, TIMEOUT);
                let failed = schedule.after_success(stale_if_error, TIMEOUT);
                let again = failed + schedule.after_failure(stale_if_error.checked_sub(failed));
                assert!(again < stale_if_error, "{again:?} of {stale_if_error:?}");
            }
        }
        // A source whose lists are old when they come is not asked much more often.
        let old = |seed| {
            let mut schedule = Schedule::new(REFRESH, 1, seed);
            schedule.after_success(DAY, TIMEOUT);
            schedule.after_success(Duration::ZERO, TIMEOUT)
        };
        assert_eq!(range(old), (67, 74));
        let last = |seed| Schedule::new(REFRESH, 1, seed).after_failure(Some(Duration::ZERO));
        assert_eq!(range(last), (0, 0));
        assert!(last(0) > Duration::ZERO);
    }

    #[test]
    fn a_restored_snapshot_is_refreshed_when_it_is_due() {
        let after =
            |since, left| range(|seed| Schedule::new(REFRESH, 1, seed).after_restore(since, left));
        assert_eq!(after(Duration::from_secs(10), DAY), (0, 199));
        assert_eq!(after(Duration::ZERO, REFRESH), (0, 149));
        assert_eq!(after(REFRESH, DAY), (0, 0));
        assert_eq!(after(Duration::MAX, DAY), (0, 0));
    }

    #[test]
    fn a_cluster_that_refuses_the_credentials_is_asked_twice_in_fifteen_minutes() {
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        for seed in 0..100 {
            let mut schedule = Schedule::new(REFRESH, 1, seed);
            let mut asked = [minutes(1); 8];
            for nth in 1..asked.len() {
                asked[nth] = asked[nth - 1] + schedule.after_refusal(asked[nth - 1]);
                let wait = minutes(if nth == 1 { 5 } else { 15 });
                let range = wait..wait + wait / 10;
                assert!(range.contains(&(asked[nth] - asked[nth - 1])), "{asked:?}");
            }
            assert!(schedule.after_refusal(asked[7] + minutes(10)) >= minutes(15));
            assert!(schedule.after_refusal(asked[7] + minutes(40)) < minutes(6));
            schedule.renew();
            assert!(schedule.after_refusal(asked[7] + minutes(41)) < minutes(6));
        }
    }

    #[test]
    fn a_node_is_not_asked_before_its_retry_after() {
        let second = Duration::from_secs(1);
        let mut schedule = Schedule::new(REFRESH, 3, 0);
        schedule.exclude(1, second * 5, second * 60, None);
        assert_eq!(schedule.next_node(0, second * 10), (2, second * 10));
        assert_eq!(schedule.next_node(0, second * 65), (1, second * 65));
        schedule.exclude(2, second * 5, second * 30, Some(second * 40));
        schedule.exclude(0, second * 5, second * 900, None);
        assert_eq!(schedule.next_node(0, second * 10), (2, second * 35));
        assert_eq!(schedule.not_before(0), second * 905);
        // It is asked before nothing may answer any more.
        schedule.exclude(0, second * 5, Duration::MAX, Some(second * 7));
        assert_eq!(schedule.next_node(0, second * 10), (0, second * 12));
    }

    #[test]
    fn a_seed_gives_the_same_times_again() {
        let times = |seed| {
            let mut schedule = Schedule::new(REFRESH, 1, seed);
            [
                schedule.after_success(DAY, TIMEOUT),
                schedule.after_success(DAY, TIMEOUT),
                schedule.after_failure(Some(DAY)),
            ]
        };
        assert_eq!(times(7), times(7));
        assert_ne!(times(7), times(8));
    }
}
