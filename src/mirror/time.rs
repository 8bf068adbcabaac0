//! Time as the host tells it.

use core::time::Duration;

/// A moment: milliseconds of a clock that does not go back, from any start. Two moments of the same
/// clock can be compared.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// Returns the time from an earlier moment to this one; zero if it is not earlier.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// Returns the moment this long after this one, in whole milliseconds, rounded up.
    pub fn after(self, time: Duration) -> Timestamp {
        let millis = time.as_nanos().div_ceil(1_000_000);
        Timestamp(self.0.saturating_add(u64::try_from(millis).unwrap_or(u64::MAX)))
    }
}

/// The time that passed by a host's clock since it was first read.
///
/// A clock that goes back after all adds nothing and goes on from there: deadlines are late by the
/// step, and none of them is lost.
#[derive(Clone, Debug, Default)]
pub(super) struct Clock {
    /// The moment of the last reading; none before the first.
    read: Option<Timestamp>,
    passed: Duration,
}

impl Clock {
    /// Takes a reading, and returns the time that passed.
    pub(super) fn advance(&mut self, now: Timestamp) -> Duration {
        self.passed = self.at(now);
        self.read = Some(now);
        self.passed
    }

    /// Returns the time that will have passed at this moment.
    pub(super) fn at(&self, now: Timestamp) -> Duration {
        let since = self.read.map_or(Duration::ZERO, |read| now.since(read));
        self.passed.saturating_add(since)
    }

    /// Returns the moment at which this much time has passed, counted from `now`.
    pub(super) fn moment(&self, now: Timestamp, passed: Duration) -> Timestamp {
        now.after(passed.saturating_sub(self.at(now)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_added_and_subtracted_without_overflow() {
        let ms = Duration::from_millis;
        assert_eq!(Timestamp(5).since(Timestamp(2)), ms(3));
        assert_eq!(Timestamp(2).since(Timestamp(5)), ms(0));
        assert_eq!(Timestamp(2).after(ms(3)), Timestamp(5));
        assert_eq!(Timestamp(2).after(Duration::from_nanos(1)), Timestamp(3));
        assert_eq!(Timestamp(2).after(Duration::MAX), Timestamp(u64::MAX));
    }

    #[test]
    fn a_clock_that_goes_back_goes_on_from_there() {
        let ms = Duration::from_millis;
        let mut clock = Clock::default();
        assert_eq!(clock.at(Timestamp(1000)), ms(0));
        assert_eq!(clock.advance(Timestamp(1000)), ms(0));
        assert_eq!(clock.advance(Timestamp(1007)), ms(7));
        assert_eq!(clock.moment(Timestamp(1007), ms(10)), Timestamp(1010));
        assert_eq!(clock.at(Timestamp(3)), ms(7));
        assert_eq!(clock.advance(Timestamp(3)), ms(7));
        assert_eq!(clock.at(Timestamp(5)), ms(9));
        assert_eq!(clock.moment(Timestamp(5), ms(10)), Timestamp(6));
        assert_eq!(clock.moment(Timestamp(5), ms(2)), Timestamp(5));
        clock.advance(Timestamp(u64::MAX));
        clock.advance(Timestamp(0));
        clock.advance(Timestamp(u64::MAX));
        assert_eq!(clock.moment(Timestamp(u64::MAX), Duration::MAX), Timestamp(u64::MAX));
    }
}
