//! The end of the time of a call.

use std::fmt;
use std::io::{self, ErrorKind};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

/// The end of the time of a call, and the time limit as errors name it.
#[derive(Clone, Copy)]
pub(crate) struct Deadline {
    end: Instant,
    limit: Duration,
}

impl Deadline {
    /// The end of a call that begins now.
    pub(crate) fn after(limit: Duration) -> Self {
        Self::with_end_in(limit, limit)
    }

    /// The same limit with a tenth of it left over, to report that there was no answer.
    pub(crate) fn with_time_to_report(limit: Duration) -> Self {
        Self::with_end_in(limit - limit / 10, limit)
    }

    fn with_end_in(time: Duration, limit: Duration) -> Self {
        Self { end: Instant::now() + time.min(LONGEST), limit }
    }

    /// The time that is left.
    pub(crate) fn left(self) -> Duration {
        self.end.duration_since(Instant::now())
    }

    /// Waits for the work until the deadline.
    ///
    /// # Errors
    ///
    /// The error of the work, or one of the kind [`ErrorKind::TimedOut`].
    pub(crate) async fn wait_for<T, E: From<io::Error>>(
        self,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let late = |_| Err(io::Error::from(ErrorKind::TimedOut).into());
        timeout_at(self.end, work).await.unwrap_or_else(late)
    }
}

/// The longest time of a call, which can be added to any instant.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);

impl fmt::Display for Deadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms", self.limit.as_millis())
    }
}
