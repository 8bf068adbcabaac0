//! Module documents: what one must hold, and what is read from it.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use ccs_modules_json::{self as json, Kind, Name, SyntaxError, Value};

use crate::error::{Malformed, Subject};
use crate::limits::Limits;

/// One module: the typed fields that every server version since 2021 sends, and the whole document.
///
/// A field is `None` where the document does not have it or has null.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Module {
    /// Identifies the module in the catalogue. Never empty; compared byte for byte.
    pub uid: String,
    /// The name the module registers with the server, such as `search`.
    pub module_name: Option<String>,
    /// The name for people, such as `RediSearch 2`.
    pub display_name: Option<String>,
    /// The version as people write it, such as `2.10.17`.
    pub semantic_version: Option<String>,
    /// The version as one number: major * 10000 + minor * 100 + patch.
    pub version: Option<u32>,
    /// Who wrote the module.
    pub author: Option<String>,
    /// Where to write to about the module.
    pub email: Option<String>,
    /// The module's home page.
    pub homepage: Option<String>,
    /// What the module does, in a sentence.
    pub description: Option<String>,
    /// The licence the module comes under.
    pub license: Option<String>,
    /// What the module supports, in the document's order, duplicates kept; empty where absent.
    pub capabilities: Vec<String>,
    /// Arguments the module is loaded with.
    pub command_line_args: Option<String>,
    /// The command that configures the module at run time.
    pub config_command: Option<String>,
    /// The oldest Redis version the module runs on.
    pub min_redis_version: Option<String>,
    /// Whether the module came with the server.
    pub is_bundled: Option<bool>,
    /// The whole object as canonical JSON: compact, keys sorted at every depth, number and string
    /// texts as stored. Only a `version` such as `10012.0` is sent as the integer it is.
    pub document: String,
}

/// Sorts the documents of a store that has no order (a Redis hash): by module name, then newest
/// version first, then by uid. Clients take the first object of a name as its latest version.
/// `limits` are those of the call.
///
/// Malformed documents come first: listing them fails, and sorting does not hide them.
pub fn sort_documents<D: AsRef<[u8]>>(documents: &mut [D], limits: &Limits) {
    documents.sort_by_cached_key(|document| {
        let document = Document::check(document.as_ref(), limits).ok()?;
        Some((
            document.text(Field::ModuleName).map(Cow::into_owned),
            core::cmp::Reverse(document.version()),
            document.uid().into_owned(),
        ))
    });
}

/// A module document that has been checked, in canonical form.
pub(crate) struct Document<'a> {
    text: Cow<'a, [u8]>,
    fields: Fields,
}

impl<'a> Document<'a> {
    /// Checks a document: its syntax, its bounds and its documented fields.
    ///
    /// One that is canonical already, the common case, is read once and borrowed.
    pub(crate) fn check(stored: &'a [u8], limits: &Limits) -> Result<Self, Fault> {
        if stored.len() > limits.document_bytes {
            return Err(Fault::new(None, too_long(stored.len(), limits.document_bytes)));
        }
        let mut document = Self { text: Cow::Borrowed(stored), fields: Fields::ABSENT };
        document.read(limits)?;
        document.fields.check(&document.text, limits)?;
        document.make_version_integral()?;
        Ok(document)
    }

    /// Finds the fields, whatever they hold, in text that is made canonical where it is not.
    fn read(&mut self, limits: &Limits) -> Result<(), Fault> {
        if self.fields.read(&self.text, limits.depth) {
            return Ok(());
        }
        self.replace(json::rewrite(&self.text, limits.depth)?)
    }

    /// Goes on with another text, which is canonical.
    fn replace(&mut self, text: Vec<u8>) -> Result<(), Fault> {
        self.fields = Fields::ABSENT;
        if !self.fields.read(&text, usize::MAX) {
            let reason = [json::kind(&text).name(), ", expected an object"].concat();
            return Err(Fault::new(None, reason));
        }
        self.text = Cow::Owned(text);
        Ok(())
    }

    /// Writes a version such as `10012.0` as the integer it is: the one value that is not kept as
    /// it was written.
    fn make_version_integral(&mut self) -> Result<(), Fault> {
        let Some(version) = self.fields.get(Field::Version) else {
            return Ok(());
        };
        let written = self.slice(version);
        if written.iter().all(u8::is_ascii_digit) {
            return Ok(());
        }
        let Ok(integer) = integer(written) else {
            return Ok(());
        };
        let range = version.range.clone();
        let mut text = self.text.to_vec();
        text.splice(range, json::decimal(integer as usize).into_bytes());
        self.replace(text)
    }

    /// The canonical text.
    pub(crate) fn text_bytes(&self) -> &[u8] {
        &self.text
    }

    /// The uid; never empty.
    pub(crate) fn uid(&self) -> Cow<'_, str> {
        self.text(Field::Uid).unwrap_or_default()
    }

    /// The uid, borrowed from what was stored where that is possible.
    pub(crate) fn stored_uid(&self) -> Cow<'a, str> {
        match (&self.text, self.fields.get(Field::Uid)) {
            (Cow::Borrowed(stored), Some(uid)) => {
                json::string(stored.get(uid.range.clone()).unwrap_or_default())
            }
            _ => Cow::Owned(self.uid().into_owned()),
        }
    }

    /// The characters of a string field.
    pub(crate) fn text(&self, field: Field) -> Option<Cow<'_, str>> {
        self.value(field).map(json::string)
    }

    pub(crate) fn version(&self) -> Option<u32> {
        self.value(Field::Version).and_then(|version| integer(version).ok())
    }

    /// The JSON text of a field; none where it is absent or null.
    fn value(&self, field: Field) -> Option<&[u8]> {
        self.fields.get(field).map(|value| self.slice(value))
    }

    fn slice(&self, value: &Value) -> &[u8] {
        self.text.get(value.range.clone()).unwrap_or_default()
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
                .map(json::elements)
                .unwrap_or_default()
                .into_iter()
                .map(|capability| json::string(capability).into_owned())
                .collect(),
            command_line_args: string(Field::CommandLineArgs),
            config_command: string(Field::ConfigCommand),
            min_redis_version: string(Field::MinRedisVersion),
            is_bundled: self.value(Field::IsBundled).map(|value| value == b"true"),
            document: String::from_utf8(self.text.into_owned()).unwrap_or_default(),
        }
    }
}

/// What is wrong with a document, before it is known which document it is.
#[derive(Debug)]
pub(crate) struct Fault {
    field: Option<Field>,
    reason: Cow<'static, str>,
}

impl Fault {
    pub(crate) fn new(field: Option<Field>, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { field, reason: reason.into() }
    }

    pub(crate) fn of(self, subject: Subject) -> Malformed {
        Malformed { subject, field: self.field.map(Field::name), reason: self.reason }
    }
}

impl From<SyntaxError> for Fault {
    fn from(error: SyntaxError) -> Self {
        Self::new(None, error.text())
    }
}

/// The uid of a document that may be malformed otherwise, to name it by; none where it has no
/// sound one.
pub(crate) fn find_uid<'a>(stored: &'a [u8], limits: &Limits) -> Option<Cow<'a, str>> {
    let mut fields = Fields::ABSENT;
    let uid = match fields.read(stored, limits.depth) {
        true => stored.get(fields.get(Field::Uid)?.range.clone())?,
        false => json::find_member(stored, "uid", limits.depth)?,
    };
    Rule::Uid.check(json::kind(uid), uid, limits).is_ok().then(|| json::string(uid))
}

/// Declares the documented fields in the order of their names, each with the rule for its value.
macro_rules! fields {
    ($($field:ident $name:literal $rule:ident,)*) => {
        /// A field that the API reference documents.
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        pub(crate) enum Field { $($field,)* }

        const FIELDS: &[Known] =
            &[$(Known { field: Field::$field, name: $name, rule: Rule::$rule },)*];

        const NAMES: [Name<'static>; FIELDS.len()] = [$(Name::new($name.as_bytes()),)*];
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
    Crdb "crdb" Object,
    Dependencies "dependencies" ObjectOrNothing,
    Description "description" String,
    DisplayName "display_name" String,
    Email "email" String,
    Homepage "homepage" String,
    IsBundled "is_bundled" Boolean,
    License "license" String,
    MinRedisVersion "min_redis_version" String,
    ModuleFile "module_file" String,
    ModuleName "module_name" String,
    Platforms "platforms" Object,
    SemanticVersion "semantic_version" String,
    Sha256 "sha256" String,
    Uid "uid" Uid,
    Version "version" Version,
}

/// What is known of a documented field.
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

/// The values of a document's documented fields. Null: absent.
struct Fields([Value; FIELDS.len()]);

impl Fields {
    const ABSENT: Self = Self([Value::NULL; FIELDS.len()]);

    /// Reads the fields of a document, if it is canonical.
    fn read(&mut self, text: &[u8], depth: usize) -> bool {
        json::read_members(text, depth, &NAMES, &mut self.0)
    }

    /// Checks each value against the rule for its field.
    fn check(&self, text: &[u8], limits: &Limits) -> Result<(), Fault> {
        for (known, value) in FIELDS.iter().zip(&self.0) {
            let checked = match (value.kind, known.rule) {
                (Kind::Null, Rule::Uid) => Err("missing, expected a non-empty string".into()),
                (Kind::Null, _) | (Kind::String, Rule::String) => Ok(()),
                (kind, rule) => {
                    let text = text.get(value.range.clone()).unwrap_or_default();
                    rule.check(kind, text, limits)
                }
            };
            checked.map_err(|reason| Fault::new(Some(known.field), reason))?;
        }
        Ok(())
    }

    /// The value of a field; none where it is absent or null.
    fn get(&self, field: Field) -> Option<&Value> {
        self.0.get(field as usize).filter(|value| value.kind != Kind::Null)
    }
}

/// What the value of a documented field must be. Null counts as absent and is not asked about.
#[derive(Clone, Copy)]
enum Rule {
    Boolean,
    Object,
    /// An object, or the empty array that stands for an empty one.
    ObjectOrNothing,
    String,
    Strings,
    Uid,
    Version,
}

impl Rule {
    fn check(self, kind: Kind, value: &[u8], limits: &Limits) -> Result<(), Cow<'static, str>> {
        let expected = match (self, kind) {
            (Rule::Boolean, Kind::Boolean)
            | (Rule::Object | Rule::ObjectOrNothing, Kind::Object)
            | (Rule::String, Kind::String)
            | (Rule::Strings, Kind::Strings) => return Ok(()),
            (Rule::ObjectOrNothing, Kind::Strings) if value == b"[]" => return Ok(()),
            (Rule::Strings, Kind::Array) => {
                let mut kinds = json::elements(value).into_iter().map(json::kind).enumerate();
                let other = kinds.find(|(_, kind)| *kind != Kind::String);
                let (index, kind) = other.unwrap_or((0, kind));
                let index = json::decimal(index);
                return Err([kind.name(), " at index ", &index, ", expected a string"]
                    .concat()
                    .into());
            }
            (Rule::Uid, Kind::String) if value == b"\"\"" => {
                return Err("empty, expected a non-empty string".into());
            }
            // No text is shorter than what it stands for.
            (Rule::Uid, Kind::String) if value.len() <= limits.uid_bytes => return Ok(()),
            (Rule::Uid, Kind::String) => {
                let (bytes, limit) = (json::string(value).len(), limits.uid_bytes);
                if bytes <= limit {
                    return Ok(());
                }
                return Err(too_long(bytes, limit).into());
            }
            (Rule::Version, Kind::Number) => {
                return integer(value).map(drop).map_err(Cow::Borrowed);
            }
            (Rule::Boolean, _) => "a boolean",
            (Rule::Object | Rule::ObjectOrNothing, _) => "an object",
            (Rule::String | Rule::Uid, _) => "a string",
            (Rule::Strings, _) => "an array of strings",
            (Rule::Version, _) => "an integer",
        };
        Err([kind.name(), ", expected ", expected].concat().into())
    }
}

fn too_long(bytes: usize, limit: usize) -> String {
    [&*json::decimal(bytes), " bytes, more than the limit of ", &json::decimal(limit)].concat()
}

/// The integer that a number is: exactly, from its text, so `10012.0` and `1.0012e4` are 10012.
fn integer(number: &[u8]) -> Result<u32, &'static str> {
    const OUT_OF_RANGE: &str = "a number out of range, expected an integer from 0 to 4294967295";
    const NOT_AN_INTEGER: &str = "a fraction, expected an integer from 0 to 4294967295";

    let (negative, number) = match number {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, number),
    };
    let exponent_at = number.iter().position(|byte| matches!(byte, b'E' | b'e'));
    let (mantissa, exponent) = number.split_at(exponent_at.unwrap_or(number.len()));
    let whole = mantissa.iter().position(|&byte| byte == b'.').unwrap_or(mantissa.len());
    // The decimal point stands before this digit, if the mantissa is thought to go on with zeros.
    let point = (whole as i64).saturating_add(power_of_ten(exponent));
    let digits = mantissa.iter().filter(|byte| byte.is_ascii_digit()).map(|byte| byte - b'0');
    let mut integer = 0_u32;
    let mut places = 0;
    for digit in digits {
        if places < point {
            integer = with_digit(integer, digit).ok_or(OUT_OF_RANGE)?;
        } else if digit != 0 {
            return Err(NOT_AN_INTEGER);
        }
        places += 1;
    }
    while places < point && integer > 0 {
        integer = with_digit(integer, 0).ok_or(OUT_OF_RANGE)?;
        places += 1;
    }
    if negative && integer > 0 { Err(OUT_OF_RANGE) } else { Ok(integer) }
}

fn with_digit(integer: u32, digit: u8) -> Option<u32> {
    integer.checked_mul(10)?.checked_add(digit.into())
}

/// The exponent of a number, as it is written with its letter and perhaps a sign; 0 if there is none.
fn power_of_ten(exponent: &[u8]) -> i64 {
    let digits = exponent.iter().filter(|byte| byte.is_ascii_digit());
    let value = digits
        .fold(0_i64, |value, digit| value.saturating_mul(10).saturating_add((digit - b'0').into()));
    if exponent.contains(&b'-') { -value } else { value }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString as _;
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
        let text = fault.of(Subject::DocumentAt(3)).to_string();
        text.strip_prefix("document at index 3: ").unwrap().into()
    }

    #[test]
    fn a_canonical_document_is_borrowed() {
        let document = check(r#"{"uid":"a","version":10012,"x":{"a":[1.0]}}"#).unwrap();
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
            min_redis_version: some("j"),
            is_bundled: Some(false),
            document: text.into(),
        };
        assert_eq!(module, expected);
    }

    #[test]
    fn null_is_absent_and_stays() {
        let text = r#"{"author":null,"capabilities":null,"uid":"a","version":null}"#;
        let module = check(text).unwrap().into_module();
        assert_eq!(module, Module { uid: "a".into(), document: text.into(), ..Module::default() });
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
        for version in ["1.5", "10012.01", "1e-1", "1e-99999999999999999999", "15e-1"] {
            let fault = fault(&format!(r#"{{"uid":"a","version":{version}}}"#));
            let expected = "field version: a fraction, expected an integer from 0 to 4294967295";
            assert_eq!(fault, expected, "{version}");
        }
    }

    #[test]
    fn faults_name_the_field_and_the_kind() {
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
                r#"{"dependencies":[1],"uid":"a"}"#,
                "field dependencies: an array, expected an object",
            ),
            (
                r#"{"dependencies":["x"],"uid":"a"}"#,
                "field dependencies: an array, expected an object",
            ),
            (
                r#"{"is_bundled":"true","uid":"a"}"#,
                "field is_bundled: a string, expected a boolean",
            ),
            (r#"{"platforms":[],"uid":"a"}"#, "field platforms: an array, expected an object"),
            (r#"{"uid":"a","version":"80001.0"}"#, "field version: a string, expected an integer"),
            (r#"{"uid":"a","x":01}"#, "byte 16: expected a comma or a closing brace"),
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
        assert_eq!(fault_within(r#"{"a":[[]],"uid":"a"}"#, &limits), "byte 6: nested too deeply");
    }

    #[test]
    fn sorting_groups_names_newest_first() {
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
    fn sorting_goes_by_the_limits_in_force() {
        let long = format!(r#"{{"module_name":"b","uid":"{}"}}"#, "u".repeat(1500));
        let short = r#"{"module_name":"a","uid":"1"}"#;
        let mut documents = [&*long, short];
        sort_documents(&mut documents, &Limits { uid_bytes: 1500, ..Limits::default() });
        assert_eq!(documents, [short, &*long]);
    }
}
