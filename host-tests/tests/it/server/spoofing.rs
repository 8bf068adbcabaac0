//! Spoofed roles, and requests hidden in others.

use ccs_modules::access::Policy;
use ccs_modules_host::server::Settings;
use ccs_modules_host::stores::demo;

use crate::support::serving::{Serving, plugin};
use crate::support::wire::Wire;

const REQUEST: &str = "GET /v1/modules HTTP/1.1\r\nhost: test\r\n";

#[tokio::test]
async fn only_the_trusted_header_itself_grants_roles() {
    let server = serve().await;
    for (fields, status) in [
        ("x-roles: admin\r\n\r\n", 200),
        ("X-Roles: admin\r\n\r\n", 200),
        ("\r\n", 401),
        ("x-roles: none\r\n\r\n", 403),
        // Another name, for a server that does not fold the two into one.
        ("x_roles: admin\r\n\r\n", 401),
        ("x-roles2: admin\r\n\r\n", 401),
        ("authorization: Basic YWRtaW46YWRtaW4=\r\n\r\n", 401),
        // A header that is sent twice: one of the two is not the proxy's.
        ("x-roles: none\r\nX-ROLES: admin\r\n\r\n", 401),
        // Spellings of a name that some servers read and others do not.
        ("x-roles : admin\r\n\r\n", 400),
        ("a: b\r\n x-roles: admin\r\n\r\n", 400),
        ("a: b\rx-roles: admin\r\n\r\n", 400),
        ("x-roles: admin\0\r\n\r\n", 400),
        // A trailer comes after the decision.
        ("transfer-encoding: chunked\r\n\r\n0\r\nx-roles: admin\r\n\r\n", 401),
    ] {
        let mut wire = Wire::connect(server.address).await;
        wire.send(format!("{REQUEST}{fields}")).await;
        assert_eq!(wire.reply("GET").await.status, status, "{fields:?}");
    }
}

#[tokio::test]
async fn a_body_whose_end_is_disputed_hides_no_request() {
    let server = serve().await;
    let hidden = format!("{REQUEST}x-roles: admin\r\n\r\n");
    let length = hidden.len() + 5;
    for (fields, statuses) in [
        (format!("content-length: {length}\r\ntransfer-encoding: chunked\r\n"), [401, 400]),
        (format!("transfer-encoding: chunked\r\ncontent-length: {length}\r\n"), [401, 400]),
        ("transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n".into(), [400, 400]),
        ("transfer-encoding: identity, chunked\r\ncontent-length: 5\r\n".into(), [401, 400]),
        ("transfer-encoding:\x0bchunked\r\ncontent-length: 5\r\n".into(), [400, 400]),
        ("content-length: 5\r\ncontent-length: 6\r\n".into(), [400, 400]),
    ] {
        let mut wire = Wire::connect(server.address).await;
        wire.send(format!("{REQUEST}{fields}\r\n0\r\n\r\n{hidden}")).await;
        let answers = String::from_utf8(wire.rest().await).unwrap();
        let found: Vec<_> =
            answers.match_indices("HTTP/1.1 ").map(|(at, _)| &answers[at + 9..at + 12]).collect();
        assert_eq!(found.len(), 1, "{fields:?}: {answers}");
        assert!(statuses.contains(&found[0].parse().unwrap()), "{fields:?}: {answers}");
    }
}

async fn serve() -> Serving {
    let access = Policy::parse(br#"{"trusted_header":"x-roles"}"#).unwrap();
    Serving::start(
        plugin(),
        demo(),
        Settings { access: Some(access.into()), ..Settings::default() },
    )
    .await
}
