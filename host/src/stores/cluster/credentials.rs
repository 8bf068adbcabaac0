//! The file with the credentials for a cluster.

use std::path::{Path, PathBuf};

use ccs_modules::config;
use ccs_modules::upstream::Credentials;
use thiserror::Error;
use tokio::task::spawn_blocking;

use crate::file_metrics::FileMetrics;
use crate::files::{self, FileError};
use crate::last_good::LastGood;

/// The file with the credentials for a cluster, which is read again for each request. While it cannot be
/// used, its last credentials are used.
pub(super) struct CredentialsFile {
    path: PathBuf,
    last: LastGood<Credentials>,
}

impl CredentialsFile {
    /// The file at `path`, from which these credentials were read.
    pub(super) fn new(path: &Path, credentials: Credentials, metrics: FileMetrics) -> Self {
        let last = LastGood::new("credentials", "the credentials for the cluster", metrics);
        let _ = last.or_last(Ok::<_, CredentialsError>(credentials));
        Self { path: path.into(), last }
    }

    /// The credentials in the file, if they are others than those of the last request.
    pub(super) async fn changed(&self) -> Option<Credentials> {
        let read = self.read().await.ok();
        read.filter(|credentials| self.last.get().as_ref() != Some(credentials))
    }

    /// The credentials for a request that is sent now.
    pub(super) async fn credentials(&self) -> Option<Credentials> {
        self.last.or_last(self.read().await).ok()
    }

    async fn read(&self) -> Result<Credentials, CredentialsError> {
        let path = self.path.clone();
        let read = spawn_blocking(move || read_credentials(&path)).await;
        read.unwrap_or_else(|error| Err(FileError::reading(&self.path, error.into()).into()))
    }
}

/// The error for a file that has no credentials. It shows no value of the file.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CredentialsError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file has no credentials, or some that cannot be sent.
    #[error("{}: {source}", path.display())]
    Value {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: config::Error,
    },
}

/// Reads credentials from a file, JSON: `{"user":"ann","password":"secret"}` or `{"token":"secret"}`.
///
/// # Errors
///
/// If the file has no credentials.
pub fn read_credentials(path: &Path) -> Result<Credentials, CredentialsError> {
    let text = files::read(path)?;
    config::parse(&text).map_err(|source| CredentialsError::Value { path: path.into(), source })
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
        for text in [r#"{"user":"ann","password":"secret"}"#, r#"{"token":"secret"}"#] {
            fs::write(&path, text).unwrap();
            read_credentials(&path).unwrap();
        }
        for text in [
            "",
            "secret",
            r#""secret""#,
            r#"["secret"]"#,
            r#"{"user":"ann"}"#,
            r#"{"user":"ann","password":"secret","other":1}"#,
            r#"{"user":"ann","token":"secret"}"#,
            r#"{"token":"sec ret"}"#,
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
