//! The sizes of the artifacts.

use ccs_modules_host::artifacts;

use crate::row::{Aim, Quantity, Row};

pub fn rows() -> Vec<Row> {
    let aims = [
        (&artifacts::PLUGIN, "the plugin", 128_u32 << 10),
        (&artifacts::WASI_HTTP, "the service on WASI 0.2", 160 << 10),
        (&artifacts::PROXY_WASM, "the Envoy filter", 224 << 10),
    ];
    aims.map(|(artifact, name, most)| {
        Row::new("size", name, Quantity::Bytes(artifact.wasm.len() as f64))
            .aims(&[Aim::AtMost(Quantity::Bytes(f64::from(most)))])
    })
    .into()
}
