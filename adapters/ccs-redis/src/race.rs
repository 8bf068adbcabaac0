//! Connects to the first of several addresses that answers.
//!
//! One address may swallow what is sent to it. So the attempts run side by side (RFC 8305): the next
//! one starts when the last one has failed, or has run for a while without a result.

use alloc::vec::Vec;
use core::mem;
use core::net::IpAddr;
use core::time::Duration;

/// The longest time between the starts of two attempts, as RFC 8305 recommends it.
const LONGEST_DELAY: Duration = Duration::from_millis(250);

/// The network: all that a race needs of it.
pub(crate) trait Network {
    /// An attempt to connect that has not ended.
    type Attempt;
    /// An open connection.
    type Connection;
    /// The reason why an address cannot be connected to.
    type Failure;

    /// Starts to connect to an address.
    fn start(&mut self, address: IpAddr) -> Result<Self::Attempt, Self::Failure>;

    /// Waits until one of the attempts has ended or, if given, the delay since the last start is
    /// over. Returns whether the delay is over.
    fn wait(
        &mut self,
        attempts: &[Self::Attempt],
        delay: Option<Duration>,
    ) -> Result<bool, TimedOut>;

    /// Returns what has become of an attempt.
    fn look(&mut self, attempt: Self::Attempt) -> Progress<Self>;
}

/// The state of an attempt.
pub(crate) enum Progress<N: Network + ?Sized> {
    Connected(N::Connection),
    Failed(N::Failure),
    Running(N::Attempt),
}

/// The end of a call's time.
#[derive(Debug, PartialEq)]
pub(crate) struct TimedOut;

/// The reason why there is no connection.
#[derive(Debug, PartialEq)]
pub(crate) enum Error<F> {
    /// No address can be connected to. The failure is that of the first address that failed; `None` without
    /// an address.
    Failed(Option<F>),
    TimedOut,
}

/// Connects to one of the addresses. The attempts start in the order of the addresses, with the
/// families taking turns. `timeout` is the time that all of them have.
pub(crate) fn connect<N: Network>(
    network: &mut N,
    addresses: Vec<IpAddr>,
    timeout: Duration,
) -> Result<N::Connection, Error<N::Failure>> {
    let delay = delay(timeout, addresses.len());
    let mut waiting = in_turns(addresses).into_iter();
    let mut attempts = Vec::new();
    let mut failure = None;
    let mut due = true;

    loop {
        // The next attempt starts when its turn has come, or when another one has failed.
        while due && let Some(address) = waiting.next() {
            match network.start(address) {
                Ok(attempt) => {
                    attempts.push(attempt);
                    due = false;
                }
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        if attempts.is_empty() {
            return Err(Error::Failed(failure));
        }

        let delay = (waiting.len() > 0).then_some(delay);
        due = network.wait(&attempts, delay).map_err(|TimedOut| Error::TimedOut)?;
        for attempt in mem::take(&mut attempts) {
            match network.look(attempt) {
                Progress::Connected(connection) => return Ok(connection),
                Progress::Failed(error) => {
                    failure = failure.or(Some(error));
                    due = true;
                }
                Progress::Running(attempt) => attempts.push(attempt),
            }
        }
    }
}

/// The time between the starts of two attempts: short enough that each address has its turn.
fn delay(timeout: Duration, addresses: usize) -> Duration {
    let addresses = u32::try_from(addresses).unwrap_or(u32::MAX);
    timeout.checked_div(addresses).unwrap_or_default().min(LONGEST_DELAY)
}

/// Orders addresses so that the families take turns, beginning with that of the first address.
fn in_turns(addresses: Vec<IpAddr>) -> Vec<IpAddr> {
    let count = addresses.len();
    let first = addresses.first().is_some_and(IpAddr::is_ipv4);
    let (these, those): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv4() == first);
    let (mut these, mut those) = (these.into_iter(), those.into_iter());
    let turns = (0..count).flat_map(|_| these.next().into_iter().chain(those.next()));
    turns.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(2);

    #[test]
    fn an_address_that_swallows_packets_does_not_block_the_next() {
        let mut network = Simulated::new([Swallows, ConnectsAfter(3)]);
        assert_eq!(network.connect(), Ok(1));
        assert_eq!(network.now, 253);
    }

    #[test]
    fn the_next_attempt_starts_at_once_when_one_fails() {
        let mut network = Simulated::new([FailsAfter(10), CannotStart, ConnectsAfter(3)]);
        assert_eq!(network.connect(), Ok(2));
        assert_eq!(network.now, 13);
    }

    #[test]
    fn a_slow_address_still_wins_after_the_next_has_started() {
        let mut network = Simulated::new([ConnectsAfter(300), Swallows, ConnectsAfter(3)]);
        assert_eq!(network.connect(), Ok(0));
        assert_eq!((network.now, network.started), (300, 2));
    }

    #[test]
    fn no_attempt_starts_after_a_quick_connection() {
        let mut network = Simulated::new([ConnectsAfter(249), ConnectsAfter(0)]);
        assert_eq!(network.connect(), Ok(0));
        assert_eq!(network.started, 1);
    }

    #[test]
    fn the_failure_is_that_of_the_first_address_that_fails() {
        let mut network = Simulated::new([FailsAfter(300), FailsAfter(1), CannotStart]);
        assert_eq!(network.connect(), Err(Error::Failed(Some(1))));
        assert_eq!(network.now, 300);
        assert_eq!(Simulated::new([CannotStart]).connect(), Err(Error::Failed(Some(0))));
        assert_eq!(Simulated::new([]).connect(), Err(Error::Failed(None)));
    }

    #[test]
    fn addresses_that_all_swallow_packets_take_the_whole_time() {
        let mut network = Simulated::new([Swallows; 12]);
        assert_eq!(network.connect(), Err(Error::TimedOut));
        assert_eq!((network.now, network.started), (2000, 12));
    }

    #[test]
    fn a_short_timeout_is_shared_by_all_addresses() {
        assert_eq!(delay(TIMEOUT, 2), LONGEST_DELAY);
        assert_eq!(delay(Duration::from_millis(200), 4), Duration::from_millis(50));
        assert_eq!(delay(TIMEOUT, 0), Duration::ZERO);
    }

    #[test]
    fn families_take_turns() {
        let [a, b, c, d, e] =
            ["::1", "::2", "1.1.1.1", "::3", "2.2.2.2"].map(|it| it.parse().unwrap());
        assert_eq!(in_turns([a, b, c, d, e].into()), [a, c, b, e, d]);
        assert_eq!(in_turns([c, e, a].into()), [c, a, e]);
        assert_eq!(in_turns([c, e].into()), [c, e]);
        assert_eq!(in_turns([].into()), [] as [IpAddr; 0]);
    }

    use Behaviour::{CannotStart, ConnectsAfter, FailsAfter, Swallows};

    /// The behaviour of an address that is connected to. Times are in milliseconds.
    #[derive(Clone, Copy)]
    enum Behaviour {
        CannotStart,
        ConnectsAfter(u64),
        FailsAfter(u64),
        Swallows,
    }

    /// A network with a clock that only waiting moves. Connections and failures are the indices of
    /// the addresses.
    struct Simulated<const N: usize> {
        addresses: [Behaviour; N],
        now: u64,
        last_start: u64,
        started: usize,
    }

    struct Attempt {
        index: usize,
        start: u64,
    }

    impl<const N: usize> Simulated<N> {
        fn new(addresses: [Behaviour; N]) -> Self {
            Self { addresses, now: 0, last_start: 0, started: 0 }
        }

        fn connect(&mut self) -> Result<usize, Error<usize>> {
            let addresses = (0..N).map(|index| IpAddr::from([0, 0, 0, index as u8])).collect();
            connect(self, addresses, TIMEOUT)
        }

        /// The time at which an attempt ends.
        fn end(&self, attempt: &Attempt) -> u64 {
            match self.addresses[attempt.index] {
                ConnectsAfter(time) | FailsAfter(time) => attempt.start + time,
                CannotStart | Swallows => u64::MAX,
            }
        }
    }

    impl<const N: usize> Network for Simulated<N> {
        type Attempt = Attempt;
        type Connection = usize;
        type Failure = usize;

        fn start(&mut self, address: IpAddr) -> Result<Attempt, usize> {
            let IpAddr::V4(address) = address else { unreachable!() };
            let index = usize::from(address.octets()[3]);
            self.started += 1;
            self.last_start = self.now;
            match self.addresses[index] {
                CannotStart => Err(index),
                _ => Ok(Attempt { index, start: self.now }),
            }
        }

        fn wait(
            &mut self,
            attempts: &[Attempt],
            delay: Option<Duration>,
        ) -> Result<bool, TimedOut> {
            let next_start = delay.map(|delay| self.last_start + delay.as_millis() as u64);
            let ends = attempts.iter().map(|attempt| self.end(attempt));
            self.now = ends.chain(next_start).min().unwrap().min(TIMEOUT.as_millis() as u64);
            if self.now == TIMEOUT.as_millis() as u64 {
                return Err(TimedOut);
            }
            Ok(next_start == Some(self.now))
        }

        fn look(&mut self, attempt: Attempt) -> Progress<Self> {
            match self.addresses[attempt.index] {
                ConnectsAfter(_) if self.end(&attempt) <= self.now => {
                    Progress::Connected(attempt.index)
                }
                FailsAfter(_) if self.end(&attempt) <= self.now => Progress::Failed(attempt.index),
                _ => Progress::Running(attempt),
            }
        }
    }
}
