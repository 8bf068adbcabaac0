//! Requests: authenticates the client, has the request answered or finds a file of the page, and responds.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ccs_modules::access::Caller;
use ccs_modules::rest::{self, ErrorResponse};
use hyper::body::Incoming;
use hyper::{HeaderMap, Version};
use tokio::time::timeout;
use tracing::field;

use crate::component::in_time;
use crate::net::header_fields;
use crate::server::answer::{Answer, answer, fail};
use crate::server::answering::{Answering, Readiness};
use crate::server::authenticator::Authenticator;
use crate::server::connections::{Handler, Peer, Subject};
use crate::server::content::{content, unless_unchanged};
use crate::server::in_flight::InFlight;
use crate::server::page::PageFiles;
use crate::server::reload::Replaceable;
use crate::server::{Metrics, error, request_span};
use crate::traces::Traces;
use crate::{CallError, Request};

/// The API and the probes.
pub(super) struct Api {
    pub(super) access: Replaceable<Option<Authenticator>>,
    pub(super) answering: Answering,
    pub(super) header_bytes: usize,
    pub(super) in_flight: InFlight,
    pub(super) metrics: Arc<Metrics>,
    pub(super) page: Option<PageFiles>,
    pub(super) readiness: Readiness,
    pub(super) request_timeout: Duration,
    /// `http` or `https`.
    pub(super) scheme: &'static str,
    /// Whether the log has the warning that there is no access policy.
    pub(super) told_of_no_policy: AtomicBool,
    pub(super) traces: Option<Traces>,
}

/// The parts of a request's log line that are known only after its answer.
#[derive(Default)]
struct Record {
    /// The name of the user who was authenticated.
    user: Option<String>,
    /// The cause of an error.
    cause: Option<String>,
}

impl Handler for Arc<Api> {
    async fn answer(&self, request: hyper::Request<Incoming>) -> Answer {
        match request.uri().path() {
            "/healthz" => content(request.method(), TEXT, "ok\n"),
            "/openapi.json" => openapi(&request),
            "/readyz" => match self.readiness.check().await {
                Ok(()) => content(request.method(), TEXT, "ok\n"),
                Err(error) => fail(error, request.method()),
            },
            _ => self.answer_and_log(&request).await,
        }
    }
}

const TEXT: &str = "text/plain; charset=utf-8";

impl Api {
    async fn answer_and_log(&self, request: &hyper::Request<Incoming>) -> Answer {
        let started = Instant::now();
        let mut record = Record::default();
        let span = request_span::begin(self.traces.as_ref(), self.scheme, request);
        let answer = span.run(self.call(request, &mut record)).await;
        let answer = answer.unwrap_or_else(|error| {
            record.cause.get_or_insert_with(|| error.cause().unwrap_or(error.description()).into());
            fail(error, request.method())
        });
        let (status, duration) = (answer.status(), started.elapsed());
        self.metrics.answered(status, duration);
        request_span::answered(&span, status, record.cause.as_deref());
        // Only the path: an authority may contain credentials.
        let (method, path) = (request.method().as_str(), request.uri().path());
        let traced = span.trace_id();
        let trace_id = traced.as_deref().or_else(|| trace_id(request.headers()));
        if status.is_server_error() {
            tracing::error!(
                method,
                path,
                status = status.as_u16(),
                trace_id,
                reason = record.cause,
                "request failed"
            );
        }
        tracing::info!(
            method,
            path,
            status = status.as_u16(),
            microseconds = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX),
            peer = request.extensions().get().map(|Peer(address)| field::display(address)),
            user = record.user,
            trace_id,
            reason = record.cause.filter(|_| !status.is_server_error()),
            "request"
        );
        answer
    }

    async fn call(
        &self,
        request: &hyper::Request<Incoming>,
        record: &mut Record,
    ) -> Result<Answer, ErrorResponse> {
        let header_bytes = header_bytes(request.headers());
        if header_bytes > self.header_bytes {
            return Err(error::headers_too_long());
        }
        let reserved = self.in_flight.reserve(request_bytes(request, header_bytes));
        let _request = reserved.ok_or_else(error::too_much_in_flight)?;
        let headers = header_fields::borrowed(request.headers());
        let subject = request.extensions().get().map(|Subject(subject)| &**subject);
        let caller = self.caller(&headers, subject, record).await?;
        let page = self.page.as_ref();
        if let Some(file) = page.and_then(|page| page.find(request.uri().path())) {
            let answer = file.answer(request.method(), &headers, &caller);
            return answer.map_err(|error| self.failed(&not_http(&error), record));
        }
        let request = Request {
            method: request.method().as_str().to_owned(),
            target: target(request),
            // The caller is known, so the credentials stay here.
            headers: header_fields::of_request(request.headers()),
            caller: caller.into(),
        };
        let response = in_time(self.request_timeout, self.answering.handle(request)).await;
        let response = response.map_err(|error| self.failed(&error, record))?;
        record.cause = response.cause;
        let body = self.in_flight.body(response.body).ok_or_else(error::too_much_in_flight)?;
        answer(response.status, response.headers, body)
            .map_err(|error| self.failed(&not_http(&error), record))
    }

    /// Records and counts a call that failed, and returns the error response.
    fn failed(&self, error: &CallError, record: &mut Record) -> ErrorResponse {
        record.cause = Some(error.to_string());
        self.metrics.call_failed(error);
        error.into()
    }

    /// The sender of a request, which is recorded.
    async fn caller(
        &self,
        headers: &[(&str, &[u8])],
        subject: Option<&str>,
        record: &mut Record,
    ) -> Result<Caller, ErrorResponse> {
        let Some(access) = self.access.get() else {
            if !self.told_of_no_policy.swap(true, Ordering::Relaxed) {
                tracing::warn!("there is no access policy: every request is answered with 401");
            }
            return Ok(Caller::Unauthenticated(None));
        };

        let found = timeout(self.request_timeout, access.caller(headers, subject)).await;
        let (caller, user) = found.unwrap_or_else(|_| Err(error::caller_not_found_in_time()))?;
        record.user = user;
        Ok(caller)
    }
}

/// Responds with the document of the API, whoever asks.
fn openapi(request: &hyper::Request<Incoming>) -> Answer {
    let content = content(request.method(), "application/json", rest::OPENAPI);
    let entity_tag = rest::entity_tag(rest::OPENAPI.as_bytes());
    let answer =
        unless_unchanged(content, &header_fields::borrowed(request.headers()), &entity_tag);
    answer.unwrap_or_else(|error| fail((&not_http(&error)).into(), request.method()))
}

/// The error of a call whose response HTTP does not allow.
fn not_http(error: &hyper::http::Error) -> CallError {
    CallError::Host(format!("not an HTTP response: {error}"))
}

/// The trace that the request belongs to: 32 hexadecimal digits in the header field `traceparent`
/// (W3C Trace Context).
fn trace_id(headers: &HeaderMap) -> Option<&str> {
    let id = headers.get("traceparent")?.to_str().ok()?.split('-').nth(1)?;
    (id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(id)
}

/// The target as received. In HTTP/2, scheme and authority are not a part of it.
fn target(request: &hyper::Request<Incoming>) -> String {
    let uri = request.uri();
    match uri.path_and_query() {
        Some(target) if uri.authority().is_none() || request.version() == Version::HTTP_2 => {
            target.as_str().to_owned()
        }
        _ => uri.to_string(),
    }
}

/// The bytes that a request takes until it is answered: at most twice its target and header fields, as received
/// and as far as the API reads them, and what the server needs to keep track of it.
fn request_bytes(request: &hyper::Request<Incoming>, header_bytes: usize) -> usize {
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    (target + header_bytes).saturating_mul(2).saturating_add(STATE_BYTES)
}

/// The bytes that a request takes besides its text: the state of its stream and of its call.
const STATE_BYTES: usize = 16 << 10;

fn header_bytes(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
}
