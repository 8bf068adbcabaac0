//! The API as an OpenAPI document.

/// The [OpenAPI 3.1](https://spec.openapis.org/oas/v3.1.1.html) document of the API, in JSON: both requests with their
/// extensions, the module object, the errors, and the ways to authenticate.
///
/// ```
/// use ccs_modules::rest::OPENAPI;
///
/// let document: serde_json::Value = serde_json::from_str(OPENAPI)?;
/// assert_eq!(document["paths"]["/v1/modules/{uid}"]["get"]["operationId"], "getModule");
/// # Ok::<(), serde_json::Error>(())
/// ```
pub const OPENAPI: &str = include_str!("../../docs/openapi.json");

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;
    use alloc::format;
    use alloc::vec::Vec;

    use serde_json::Value;

    use super::*;
    use crate::limits::Limits;
    use crate::module::{Document, NAMES};
    use crate::rest::target::{Operation, Target};
    use crate::rest::{ErrorResponse, route};

    fn document() -> Value {
        serde_json::from_str(OPENAPI).unwrap()
    }

    fn keys(object: &Value) -> BTreeSet<&str> {
        object.as_object().unwrap().keys().map(|key| &**key).collect()
    }

    #[test]
    fn its_version_is_that_of_the_crate() {
        assert_eq!(document()["info"]["version"], env!("CARGO_PKG_VERSION"));
    }

    #[test]
    fn its_paths_are_routes() {
        for path in keys(&document()["paths"]) {
            assert_eq!(route(path), Some(path));
        }
    }

    #[test]
    fn its_query_keys_are_those_of_the_list() {
        let (document, limits) = (document(), Limits::default());
        let parameters = document["components"]["parameters"].as_object().unwrap().values();
        let query: Vec<_> = parameters.filter(|parameter| parameter["in"] == "query").collect();
        let mut pairs = Vec::new();

        for parameter in query {
            let name = parameter["name"].as_str().unwrap();
            let value = match parameter["schema"]["type"].as_str().unwrap() {
                "boolean" => "true",
                "integer" => "4294967295",
                _ => "7.4",
            };
            let target = format!("/v1/modules?{name}={value}&{name}={value}");
            let refused = Target::parse(&target, &limits).and_then(Target::operation).err();
            let reason = format!("the query key {name} is given twice");
            assert_eq!(refused, Some(ErrorResponse::bad_request(reason)));
            pairs.push(format!("{name}={value}"));
        }

        let target = format!("/v1/modules?{}", pairs.join("&"));
        let operation = Target::parse(&target, &limits).and_then(Target::operation);
        let Ok(Operation::List(filter)) = operation else { panic!("{target} asks for no list") };
        assert!(filter.is_complete(), "a key is missing in the document: {target}");
    }

    #[test]
    fn its_limits_are_those_of_the_core() {
        let document = document();
        let parameters = &document["components"]["parameters"];
        let properties = &document["components"]["schemas"]["Module"]["properties"];
        for uid in [&parameters["uid"]["schema"], &properties["uid"]] {
            assert_eq!(uid["maxLength"], Limits::default().uid_bytes);
        }
        for version in [&parameters["version"]["schema"], &properties["version"]] {
            assert_eq!((&version["minimum"], &version["maximum"]), (&0.into(), &u32::MAX.into()));
        }
    }

    #[test]
    fn its_module_has_the_documented_fields_and_their_types() {
        let document = document();
        let properties = &document["components"]["schemas"]["Module"]["properties"];
        assert_eq!(keys(properties), BTreeSet::from(NAMES));

        for (name, schema) in properties.as_object().unwrap() {
            let types = match &schema["type"] {
                Value::String(one) => Vec::from([&**one]),
                several => several.as_array().unwrap().iter().flat_map(Value::as_str).collect(),
            };
            for (kind, value) in [
                ("array", "[\"a\"]"),
                ("boolean", "true"),
                ("integer", "4294967295"),
                ("null", "null"),
                ("object", "{}"),
                ("string", "\"a\""),
            ] {
                let uid = if name == "uid" { "" } else { "\"uid\":\"a\"," };
                let text = format!("{{{uid}\"{name}\":{value}}}");
                let is_taken = Document::check(text.as_bytes(), &Limits::default()).is_ok();
                assert_eq!(is_taken, types.contains(&kind), "{text}");
            }
        }
    }
}
