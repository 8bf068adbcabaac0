//! Module documents: what one must contain, and what is read from it.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::cmp::Reverse;
use core::fmt;
use core::ops::Range;

use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::error::{Malformed, write_fault};
use crate::json::{self, Kind, Position, SyntaxError, Value};
use crate::limits::Limits;
use crate::lookup::ModuleVersion;

/// One module: the typed fields that every server version since 2021 sends, and the whole document.
///
/// A field is `None` if the document does not have it, or has null.
///
/// # As JSON
///
/// In JSON a module is its document, the object that `GET /v1/modules/{uid}` answers:
///
/// - *Serialized*, it is its [`document`](Self::document). The typed fields are part of it and are not
///   written a second time.
/// - *Deserialized*, it is any document that the calls accept within the default [`Limits`], compact or
///   not. The typed fields are read from it.
///
/// So a list of modules is the body of `GET /v1/modules`. The texts of numbers and strings are kept
/// by [`RawValue`], which other formats than serde_json's do not have.
///
/// ```
/// use ccs_modules::Module;
///
/// let modules: Vec<Module> = serde_json::from_str(r#"[{"uid": "a", "size": 1e2}]"#)?;
/// assert_eq!(modules[0].uid, "a");
/// assert_eq!(serde_json::to_string(&modules)?, r#"[{"size":1e2,"uid":"a"}]"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Module {
    /// The identifier of the module in the catalog. Never empty; compared byte for byte.
    pub uid: String,
    /// The name the module registers with the server, such as `search`.
    pub module_name: Option<String>,
    /// The name for people, such as `RediSearch 2`.
    pub display_name: Option<String>,
    /// The version as people write it, such as `2.10.17`.
    pub semantic_version: Option<String>,
    /// The version as one number: major * 10000 + minor * 100 + patch.
    pub version: Option<u32>,
    /// The author of the module.
    pub author: Option<String>,
    /// The email address of the author.
    pub email: Option<String>,
    /// The module's home page.
    pub homepage: Option<String>,
    /// A description of the module in a sentence.
    pub description: Option<String>,
    /// The license of the module.
    pub license: Option<String>,
    /// The capabilities of the module in the document's order, duplicates kept. Empty if absent.
    pub capabilities: Vec<String>,
    /// The arguments with which the module is loaded.
    pub command_line_args: Option<String>,
    /// The command that configures the module at run time.
    pub config_command: Option<String>,
    /// The Redis version for which the module is made, such as `7.4`. It decides what fits a database.
    pub compatible_redis_version: Option<String>,
    /// The oldest Redis version on which the module runs.
    pub min_redis_version: Option<String>,
    /// Whether the module came with the server.
    pub is_bundled: Option<bool>,
    document: String,
}

impl Module {
    /// Returns the whole object in compact form: no white space outside strings, keys sorted at every
    /// depth, the texts of numbers and strings as stored. Only a `version` such as `10012.0` is written
    /// as the integer that it is.
    pub fn document(&self) -> &str {
        &self.document
    }

    /// Returns the [document](Self::document), taken out.
    pub fn into_document(self) -> String {
        self.document
    }
}

impl Serialize for Module {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let document: &RawValue = serde_json::from_str(&self.document).map_err(S::Error::custom)?;
        document.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Module {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored: Box<RawValue> = Deserialize::deserialize(deserializer)?;
        let document = Document::check(stored.get().as_bytes(), &Limits::default());
        document.map(Document::into_module).map_err(D::Error::custom)
    }
}

/// Sorts the documents of a store that has no order (a Redis hash): by module name, then newest
/// version first, as [`lookup`](crate::lookup) orders versions, then by uid. Clients take the first object of a name as
/// its latest version. `limits` are those of the call.
///
/// Malformed documents come first: listing them fails, and sorting does not hide them.
pub fn sort_documents<D: AsRef<[u8]>>(documents: &mut [D], limits: &Limits) {
    documents.sort_by_cached_key(|document| {
        let document = Document::check(document.as_ref(), limits).ok()?;
        let semantic = document.text(Field::SemanticVersion);
        Some((
            document.text(Field::ModuleName).map(Cow::into_owned),
            Reverse(ModuleVersion::of(semantic.as_deref(), document.version())),
            document.uid().into_owned(),
        ))
    });
}

/// A module document in compact form, with the places of its documented fields.
#[derive(Clone)]
pub(crate) struct Document<'a> {
    text: Cow<'a, str>,
    fields: Fields,
}

impl<'a> Document<'a> {
    /// Checks a document: its syntax, its limits and its documented fields.
    ///
    /// A document that is recognised as compact, the common case, is read once and borrowed.
    pub(crate) fn check(stored: &'a [u8], limits: &Limits) -> Result<Self, Fault> {
        if stored.len() > limits.document_bytes {
            return Err(Fault::whole(too_long(stored.len(), limits.document_bytes)));
        }
        let mut document = Self::read(json::decode(stored)?, limits)?;
        document.fields.check(&document.text, limits)?;
        document.make_version_integral();
        Ok(document)
    }

    /// Checks a document that was asked for by its uid.
    pub(crate) fn check_asked(
        stored: &'a [u8],
        uid: &str,
        limits: &Limits,
    ) -> Result<Self, Malformed> {
        let of = |fault: Fault| fault.of(Some(uid.into()), None);
        let document = Self::check(stored, limits).map_err(of)?;
        if document.uid() != uid {
            return Err(of(Fault::new(
                Field::Uid,
                "the uid of another document than was asked for",
            )));
        }
        Ok(document)
    }

    /// Reads a document that has been checked before, without checking it again.
    pub(crate) fn read_checked(compact: &'a [u8]) -> Option<Self> {
        let limits = Limits { depth: usize::MAX, ..Limits::default() };
        Self::read(json::decode(compact).ok()?, &limits).ok()
    }

    /// Reads the fields, whatever is in them, and brings the text into compact form.
    fn read(stored: &'a str, limits: &Limits) -> Result<Self, Fault> {
        let mut fields = Fields::ABSENT;
        if fields.recognise(stored, limits) {
            return Ok(Self { text: Cow::Borrowed(stored), fields });
        }
        let mut fields = Fields::ABSENT;
        let text = json::rewrite(stored, limits.depth, &NAMES, &mut fields.0)?;
        match Kind::of(&text) {
            Kind::Object => Ok(Self { text: Cow::Owned(text), fields }),
            kind => Err(Fault::whole(format!("{}, expected an object", kind.name()))),
        }
    }

    /// Writes a version such as `10012.0` as the integer it is: the one value that does not keep its
    /// text.
    fn make_version_integral(&mut self) {
        let Some(version) = self.version() else {
            return;
        };
        let Some(value) = self.fields.get_mut(Field::Version) else {
            return;
        };
        let written = self.text.get(value.range.clone()).unwrap_or_default();
        if written.bytes().all(|byte| byte.is_ascii_digit()) {
            return;
        }
        let integer = version.to_string();
        let start = value.range.start;
        self.text.to_mut().replace_range(value.range.clone(), &integer);
        // The other fields stand before this one.
        value.range.end = start + integer.len();
    }

    /// Returns the compact text.
    pub(crate) fn text_bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// Returns the place of the uid in the text, as JSON.
    pub(crate) fn uid_range(&self) -> Range<usize> {
        self.fields.get(Field::Uid).map_or(0..0, |uid| uid.range.clone())
    }

    /// Returns the uid, which is not empty.
    pub(crate) fn uid(&self) -> Cow<'_, str> {
        self.text(Field::Uid).unwrap_or_default()
    }

    /// Returns the uid, borrowed from the stored document if possible.
    pub(crate) fn stored_uid(&self) -> Cow<'a, str> {
        match (&self.text, self.fields.get(Field::Uid)) {
            (Cow::Borrowed(stored), Some(uid)) => {
                json::string(stored.get(uid.range.clone()).unwrap_or_default())
            }
            _ => Cow::Owned(self.uid().into_owned()),
        }
    }

    /// Returns the characters of a string field.
    pub(crate) fn text(&self, field: Field) -> Option<Cow<'_, str>> {
        self.value(field).map(json::string)
    }

    pub(crate) fn version(&self) -> Option<u32> {
        self.value(Field::Version).and_then(|version| integer(version).ok())
    }

    /// Returns the JSON text of a field; `None` if it is absent or null.
    fn value(&self, field: Field) -> Option<&str> {
        let value = self.fields.get(field)?;
        self.text.get(value.range.clone())
    }

    pub(crate) fn into_module(self) -> Module {
        let string = |field| self.text(field).map(Cow::into_owned);
        Module {
            uid: self.uid().into_owned(),
            module_name: string(Field::ModuleName),
            display_name: string(Field::DisplayName),
            semantic_version: string(Field::SemanticVersion),
            version: self.version(),
            author: string(Field::Author),
            email: string(Field::Email),
            homepage: string(Field::Homepage),
            description: string(Field::Description),
            license: string(Field::License),
            capabilities: self
                .value(Field::Capabilities)
                .and_then(|capabilities| serde_json::from_str(capabilities).ok())
                .unwrap_or_default(),
            command_line_args: string(Field::CommandLineArgs),
            config_command: string(Field::ConfigCommand),
            compatible_redis_version: string(Field::CompatibleRedisVersion),
            min_redis_version: string(Field::MinRedisVersion),
            is_bundled: self.value(Field::IsBundled).map(|value| value == "true"),
            document: self.text.into_owned(),
        }
    }
}

/// The reason why a document is malformed, before it is known which document it is.
#[derive(Debug)]
pub(crate) struct Fault {
    field: Option<Field>,
    position: Option<Position>,
    reason: Cow<'static, str>,
}

impl Fault {
    fn new(field: Field, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { field: Some(field), ..Self::whole(reason) }
    }

    /// Makes the fault of a document as a whole.
    fn whole(reason: impl Into<Cow<'static, str>>) -> Self {
        Self { field: None, position: None, reason: reason.into() }
    }

    /// Returns the error for the document with this uid, at this index of the list.
    pub(crate) fn of(self, uid: Option<String>, index: Option<usize>) -> Malformed {
        let Self { field, position, reason } = self;
        Malformed { uid, index, field: field.map(Field::name), position, reason }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_fault(f, self.field.map(Field::name), self.position, &self.reason)
    }
}

impl From<SyntaxError> for Fault {
    fn from(error: SyntaxError) -> Self {
        Self { position: Some(error.position), ..Self::whole(error.reason) }
    }
}

/// Returns the uid of a document that may break other rules, to name it by; `None` if it is not JSON or has
/// no valid uid.
pub(crate) fn find_uid<'a>(stored: &'a [u8], limits: &Limits) -> Option<Cow<'a, str>> {
    #[derive(Deserialize)]
    struct Identified<'a> {
        #[serde(borrow)]
        uid: Cow<'a, str>,
    }

    let stored = json::decode(stored).ok()?;
    let mut fields = Fields::ABSENT;
    let uid = if fields.recognise(stored, limits) {
        let uid = fields.get(Field::Uid).filter(|uid| uid.kind == Kind::String)?;
        json::string(stored.get(uid.range.clone())?)
    } else {
        // An array would do for a struct.
        let object = Some(stored.trim_start()).filter(|text| Kind::of(text) == Kind::Object)?;
        serde_json::from_str::<Identified<'_>>(object).ok()?.uid
    };
    check_uid(&uid, limits).is_ok().then_some(uid)
}

/// Declares the documented fields in the order of their names, each with the rule for its value.
macro_rules! fields {
    ($($field:ident $name:literal $rule:ident,)*) => {
        /// A field that the API reference documents.
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        pub(crate) enum Field { $($field,)* }

        const FIELDS: &[Known] =
            &[$(Known { field: Field::$field, name: $name, rule: Rule::$rule },)*];

        pub(crate) const NAMES: [&str; FIELDS.len()] = [$($name,)*];
    };
}

fields! {
    Author "author" String,
    BigstoreVersion2Support "bigstore_version_2_support" Boolean,
    Capabilities "capabilities" Strings,
    CapabilityName "capability_name" String,
    CommandLineArgs "command_line_args" String,
    CompatibleRedisVersion "compatible_redis_version" String,
    ConfigCommand "config_command" String,
    Description "description" String,
    DisplayName "display_name" String,
    Email "email" String,
    Homepage "homepage" String,
    IsBundled "is_bundled" Boolean,
    License "license" String,
    MinRedisVersion "min_redis_version" String,
    ModuleFile "module_file" String,
    ModuleName "module_name" String,
    SemanticVersion "semantic_version" String,
    Sha256 "sha256" String,
    Uid "uid" Uid,
    Version "version" Version,
}

/// A documented field, its name and its rule.
struct Known {
    field: Field,
    name: &'static str,
    rule: Rule,
}

impl Field {
    fn name(self) -> &'static str {
        FIELDS.get(self as usize).map_or("", |known| known.name)
    }
}

/// The values of a document's documented fields. A null stands for an absent field.
#[derive(Clone)]
struct Fields([Value; FIELDS.len()]);

impl Fields {
    const ABSENT: Self = Self([Value::NULL; FIELDS.len()]);

    /// Reads the fields of a document, if it is recognised as compact.
    fn recognise(&mut self, text: &str, limits: &Limits) -> bool {
        json::read_members(text, limits.depth, &NAMES, &mut self.0)
    }

    /// Checks each value against the rule for its field.
    fn check(&self, text: &str, limits: &Limits) -> Result<(), Fault> {
        for (known, value) in FIELDS.iter().zip(&self.0) {
            let checked = match (value.kind, known.rule) {
                (Kind::Null, Rule::Uid) => Err("missing, expected a non-empty string".into()),
                (Kind::Null, _) | (Kind::String, Rule::String) => Ok(()),
                (kind, rule) => {
                    rule.check(kind, text.get(value.range.clone()).unwrap_or_default(), limits)
                }
            };
            checked.map_err(|reason| Fault::new(known.field, reason))?;
        }
        Ok(())
    }

    /// Returns the value of a field; `None` if it is absent or null.
    fn get(&self, field: Field) -> Option<&Value> {
        self.0.get(field as usize).filter(|value| value.kind != Kind::Null)
    }

    fn get_mut(&mut self, field: Field) -> Option<&mut Value> {
        self.0.get_mut(field as usize)
    }
}

/// The rule for the value of a documented field that is not null. Fields whose shape is not
/// documented (`crdb`, `dependencies`, `platforms`) have none.
#[derive(Clone, Copy)]
enum Rule {
    Boolean,
    String,
    Strings,
    Uid,
    Version,
}

impl Rule {
    fn check(self, kind: Kind, value: &str, limits: &Limits) -> Result<(), Cow<'static, str>> {
        let expected = match (self, kind) {
            (Rule::Boolean, Kind::Boolean)
            | (Rule::String, Kind::String)
            | (Rule::Strings, Kind::Strings) => return Ok(()),
            (Rule::Uid, Kind::String) => return check_uid(&json::string(value), limits),
            (Rule::Version, Kind::Number) => {
                return integer(value).map(drop).map_err(Cow::Borrowed);
            }
            (Rule::Strings, Kind::Array) => {
                let elements = json::elements(value).unwrap_or_default();
                let kinds = elements.into_iter().map(Kind::of);
                let other = kinds.enumerate().find(|(_, kind)| *kind != Kind::String);
                let (index, kind) = other.unwrap_or((0, kind));
                return Err(format!("{} at index {index}, expected a string", kind.name()).into());
            }
            (Rule::Boolean, _) => "a boolean",
            (Rule::String | Rule::Uid, _) => "a string",
            (Rule::Strings, _) => "an array of strings",
            (Rule::Version, _) => "an integer",
        };
        Err(format!("{}, expected {expected}", kind.name()).into())
    }
}

fn check_uid(uid: &str, limits: &Limits) -> Result<(), Cow<'static, str>> {
    match uid.len() {
        0 => Err("empty, expected a non-empty string".into()),
        bytes if bytes > limits.uid_bytes => Err(too_long(bytes, limits.uid_bytes).into()),
        _ => Ok(()),
    }
}

fn too_long(bytes: usize, limit: usize) -> String {
    format!("{bytes} bytes, more than the limit of {limit}")
}

/// Returns the integer that a number is, read as JSON readers read numbers, in double precision: so
/// `10012.0` and `1.0012e4` are 10012.
fn integer(number: &str) -> Result<u32, &'static str> {
    if let Ok(integer) = number.parse() {
        return Ok(integer);
    }
    let double = serde_json::from_str(number).unwrap_or(f64::INFINITY);
    if !(0.0..=f64::from(u32::MAX)).contains(&double) {
        return Err("a number out of range, expected an integer from 0 to 4294967295");
    }
    let integer = double as u32;
    if f64::from(integer) != double {
        return Err("a fraction, expected an integer from 0 to 4294967295");
    }
    Ok(integer)
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    fn check(text: &str) -> Result<Document<'_>, Fault> {
        Document::check(text.as_bytes(), &Limits::default())
    }

    fn fault(text: &str) -> String {
        fault_within(text, &Limits::default())
    }

    fn fault_within(text: &str, limits: &Limits) -> String {
        let fault = Document::check(text.as_bytes(), limits).map(|_| ()).unwrap_err();
        let text = fault.of(None, Some(3)).to_string();
        text.strip_prefix("document at index 3: ").unwrap().into()
    }

    #[test]
    fn a_compact_document_is_borrowed() {
        let document = check(r#"{"uid":"a","version":10012,"x":{"a":[1]}}"#).unwrap();
        assert!(matches!(document.text, Cow::Borrowed(_)));
        assert!(matches!(document.stored_uid(), Cow::Borrowed("a")));
    }

    #[test]
    fn every_field_is_typed() {
        let text = concat!(
            r#"{"author":"a","bigstore_version_2_support":true,"capabilities":["x","y","x"],"#,
            r#""command_line_args":"c","config_command":"d","crdb":{},"dependencies":[],"#,
            r#""description":"e","display_name":"f","email":"g","homepage":"h","is_bundled":false,"#,
            r#""license":"i","min_redis_version":"j","module_name":"k","platforms":{},"#,
            r#""semantic_version":"\u006c","sha256":null,"uid":"m","version":4294967295}"#,
        );
        let module = check(text).unwrap().into_module();
        let some = |text: &str| Some(text.to_string());
        let expected = Module {
            uid: "m".into(),
            module_name: some("k"),
            display_name: some("f"),
            semantic_version: some("l"),
            version: Some(u32::MAX),
            author: some("a"),
            email: some("g"),
            homepage: some("h"),
            description: some("e"),
            license: some("i"),
            capabilities: vec!["x".into(), "y".into(), "x".into()],
            command_line_args: some("c"),
            config_command: some("d"),
            compatible_redis_version: None,
            min_redis_version: some("j"),
            is_bundled: Some(false),
            document: text.into(),
        };
        assert_eq!(module, expected);
    }

    #[test]
    fn a_null_field_is_absent_and_stays_in_the_document() {
        let text = r#"{"author":null,"capabilities":null,"uid":"a","version":null}"#;
        let module = check(text).unwrap().into_module();
        assert_eq!(module.document(), text);
        let null = (&module.author, module.capabilities.len(), module.version);
        assert_eq!(null, (&None, 0, None));
    }

    #[test]
    fn an_integral_version_is_sent_as_an_integer() {
        for (version, expected) in [
            ("0", 0),
            ("10012", 10012),
            ("10012.0", 10012),
            ("10012.000", 10012),
            ("1.0012e4", 10012),
            ("1e3", 1000),
            ("1001200E-2", 10012),
            ("0.0", 0),
            ("-0", 0),
            ("0e99999999999999999999", 0),
            ("4294967295.0", u32::MAX),
            ("42949672950e-1", u32::MAX),
        ] {
            let text = format!(r#"{{ "version":{version},"uid":"a" }}"#);
            let module = check(&text).unwrap().into_module();
            assert_eq!(module.version, Some(expected), "{version}");
            assert_eq!(module.document, format!(r#"{{"uid":"a","version":{expected}}}"#));
        }
        for version in
            ["-1", "-1.0", "4294967296", "4294967296.0", "1e10", "1e99999999999999999999", "99e9"]
        {
            let fault = fault(&format!(r#"{{"uid":"a","version":{version}}}"#));
            let expected =
                "field version: a number out of range, expected an integer from 0 to 4294967295";
            assert_eq!(fault, expected, "{version}");
        }
        for version in ["1.5", "10012.01", "1e-1", "1e-300", "15e-1"] {
            let fault = fault(&format!(r#"{{"uid":"a","version":{version}}}"#));
            let expected = "field version: a fraction, expected an integer from 0 to 4294967295";
            assert_eq!(fault, expected, "{version}");
        }
    }

    #[test]
    fn malformed_documents_name_the_field_and_the_kind() {
        for (text, expected) in [
            ("[]", "an array, expected an object"),
            (" 1", "a number, expected an object"),
            ("{}", "field uid: missing, expected a non-empty string"),
            (r#"{"uid":null}"#, "field uid: missing, expected a non-empty string"),
            (r#"{"uid":""}"#, "field uid: empty, expected a non-empty string"),
            (r#"{"uid":1}"#, "field uid: a number, expected a string"),
            (r#"{"author":{},"uid":"a"}"#, "field author: an object, expected a string"),
            (
                r#"{"capabilities":"x","uid":"a"}"#,
                "field capabilities: a string, expected an array of strings",
            ),
            (
                r#"{"capabilities":["x",null],"uid":"a"}"#,
                "field capabilities: null at index 1, expected a string",
            ),
            (
                r#"{"is_bundled":"true","uid":"a"}"#,
                "field is_bundled: a string, expected a boolean",
            ),
            (r#"{"uid":"a","version":"80001.0"}"#, "field version: a string, expected an integer"),
            (r#"{"uid":"a","x":01}"#, "line 1, column 17: unexpected `1`"),
        ] {
            assert_eq!(fault(text), expected, "{text}");
        }
    }

    #[test]
    fn a_documented_field_is_found_under_an_escaped_key() {
        assert_eq!(check(r#"{"\u0075id":"a"}"#).unwrap().uid(), "a");
        assert_eq!(
            fault(r#"{"uid":"a","\u0076ersion":true}"#),
            "field version: a boolean, expected an integer"
        );
    }

    #[test]
    fn limits_bound_documents_and_uids() {
        let limits = Limits { document_bytes: 20, uid_bytes: 2, depth: 2, ..Limits::default() };
        assert!(Document::check(br#"{"uid":"ab","x":[1]}"#, &limits).is_ok());
        assert_eq!(
            fault_within(r#"{"uid":"ab","x":[12]}"#, &limits),
            "21 bytes, more than the limit of 20"
        );
        assert_eq!(
            fault_within(r#"{"uid":"abc"}"#, &limits),
            "field uid: 3 bytes, more than the limit of 2"
        );
        assert_eq!(
            fault_within(r#"{"a":[[]],"uid":"a"}"#, &limits),
            "line 1, column 7: nested deeper than the limit of 2"
        );
    }

    #[test]
    fn in_json_a_module_is_its_document() {
        let text = r#" {"version": 10012.0, "uid": "a", "size": 1e2, "\u0061": "\u00e9"} "#;
        let module: Module = serde_json::from_str(text).unwrap();
        assert_eq!(module, check(text).unwrap().into_module());
        let document = r#"{"\u0061":"\u00e9","size":1e2,"uid":"a","version":10012}"#;
        assert_eq!(serde_json::to_string(&module).unwrap(), document);
        assert_eq!(serde_json::from_str::<Module>(document).unwrap(), module);
        for (text, expected) in [
            ("[]", "an array, expected an object"),
            (r#"{"uid":1}"#, "field uid: a number, expected a string"),
            (
                r#"{"uid":"a","x":"\ud800"}"#,
                "line 1, column 16: a string with half a surrogate pair",
            ),
        ] {
            let error = serde_json::from_str::<Module>(text).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }

    #[test]
    fn a_document_has_a_uid_unless_it_is_not_json() {
        let limits = Limits { uid_bytes: 2, depth: 2, ..Limits::default() };
        for (text, expected) in [
            (r#"{"uid":"ab"}"#, Some("ab")),
            (r#" {"\u0075id": "\u0061"} "#, Some("a")),
            (r#"{"author":1,"uid":"a"}"#, Some("a")),
            (r#"{"uid":"a","x":1,"x":2}"#, Some("a")),
            (r#"{"uid":"a","x":[[]]}"#, Some("a")),
            (r#"{"uid":"a","uid":"a"}"#, None),
            (r#"{"uid":"abc"}"#, None),
            (r#"{"uid":""}"#, None),
            (r#"{"uid":1}"#, None),
            (r#"{"uid":null }"#, None),
            (r#"["a"]"#, None),
            (r#"{"uid":"a"} x"#, None),
            (r#"{"uid":"a""#, None),
        ] {
            assert_eq!(find_uid(text.as_bytes(), &limits).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn sort_documents_groups_names_newest_first() {
        let mut documents = [
            r#"{"module_name":"b","uid":"1","version":1}"#,
            r#"{"module_name":"a","uid":"2","version":1}"#,
            r#"{"module_name":"a","uid":"3","version":10}"#,
            r#"{"module_name":"a","uid":"0","version":1}"#,
            "malformed",
        ];
        sort_documents(&mut documents, &Limits::default());
        assert_eq!(
            documents,
            [
                "malformed",
                r#"{"module_name":"a","uid":"3","version":10}"#,
                r#"{"module_name":"a","uid":"0","version":1}"#,
                r#"{"module_name":"a","uid":"2","version":1}"#,
                r#"{"module_name":"b","uid":"1","version":1}"#,
            ]
        );
    }

    #[test]
    fn sort_documents_reads_within_the_limits() {
        let long = format!(r#"{{"module_name":"b","uid":"{}"}}"#, "u".repeat(1500));
        let short = r#"{"module_name":"a","uid":"1"}"#;
        let mut documents = [&*long, short];
        sort_documents(&mut documents, &Limits { uid_bytes: 1500, ..Limits::default() });
        assert_eq!(documents, [short, &*long]);
    }
}
