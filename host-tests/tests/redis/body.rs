//! The bodies that the tests load.

use ccs_modules::{Limits, Snapshot};
use ccs_modules_host::Ccs;
use ccs_modules_host::stores::Documents;

pub const DEMO: &str = include_str!("../../../host/src/stores/demo.json");
pub const BLOOM: &str = "b14385b09778a335835ee3ae380bbc77";

/// Bodies from servers of three versions.
pub const BODIES: [&str; 3] = [
    include_str!("../../cases/bodies/7.2.json"),
    include_str!("../../cases/bodies/7.22.json"),
    include_str!("../../cases/bodies/8.x.json"),
];

pub fn catalog(body: &str) -> Snapshot {
    Snapshot::parse(body.as_bytes(), &Limits::default()).unwrap()
}

pub async fn documents(body: &str) -> Vec<Vec<u8>> {
    Documents::parse(body.as_bytes()).unwrap().list_documents().await.unwrap()
}

/// The same body in the order that an unordered store is listed in.
pub async fn sorted(body: &str) -> String {
    let mut documents = documents(body).await;
    ccs_modules::sort_documents(&mut documents, &ccs_modules::Limits::default());
    String::from_utf8(ccs_modules::body::join(&documents)).unwrap()
}
