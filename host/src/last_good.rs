//! The last good value of files that are read again while a program runs.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::file_metrics::FileMetrics;

/// The last value that could be made of files. While they cannot be used, it is used instead.
pub(crate) struct LastGood<T> {
    /// The files in the metrics.
    file: &'static str,
    /// The files in the log, in the plural.
    what: &'static str,
    metrics: FileMetrics,
    last: Mutex<Last<T>>,
}

struct Last<T> {
    value: Option<T>,
    /// The reason why the files cannot be used now, which is logged once.
    failure: Option<String>,
}

impl<T: Clone> LastGood<T> {
    pub(crate) fn new(file: &'static str, what: &'static str, metrics: FileMetrics) -> Self {
        Self { file, what, metrics, last: Mutex::new(Last { value: None, failure: None }) }
    }

    /// The last value that could be made.
    pub(crate) fn get(&self) -> Option<T> {
        self.last().value.clone()
    }

    /// Takes what was made of the files now. Returns it, or the last good value in place of an error.
    ///
    /// # Errors
    ///
    /// The error, if there is no value yet.
    pub(crate) fn or_last<E: fmt::Display>(&self, made: Result<T, E>) -> Result<T, E> {
        let Self { file, what, .. } = self;
        self.metrics.read(file, made.is_ok());

        let mut last = self.last();
        match (made, last.value.clone()) {
            (Ok(value), _) => {
                if last.failure.take().is_some() {
                    tracing::info!("{what} can be read again");
                }
                last.value = Some(value.clone());
                Ok(value)
            }
            (Err(error), None) => Err(error),
            (Err(error), Some(value)) => {
                let reason = error.to_string();
                // The file is read for each connection, so the same reason is logged once.
                if last.failure.as_ref() != Some(&reason) {
                    tracing::error!(reason, "{what} stay as they were");
                    last.failure = Some(reason);
                }
                Ok(value)
            }
        }
    }

    fn last(&self) -> MutexGuard<'_, Last<T>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
