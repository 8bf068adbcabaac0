//! One request to a node, and its response.

use std::time::Duration;

use ccs_modules::upstream::{Request, Response};
use http_body_util::Full;
use hyper::body::Bytes;
use opentelemetry::KeyValue;
use opentelemetry::trace::{SpanBuilder, SpanKind};
use opentelemetry_semantic_conventions::attribute::{
    HTTP_REQUEST_METHOD, HTTP_RESPONSE_STATUS_CODE, SERVER_ADDRESS, SERVER_PORT, URL_FULL,
};

use crate::net::{HttpClient, NetError, header_fields};
use crate::traces::Span;

/// Sends a request, and reads the whole response within the timeout. If the caller has a span, the request
/// has one too, and the node gets its id.
///
/// # Errors
///
/// The reason, without the node and without credentials.
pub(super) async fn exchange(
    client: &HttpClient,
    request: &Request,
    timeout: Duration,
) -> Result<Response, NetError> {
    let mut head = head(request)?;

    let span = Span::child(|| span(request, head.uri()));
    span.inject(head.headers_mut());
    let response = span.run(client.send(head, request.body_bytes, timeout)).await;
    match &response {
        Ok(response) => {
            let status = response.status();
            span.set(HTTP_RESPONSE_STATUS_CODE, i64::from(status.as_u16()));
            if status.is_client_error() || status.is_server_error() {
                span.fail(status.as_str().to_owned(), "");
            }
        }
        Err(error) => span.fail("no_response", error.to_string()),
    }

    response.map(|response| {
        let (head, body) = response.into_parts();
        let headers = header_fields::owned(&head.headers);
        Response { status: head.status.as_u16(), headers, body }
    })
}

/// The request as hyper sends it.
fn head(request: &Request) -> Result<hyper::Request<Full<Bytes>>, NetError> {
    let mut head = hyper::Request::get(request.url());
    for (name, value) in &request.headers {
        head = head.header(name, value);
    }
    // hyper's message could show a header field.
    head.body(Full::default()).map_err(|_| NetError::new("the request cannot be sent over HTTP"))
}

/// The span of a request, with the attributes of OpenTelemetry's conventions for HTTP clients.
fn span(request: &Request, uri: &hyper::Uri) -> SpanBuilder {
    let default_port = if uri.scheme_str() == Some("https") { 443 } else { 80 };
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    SpanBuilder::from_name("GET").with_kind(SpanKind::Client).with_attributes([
        KeyValue::new(HTTP_REQUEST_METHOD, "GET"),
        KeyValue::new(URL_FULL, request.url()),
        KeyValue::new(SERVER_ADDRESS, host),
        KeyValue::new(SERVER_PORT, i64::from(uri.port_u16().unwrap_or(default_port))),
    ])
}
