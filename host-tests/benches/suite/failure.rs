//! Why there is no measurement.

use std::error::Error;

/// Anything that goes wrong: a person reads it.
pub type Failure = Box<dyn Error + Send + Sync>;

/// A measurement, or why there is none.
pub type Outcome<T> = Result<T, Failure>;
