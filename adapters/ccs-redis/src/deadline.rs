//! The end of a call's time.

use alloc::format;
use alloc::string::String;
use core::time::Duration;

use crate::bindings::exports::ccs::modules::ccs::Error;
use crate::bindings::wasi::clocks::monotonic_clock::subscribe_duration;
use crate::bindings::wasi::io::poll::{Pollable, poll};
use crate::config::Config;

pub(crate) struct Deadline {
    end: Pollable,
    address: String,
    timeout: Duration,
}

impl Deadline {
    /// The deadline of a call that begins now.
    pub(crate) fn of(config: &Config) -> Self {
        let (address, timeout) = (config.address.clone(), config.timeout);
        let nanoseconds = u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX);
        Self { end: subscribe_duration(nanoseconds), address, timeout }
    }

    /// Waits until something is ready, but no longer than there is time.
    pub(crate) fn wait_for(&self, something: &Pollable) -> Result<(), Error> {
        // The first is the end: with it the time is over even where the other is always ready.
        if poll(&[&self.end, something]).contains(&0) {
            let milliseconds = self.timeout.as_millis();
            return Err(Error::Unavailable(format!(
                "no answer from {} within {milliseconds} ms",
                self.address
            )));
        }
        Ok(())
    }
}
