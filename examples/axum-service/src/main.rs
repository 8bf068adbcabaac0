//! Serves the modules API with axum and the core alone: `axum-service FILE [ADDRESS]`.
//!
//! The core decides: paths, methods, permission, header fields and errors are its answers. The
//! program reads the file when the core asks for documents.

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use ccs_modules::access::Policy;
use ccs_modules::{Ask, Limits, Step, StoreError, body, rest};
use tokio::net::TcpListener;

/// The state of the service, shared by its requests.
struct Service {
    /// The file with the body of `GET /v1/modules`.
    file: PathBuf,
    policy: Policy,
    limits: Limits,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().ok_or("usage: axum-service FILE [ADDRESS]")?.into();
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:0".into());
    let policy = Policy::parse(br#"{"anonymous": ["db_viewer"]}"#)?;
    let service = Arc::new(Service { file, policy, limits: Limits::default() });

    let listener = TcpListener::bind(address).await?;
    println!("http://{}/v1/modules", listener.local_addr()?);
    Ok(axum::serve(listener, Router::new().fallback(answer).with_state(service)).await?)
}

/// Answers every request, whatever its path.
async fn answer(State(service): State<Arc<Service>>, request: Request) -> Response {
    let lent = request.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    let headers: Vec<_> = lent.collect();
    let caller = service.policy.caller(&headers);
    let step = rest::handle(
        &rest::Request {
            method: request.method().as_str(),
            target: request.uri().path_and_query().map_or("/", |target| target.as_str()),
            headers: &headers,
            caller: &caller,
        },
        &service.limits,
    );
    let response = match step {
        Step::Done(response) => response,
        Step::Ask(ask) => {
            let body = tokio::fs::read(&service.file).await;
            fetched(ask, &body.map_err(unreadable), &service.limits)
        }
    };
    into_axum(response)
}

/// Answers the core's question from the body of the file.
fn fetched(
    ask: Ask<rest::Response>,
    body: &Result<Vec<u8>, StoreError>,
    limits: &Limits,
) -> rest::Response {
    let documents = body
        .as_ref()
        .map_err(Clone::clone)
        .and_then(|body| body::split(body).map_err(|error| StoreError::Other(error.to_string())));
    match ask {
        Ask::Documents(ask) => ask.answer(documents),
        Ask::Document(ask) => {
            let found = documents.map(|all| body::find(&all, ask.uid(), limits).copied());
            ask.answer(found)
        }
    }
}

fn unreadable(error: std::io::Error) -> StoreError {
    StoreError::Unavailable(format!("cannot read the file: {error}"))
}

fn into_axum(response: rest::Response) -> Response {
    let mut builder = Response::builder().status(response.status);
    for (name, value) in response.headers {
        builder = builder.header(name, value);
    }
    let whole = builder.body(Body::from(response.body));
    whole.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}
