//! One request: who is calling, what the plugin answers, and what to say where it does not.

use std::sync::Arc;
use std::time::Instant;

use ccs_modules::access::Policy;
use hyper::body::Incoming;
use hyper::{HeaderMap, Version};

use crate::server::Metrics;
use crate::server::connection::Handler;
use crate::server::in_flight::{Held, InFlight};
use crate::server::instances::Plugin;
use crate::server::page::page;
use crate::server::readiness::Readiness;
use crate::server::refusal::{Answer, Refusal};
use crate::{CallError, Request, Response};

/// The API, and the probes beside it.
pub(super) struct Api {
    pub(super) access: Option<Policy>,
    pub(super) header_bytes: usize,
    pub(super) in_flight: InFlight,
    pub(super) metrics: Arc<Metrics>,
    pub(super) plugin: Plugin,
    pub(super) readiness: Readiness,
}

impl Handler for Arc<Api> {
    async fn answer(&self, request: hyper::Request<Incoming>) -> Answer {
        match request.uri().path() {
            "/healthz" => page(request.method(), TEXT, "ok\n"),
            "/readyz" if self.readiness.is_ready().await => page(request.method(), TEXT, "ok\n"),
            "/readyz" => Refusal::NotReady.answer(request.method()),
            _ => self.answer_and_tell(&request).await,
        }
    }
}

const TEXT: &str = "text/plain; charset=utf-8";

impl Api {
    async fn answer_and_tell(&self, request: &hyper::Request<Incoming>) -> Answer {
        let started = Instant::now();
        let answer = self.answer_api(request).await;
        let (status, duration) = (answer.status(), started.elapsed());
        self.metrics.answered(status, duration);
        tracing::info!(
            method = request.method().as_str(),
            // The path alone: an authority may hold credentials.
            path = request.uri().path(),
            status = status.as_u16(),
            microseconds = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX),
            "request"
        );
        answer
    }

    async fn answer_api(&self, request: &hyper::Request<Incoming>) -> Answer {
        self.call(request).await.unwrap_or_else(|refusal| refusal.answer(request.method()))
    }

    async fn call(&self, request: &hyper::Request<Incoming>) -> Result<Answer, Refusal> {
        let header_bytes = header_bytes(request.headers());
        if header_bytes > self.header_bytes {
            return Err(Refusal::HeadersTooLong);
        }
        let _request = self.in_flight.hold(header_bytes).ok_or(Refusal::TooMuchInFlight)?;
        let response = self.plugin.handle(&self.request(request)).await;
        let response = response.map_err(|error| self.failed(&error))?;
        let held = self.in_flight.hold(response.body.len()).ok_or(Refusal::TooMuchInFlight)?;
        answer(response, held).map_err(|error| self.failed(&error))
    }

    /// What to say where there is no answer.
    fn failed(&self, error: &CallError) -> Refusal {
        tracing::error!(%error, "no answer");
        self.metrics.call_failed(error);
        match error {
            CallError::TimedOut(_) => Refusal::CallTimedOut,
            _ => Refusal::CallFailed,
        }
    }

    /// The request as the contract has it.
    fn request(&self, request: &hyper::Request<Incoming>) -> Request {
        let mut headers: Vec<_> = request
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
            .collect();
        let roles = self.access.as_ref().and_then(|access| access.roles(&headers));
        // The decision is made: nobody further in needs what it was made by.
        headers.retain(|(name, _)| !CREDENTIALS.contains(&name.as_str()));
        Request {
            method: request.method().as_str().to_owned(),
            target: target(request),
            headers,
            roles,
        }
    }
}

/// The header fields that hold credentials.
const CREDENTIALS: [&str; 3] = ["authorization", "cookie", "proxy-authorization"];

/// The target as received. In HTTP/2 the scheme and the authority are not part of it.
fn target(request: &hyper::Request<Incoming>) -> String {
    let uri = request.uri();
    match uri.path_and_query() {
        Some(target) if uri.authority().is_none() || request.version() == Version::HTTP_2 => {
            target.as_str().to_owned()
        }
        _ => uri.to_string(),
    }
}

fn header_bytes(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
}

/// The plugin's response, as it is sent.
fn answer(response: Response, held: Held) -> Result<Answer, CallError> {
    let mut answer = hyper::Response::builder().status(response.status);
    for (name, value) in response.headers {
        answer = answer.header(name, value);
    }
    answer
        .body(held.body(response.body).into())
        .map_err(|error| CallError::Host(format!("not an HTTP response: {error}")))
}
