//! Case files. `cases/README.md` describes their format.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use ccs_modules::access::Policy;
use ccs_modules::rest::header_fields;
use ccs_modules_host::stores::{Documents, Scripted};
use ccs_modules_host::{Caller, CcsError, Request};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::support::outcome::Outcome;
use crate::support::text::{Text, folder};

/// One case: the store's content, a call, and the expected outcome.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// The file's folder and name, without its extension: `get/minimal`.
    #[serde(skip)]
    pub name: String,
    pub about: String,
    store: Store,
    call: Call,
    /// Whether a document beside the one that is asked for is malformed. A store that is checked whole
    /// cannot answer such a case.
    #[serde(default)]
    other_is_malformed: bool,
    pub expect: Outcome,
}

/// A call, ready to be made.
#[derive(Debug)]
pub enum Ready {
    ListModules { roles: Vec<String> },
    GetModule { roles: Vec<String>, uid: String },
    FindModules { roles: Vec<String>, name: String, version: Option<String> },
    LatestModules { roles: Vec<String> },
    FittingModules { roles: Vec<String>, redis_version: String },
    Differences { newer: String },
    Handle(Request),
}

impl Case {
    /// Every case, by name.
    pub fn all() -> Vec<Self> {
        let files =
            |folder: PathBuf| fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
        let folders = files(folder()).filter(|path| path.is_dir() && !path.ends_with("bodies"));
        let mut cases: Vec<_> = folders.flat_map(files).map(Self::read).collect();
        cases.sort_by(|a, b| a.name.cmp(&b.name));
        cases
    }

    fn read(path: PathBuf) -> Self {
        let text = fs::read(&path).unwrap();
        let case = serde_json::from_slice(&text);
        let case: Self = case.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let name = path.strip_prefix(folder()).unwrap().with_extension("");
        Self { name: name.to_str().unwrap().to_owned(), ..case }
    }

    /// Writes this outcome into the case's file in place of the expected one, which is the last
    /// field of the file.
    pub fn expect_instead(&self, outcome: &Outcome) {
        const KEY: &str = "\n  \"expect\": ";
        let path = folder().join(format!("{}.json", self.name));
        let text = fs::read_to_string(&path).unwrap();
        let (kept, _) = text.split_once(KEY).expect("`expect` starts a line");
        let expect = with_short_arrays(&serde_json::to_string_pretty(outcome).unwrap());
        let expect = expect.replace('\n', "\n  ");
        fs::write(path, format!("{kept}{KEY}{expect}\n}}\n")).unwrap();
    }

    pub fn store(&self) -> Scripted {
        self.store.scripted()
    }

    /// The documents of a store that is a list of them; `None` if the store fails, stalls, or gives a
    /// scripted answer for a uid.
    pub fn documents(&self) -> Option<Vec<Vec<u8>>> {
        match self.store() {
            Scripted::Answers { documents, by_uid } if by_uid.is_empty() => Some(documents),
            _ => None,
        }
    }

    /// Whether a document beside the one that is asked for is malformed, as the case states it.
    pub fn other_is_malformed(&self) -> bool {
        self.other_is_malformed
    }

    /// Whether the case expects that the whole list is malformed, as a snapshot of it would be.
    pub fn expects_malformed_list(&self) -> bool {
        !matches!(self.call, Call::GetModule { .. } | Call::Handle(_)) && self.expect.is_malformed()
    }

    /// Whether the store finds every listed document by its uid.
    pub fn finds_what_it_lists(&self) -> bool {
        !matches!(&self.store, Store::Documents { by_uid, .. } if !by_uid.is_empty())
    }

    /// Whether the store never answers. A shell without timeouts cannot run such a case.
    pub fn stalls(&self) -> bool {
        matches!(self.store, Store::Stall { .. })
    }

    /// The access policy of the case; null means no policy. None if the case gives the roles.
    pub fn access(&self) -> Option<&Value> {
        match &self.call {
            Call::Handle(handle) => handle.access.as_ref(),
            _ => None,
        }
    }

    /// The roles of the case, as the trusted header carries them; `None` if it gives a policy.
    pub fn given_roles(&self) -> Option<String> {
        match &self.call {
            Call::Handle(Handle { roles: Some(Some(roles)), .. }) => Some(roles.join(",")),
            _ => None,
        }
    }

    pub fn call(&self) -> Ready {
        match &self.call {
            Call::ListModules { roles } => Ready::ListModules { roles: roles.clone() },
            Call::GetModule { roles, uid } => {
                Ready::GetModule { roles: roles.clone(), uid: uid.string() }
            }
            Call::FindModules { roles, name, version } => Ready::FindModules {
                roles: roles.clone(),
                name: name.clone(),
                version: version.clone(),
            },
            Call::LatestModules { roles } => Ready::LatestModules { roles: roles.clone() },
            Call::FittingModules { roles, redis_version } => {
                Ready::FittingModules { roles: roles.clone(), redis_version: redis_version.clone() }
            }
            Call::Differences { newer } => Ready::Differences { newer: newer.string() },
            Call::Handle(handle) => Ready::Handle(handle.request()),
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Store {
    Documents {
        documents: Vec<Text>,
        #[serde(default)]
        by_uid: BTreeMap<String, Text>,
    },
    Body {
        body: Text,
    },
    Error {
        error: StoreError,
    },
    Stall {
        #[serde(rename = "stall")]
        _stall: bool,
    },
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoreError {
    Denied(String),
    Other(String),
    Unavailable(String),
}

impl Store {
    fn scripted(&self) -> Scripted {
        match self {
            Self::Documents { documents, by_uid } => Scripted::Answers {
                documents: documents.iter().map(Text::bytes).collect(),
                by_uid: by_uid.iter().map(|(uid, text)| (uid.clone(), text.bytes())).collect(),
            },
            Self::Body { body } => {
                let snapshot = Documents::parse(&body.bytes()).expect("an array of objects");
                Scripted::documents(snapshot.into_documents())
            }
            Self::Error { error } => Scripted::Fails(match error.clone() {
                StoreError::Denied(text) => CcsError::Denied(text),
                StoreError::Other(text) => CcsError::Other(text),
                StoreError::Unavailable(text) => CcsError::Unavailable(text),
            }),
            Self::Stall { .. } => Scripted::Stalls,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Call {
    ListModules { roles: Vec<String> },
    GetModule { roles: Vec<String>, uid: Text },
    FindModules { roles: Vec<String>, name: String, version: Option<String> },
    LatestModules { roles: Vec<String> },
    FittingModules { roles: Vec<String>, redis_version: String },
    Differences { newer: Text },
    Handle(Handle),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Handle {
    method: String,
    target: Text,
    #[serde(default)]
    headers: Vec<(String, Text)>,
    /// The caller: either the roles, null for no caller, or the access policy, null for no policy.
    #[serde(default, deserialize_with = "present")]
    roles: Option<Option<Vec<String>>>,
    #[serde(default, deserialize_with = "present")]
    access: Option<Value>,
}

impl Handle {
    fn request(&self) -> Request {
        let text = |value: &Text| String::from_utf8_lossy(&value.bytes()).into_owned();
        let headers: Vec<_> =
            self.headers.iter().map(|(name, value)| (name.clone(), text(value))).collect();
        let caller = match (&self.roles, &self.access) {
            (Some(Some(roles)), None) => Caller::Authenticated(roles.clone()),
            (Some(None), None) | (None, Some(Value::Null)) => Caller::Unauthenticated(None),
            (None, Some(policy)) => {
                let policy = Policy::parse(policy.to_string().as_bytes()).expect("a policy");
                policy.caller(&header_fields(&headers)).into()
            }
            _ => panic!("either `roles` or `access`"),
        };
        Request { method: self.method.clone(), target: self.target.string(), headers, caller }
    }
}

/// Pretty-printed JSON, with each array of only plain values on one line.
fn with_short_arrays(json: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    for line in json.lines() {
        let text = line.trim_start();
        let begun = if text.starts_with([']', '}']) { open.pop() } else { None };
        match begun {
            Some(first)
                if text.starts_with(']')
                    && lines[first + 1..].iter().all(|line| is_plain(line)) =>
            {
                let elements: Vec<_> = lines.drain(first + 1..).collect();
                let elements: Vec<_> = elements.iter().map(|element| element.trim()).collect();
                lines[first].push_str(&(elements.join(" ") + text));
            }
            _ => lines.push(line.to_owned()),
        }
        if text.ends_with(['[', '{']) {
            open.push(lines.len() - 1);
        }
    }
    lines.join("\n")
}

fn is_plain(line: &str) -> bool {
    !line.trim_start().starts_with(['[', '{', ']', '}'])
}

/// Keeps null apart from an absent field.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    value: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(value).map(Some)
}
