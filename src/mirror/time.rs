//! Time as the host tells it.

use core::time::Duration;

/// A moment: milliseconds of a clock that does not go back, from any start. Two moments of the same
/// clock can be compared.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Millis(pub u64);

impl Millis {
    /// Returns the time from an earlier moment to this one; zero if it is not earlier.
    pub fn since(self, earlier: Millis) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// Returns the moment this long after this one, in whole milliseconds, rounded up.
    pub fn after(self, time: Duration) -> Millis {
        let millis = time.as_nanos().div_ceil(1_000_000);
        Millis(self.0.saturating_add(u64::try_from(millis).unwrap_or(u64::MAX)))
    }
}

/// The time that passed by a host's clock since it was first read.
///
/// A clock that goes back after all adds nothing and goes on from there: deadlines are late by the
/// step, and none of them is lost.
#[derive(Clone, Debug, Default)]
pub(super) struct Clock {
    /// The moment of the last reading; none before the first.
    read: Option<Millis>,
    passed: Duration,
}

impl Clock {
    /// Takes a reading, and returns the time that passed.
    pub(super) fn advance(&mut self, now: Millis) -> Duration {
        self.passed = self.at(now);
        self.read = Some(now);
        self.passed
    }

    /// Returns the time that will have passed at this moment.
    pub(super) fn at(&self, now: Millis) -> Duration {
        let since = self.read.map_or(Duration::ZERO, |read| now.since(read));
        self.passed.saturating_add(since)
    }

    /// Returns the moment at which this much time has passed, counted from `now`.
    pub(super) fn moment(&self, now: Millis, passed: Duration) -> Millis {
        now.after(passed.saturating_sub(self.at(now)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_added_and_subtracted_without_overflow() {
        let ms = Duration::from_millis;
        assert_eq!(Millis(5).since(Millis(2)), ms(3));
        assert_eq!(Millis(2).since(Millis(5)), ms(0));
        assert_eq!(Millis(2).after(ms(3)), Millis(5));
        assert_eq!(Millis(2).after(Duration::from_nanos(1)), Millis(3));
        assert_eq!(Millis(2).after(Duration::MAX), Millis(u64::MAX));
    }

    #[test]
    fn a_clock_that_goes_back_goes_on_from_there() {
        let ms = Duration::from_millis;
        let mut clock = Clock::default();
        assert_eq!(clock.at(Millis(1000)), ms(0));
        assert_eq!(clock.advance(Millis(1000)), ms(0));
        assert_eq!(clock.advance(Millis(1007)), ms(7));
        assert_eq!(clock.moment(Millis(1007), ms(10)), Millis(1010));
        assert_eq!(clock.at(Millis(3)), ms(7));
        assert_eq!(clock.advance(Millis(3)), ms(7));
        assert_eq!(clock.at(Millis(5)), ms(9));
        assert_eq!(clock.moment(Millis(5), ms(10)), Millis(6));
        assert_eq!(clock.moment(Millis(5), ms(2)), Millis(5));
        clock.advance(Millis(u64::MAX));
        clock.advance(Millis(0));
        clock.advance(Millis(u64::MAX));
        assert_eq!(clock.moment(Millis(u64::MAX), Duration::MAX), Millis(u64::MAX));
    }
}
