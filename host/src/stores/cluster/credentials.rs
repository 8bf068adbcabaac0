//! The file with the credentials for a cluster.

use std::path::Path;

use ccs_modules::upstream::Credentials;
use serde::Deserialize;

use crate::files;

/// Reads credentials from a file, JSON: `{"user":"ann","password":"secret"}`.
///
/// # Errors
///
/// The file and the reason, without any part of the text.
pub fn read_credentials(path: &Path) -> Result<Credentials, String> {
    let text = files::read(path).map_err(|error| error.to_string())?;
    // serde's message could show a value.
    let File { user, password } = serde_json::from_slice(&text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        format!(
            "{}, line {line}, column {column}: expected an object of the strings user and password",
            path.display()
        )
    })?;
    Credentials::basic(&user, &password).map_err(|error| format!("{}: {error}", path.display()))
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
            let error = read_credentials(&path).unwrap_err();
            assert!(error.starts_with(&*path.display().to_string()), "{text}: {error}");
            assert!(!error.contains("secret"), "{text}: {error}");
        }
        let missing = read_credentials(Path::new("/nowhere/c.json")).unwrap_err();
        assert_eq!(missing, "cannot read /nowhere/c.json: there is no such file");
    }
}
