//! Time as the shell gives it.

use core::time::Duration;

/// A moment: milliseconds of a clock that does not go back, from any start. Moments of one clock can be
/// compared.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Timestamp(pub u64);

/// The time that passed by a host's clock since it was first read.
///
/// If the host's clock goes back, no time is counted for that reading. Deadlines are then late by as much as
/// the clock went back, but none is lost.
#[derive(Clone, Debug, Default)]
pub(super) struct Clock {
    /// The moment of the last reading; `None` before the first.
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
        let since = self.read.map_or(0, |read| now.0.saturating_sub(read.0));
        self.passed.saturating_add(Duration::from_millis(since))
    }

    /// Returns the moment at which this much time has passed, counted from `now`, in whole milliseconds,
    /// rounded up.
    pub(super) fn moment(&self, now: Timestamp, passed: Duration) -> Timestamp {
        let left = passed.saturating_sub(self.at(now)).as_nanos().div_ceil(1_000_000);
        Timestamp(now.0.saturating_add(u64::try_from(left).unwrap_or(u64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_goes_back_goes_on_from_there() {
        let ms = Duration::from_millis;
        let mut clock = Clock::default();
        assert_eq!(clock.at(Timestamp(1000)), ms(0));
        assert_eq!(clock.advance(Timestamp(1000)), ms(0));
        assert_eq!(clock.advance(Timestamp(1007)), ms(7));
        assert_eq!(clock.moment(Timestamp(1007), ms(10)), Timestamp(1010));
        let fraction = Duration::from_nanos(7_000_001);
        assert_eq!(clock.moment(Timestamp(1007), fraction), Timestamp(1008));
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
