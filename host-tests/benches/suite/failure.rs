//! The error type of the suite.

use std::error::Error;

/// Any error, as text for a person.
pub type Failure = Box<dyn Error + Send + Sync>;

/// A measurement, or an error.
pub type Outcome<T> = Result<T, Failure>;
