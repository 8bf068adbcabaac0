//! The plugin over Redis.

use ccs_modules_host::{CallLimits, Caller, Plugin, Request, Response, Service, artifacts};

use crate::body::{BLOOM, BODIES, DEMO, catalog, sorted};
use crate::load::{Answer, withstands};
use crate::server::Server;

#[tokio::test]
async fn a_server_s_body_is_listed_in_order() {
    let server = Server::start();
    let service = service(&server);
    for body in BODIES {
        server.store().replace(&catalog(body)).await.unwrap();
        let response = get(&service, "/v1/modules").await;
        assert_eq!(response.status, 200);
        assert_eq!(response.body, sorted(body).await);
    }
}

#[tokio::test]
async fn faults_are_answers() {
    let mut server = Server::start();
    let service = service(&server);
    server.store().replace(&catalog(DEMO)).await.unwrap();

    server.run_command(&["HSET", "ccs:modules", "x", r#"{"uid":"x","version":"new"}"#]);
    told(&service, "/v1/modules", 500, "document \\\"x\\\": field version: a string").await;
    server.run_command(&["HSET", "ccs:modules", "x", "broken"]);
    told(&service, "/v1/modules", 500, "the key ccs:modules, the value of x: ").await;
    told(&service, "/v1/modules/x", 500, "document \\\"x\\\": ").await;
    assert_eq!(get(&service, &format!("/v1/modules/{BLOOM}")).await.status, 200);
    server.run_command(&["HSET", "ccs:modules", "x", r#"{"uid":"y"}"#]);
    told(&service, "/v1/modules/x", 500, "the uid of another document").await;

    server.run_command(&["SET", "ccs:modules", "x"]);
    told(&service, "/v1/modules", 500, "does not hold a hash").await;
    server.run_command(&["DEL", "ccs:modules"]);
    assert_eq!(get(&service, "/v1/modules").await.body, "[]\n");
    server.kill();
    told(&service, "/v1/modules", 503, "connection refused").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_is_answered_while_redis_comes_and_goes() {
    let server = Server::start();
    let service = service(&server);
    withstands(server, async |_, question| {
        let response = get(&service, &question.target).await;
        Answer {
            status: response.status,
            retry_after: response.headers.iter().any(|(name, _)| name == "retry-after"),
            body: response.body.into(),
        }
    })
    .await;
}

async fn told(service: &Service, target: &str, status: u16, text: &str) {
    let response = get(service, target).await;
    let body = response.body;
    assert_eq!(response.status, status, "{body}");
    assert!(body.contains(text), "{body}");
}

async fn get(service: &Service, target: &str) -> Response {
    let request = Request {
        method: "GET".into(),
        target: target.into(),
        headers: Vec::new(),
        caller: Caller::Authenticated(vec!["admin".into()]),
    };
    service.handle(&request).await.unwrap()
}

fn service(server: &Server) -> Service {
    Plugin::load(&artifacts::PLUGIN.wasm, CallLimits::default()).unwrap().service(server.store())
}
