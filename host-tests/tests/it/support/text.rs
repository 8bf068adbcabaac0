//! Texts in the form of the case files.

use std::fs;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

/// A text: a string, or parts to be joined. Two texts are equal if their bytes are, in whatever
/// form they are written.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Text {
    Plain(String),
    Parts(Vec<Part>),
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Part {
    Plain(String),
    Repeat { repeat: String, times: usize },
    Base64 { base64: String },
    File { file: String },
}

impl Text {
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Plain(text) => text.clone().into_bytes(),
            Self::Parts(parts) => parts.iter().flat_map(Part::bytes).collect(),
        }
    }

    /// The text as characters.
    pub fn string(&self) -> String {
        String::from_utf8(self.bytes()).expect("this text cannot be anything but UTF-8")
    }
}

impl Part {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Plain(text) => text.clone().into_bytes(),
            Self::Repeat { repeat, times } => repeat.repeat(*times).into_bytes(),
            Self::Base64 { base64 } => BASE64.decode(base64).expect("base64"),
            Self::File { file } => {
                let path = folder().join(file);
                fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
            }
        }
    }
}

impl From<Vec<u8>> for Text {
    fn from(bytes: Vec<u8>) -> Self {
        match String::from_utf8(bytes) {
            Ok(text) => Self::Plain(text),
            Err(error) => {
                let base64 = BASE64.encode(error.as_bytes());
                Self::Parts(vec![Part::Base64 { base64 }])
            }
        }
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self::Plain(text)
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.bytes() == other.bytes()
    }
}

/// The folder of the cases.
pub fn folder() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "../host-tests/cases"].iter().collect()
}
