//! The file with the credentials for a cluster.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ccs_modules::config;
use ccs_modules::upstream::Credentials;
use serde::Deserialize;
use thiserror::Error;
use tokio::task::spawn_blocking;

use crate::file_metrics::FileMetrics;
use crate::files::{self, FileError};

/// The file with the credentials for a cluster, which is read again for each request. While it cannot be
/// used, its last credentials are used.
pub(super) struct CredentialsFile {
    path: PathBuf,
    last: Mutex<Last>,
    metrics: FileMetrics,
}

/// The result of reading the file last.
struct Last {
    credentials: Credentials,
    /// The reason why the file cannot be used now, which is logged once.
    failure: Option<String>,
}

impl CredentialsFile {
    /// The file at `path`, from which these credentials were read.
    pub(super) fn new(path: &Path, credentials: Credentials, metrics: FileMetrics) -> Self {
        let last = Last { credentials, failure: None };
        metrics.read("credentials", true);
        Self { path: path.into(), last: Mutex::new(last), metrics }
    }

    /// The credentials in the file, if they are others than those of the last request.
    pub(super) async fn changed(&self) -> Option<Credentials> {
        let read = self.read().await;
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        read.ok().filter(|credentials| *credentials != last.credentials)
    }

    /// The credentials for a request that is sent now.
    pub(super) async fn credentials(&self) -> Credentials {
        let read = self.read().await.map_err(|error| error.to_string());
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        self.metrics.read("credentials", read.is_ok());
        match read {
            Ok(credentials) => {
                if last.failure.take().is_some() {
                    tracing::info!("the credentials for the cluster can be read again");
                }
                last.credentials = credentials;
            }
            Err(reason) if last.failure.as_ref() != Some(&reason) => {
                tracing::error!(reason, "the credentials for the cluster stay as they were");
                last.failure = Some(reason);
            }
            Err(_) => {}
        }
        last.credentials.clone()
    }

    async fn read(&self) -> Result<Credentials, CredentialsError> {
        let path = self.path.clone();
        let read = spawn_blocking(move || read_credentials(&path)).await;
        read.unwrap_or_else(|error| Err(FileError::reading(&self.path, error.into()).into()))
    }
}

/// The error for a file that has no credentials. It shows no part of the file.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CredentialsError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file does not have the form.
    #[error("{}, line {line}, column {column}: expected an object of the strings user and password", path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
    /// The user or the password cannot be sent.
    #[error("{}: {source}", path.display())]
    Value {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: config::Error,
    },
}

/// Reads credentials from a file, JSON: `{"user":"ann","password":"secret"}`.
///
/// # Errors
///
/// If the file has no credentials.
pub fn read_credentials(path: &Path) -> Result<Credentials, CredentialsError> {
    let text = files::read(path)?;
    // serde's message could show a value.
    let File { user, password } = serde_json::from_slice(&text).map_err(|error| {
        CredentialsError::Form { path: path.into(), line: error.line(), column: error.column() }
    })?;
    Credentials::basic(&user, &password)
        .map_err(|source| CredentialsError::Value { path: path.into(), source })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    user: String,
    password: String,
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    #[test]
    fn a_file_that_is_wrong_is_named_and_not_shown() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("credentials.json");
        fs::write(&path, r#"{"user":"ann","password":"secret"}"#).unwrap();
        read_credentials(&path).unwrap();
        for text in [
            "",
            "secret",
            r#""secret""#,
            r#"["secret"]"#,
            r#"{"user":"ann"}"#,
            r#"{"user":"ann","password":"secret","secret":1}"#,
            r#"{"user":"secret:","password":""}"#,
            r#"{"user":"ann","password":"secret\n"}"#,
        ] {
            fs::write(&path, text).unwrap();
            let error = read_credentials(&path).unwrap_err().to_string();
            assert!(error.starts_with(&*path.display().to_string()), "{text}: {error}");
            assert!(!error.contains("secret"), "{text}: {error}");
        }
        let missing = read_credentials(Path::new("/nowhere/c.json")).unwrap_err().to_string();
        assert_eq!(missing, "cannot read /nowhere/c.json: there is no such file");
    }
}
