//! The bill of materials of an artifact, as CycloneDX.

use serde_json::{Value, json};

use crate::artifacts::{Artifact, Crate, RUST};

impl Artifact {
    /// The bill of materials, as CycloneDX 1.6 in JSON. The same artifact has the same bill, to the
    /// byte: it contains neither a time nor a random number.
    pub fn bill_of_materials(&self) -> String {
        let ours = |krate: &&Crate| krate.ours;
        // Every crate of the project has the same version.
        let version = self.crates.iter().find(ours).map(|krate| krate.version);
        let components: Vec<_> =
            self.crates.iter().map(component).chain([standard_library()]).collect();
        let bill = json!({
            "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
            "bomFormat": "CycloneDX",
            "specVersion": "1.6",
            "version": 1,
            "metadata": {"component": {
                "type": "application",
                "bom-ref": self.name,
                "name": self.name,
                "version": version,
                "description": self.about,
                "licenses": [{"expression": env!("CARGO_PKG_LICENSE")}],
                "hashes": [{"alg": "SHA-256", "content": self.sha256()}],
            }},
            "components": components,
        });
        format!("{bill:#}\n")
    }
}

fn component(krate: &Crate) -> Value {
    let Crate { name, version, license, ours } = krate;
    let mut component = json!({
        "type": "library",
        "bom-ref": format!("{name}@{version}"),
        "name": name,
        "version": version,
        "licenses": [{"expression": license}],
    });
    // A purl says where to get a crate. Crates of this project are in no registry.
    if !ours && let Some(fields) = component.as_object_mut() {
        fields.insert("purl".into(), format!("pkg:cargo/{name}@{version}").into());
    }
    component
}

/// The entry for `core` and `alloc`, which come with the compiler.
fn standard_library() -> Value {
    json!({
        "type": "library",
        "bom-ref": format!("rust@{RUST}"),
        "name": "Rust standard library",
        "version": RUST,
        "licenses": [{"expression": "MIT OR Apache-2.0"}],
        "purl": format!("pkg:generic/rust@{RUST}"),
    })
}
