//! The variables of an environment, and their values. The errors name a variable, and do not show its value.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use ccs_modules::StoreError;

/// The environment of a component, or what a host has in its place.
#[derive(Clone, Debug, Default)]
pub struct Environment(Vec<(String, String)>);

impl Environment {
    /// Makes an environment of names and values.
    pub fn new(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(variables.into_iter().collect())
    }

    /// Adds a variable.
    pub fn set(&mut self, name: &str, value: String) {
        self.0.push((name.into(), value));
    }

    /// Returns the value of a variable.
    pub fn get(&self, name: &str) -> Option<&str> {
        let variable = self.0.iter().find(|(set, _)| set == name);
        variable.map(|(_, value)| value.as_str())
    }

    /// Returns a time in milliseconds.
    ///
    /// # Errors
    ///
    /// If the value is not a number of milliseconds, at least 1.
    pub fn milliseconds(&self, name: &str) -> Result<Option<Duration>, StoreError> {
        match self.get(name).map(str::parse) {
            None => Ok(None),
            Some(Ok(milliseconds @ 1..)) => Ok(Some(Duration::from_millis(milliseconds))),
            Some(_) => Err(StoreError::Other(format!("{name}: expected milliseconds, at least 1"))),
        }
    }

    /// Returns whether a variable has the first of the two values that it may have. Without the variable it
    /// is the second.
    ///
    /// # Errors
    ///
    /// If the value is another one.
    pub fn is(&self, name: &str, this: &str, that: &str) -> Result<bool, StoreError> {
        match self.get(name) {
            Some(value) if value == this => Ok(true),
            None => Ok(false),
            Some(value) if value == that => Ok(false),
            Some(_) => Err(StoreError::Other(format!("{name}: expected {this} or {that}"))),
        }
    }
}
