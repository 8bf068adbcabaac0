//! The span of a request, with the attributes of OpenTelemetry's conventions for HTTP servers.

use ccs_modules::rest::route;
use hyper::body::Incoming;
use hyper::{Method, Request, StatusCode, Version};
use opentelemetry::KeyValue;
use opentelemetry::trace::{SpanBuilder, SpanKind};
use opentelemetry_semantic_conventions::attribute::{
    CLIENT_ADDRESS, HTTP_REQUEST_METHOD, HTTP_REQUEST_METHOD_ORIGINAL, HTTP_RESPONSE_STATUS_CODE,
    HTTP_ROUTE, NETWORK_PROTOCOL_VERSION, URL_PATH, URL_SCHEME,
};

use crate::server::connections::Peer;
use crate::traces::{Span, Traces};

/// Begins the span of a request. It has the path and no query, which could contain a secret.
pub(super) fn begin(
    traces: Option<&Traces>,
    scheme: &'static str,
    request: &Request<Incoming>,
) -> Span {
    Span::of_request(traces, request.headers(), || {
        let path = request.uri().path();
        let (method, route) = (known(request.method()), route(path));

        let mut attributes = vec![
            KeyValue::new(HTTP_REQUEST_METHOD, method.unwrap_or("_OTHER").to_owned()),
            KeyValue::new(URL_PATH, path.to_owned()),
            KeyValue::new(URL_SCHEME, scheme),
            KeyValue::new(NETWORK_PROTOCOL_VERSION, version(request.version())),
        ];
        if method.is_none() {
            let method = request.method().as_str().to_owned();
            attributes.push(KeyValue::new(HTTP_REQUEST_METHOD_ORIGINAL, method));
        }
        if let Some(Peer(address)) = request.extensions().get() {
            attributes.push(KeyValue::new(CLIENT_ADDRESS, address.ip().to_string()));
        }
        attributes.extend(route.map(|route| KeyValue::new(HTTP_ROUTE, route)));

        let name = [method.unwrap_or("HTTP"), route.unwrap_or_default()].join(" ");
        SpanBuilder::from_name(name.trim_end().to_owned())
            .with_kind(SpanKind::Server)
            .with_attributes(attributes)
    })
}

/// Adds the status, and of a 5xx the cause.
pub(super) fn answered(span: &Span, status: StatusCode, cause: Option<&str>) {
    span.set(HTTP_RESPONSE_STATUS_CODE, i64::from(status.as_u16()));
    if status.is_server_error() {
        span.fail(status.as_str().to_owned(), cause.unwrap_or_default().to_owned());
    }
}

/// The method, if the conventions know it. A client could send very many other names.
fn known(method: &Method) -> Option<&str> {
    const KNOWN: [Method; 9] = [
        Method::CONNECT,
        Method::DELETE,
        Method::GET,
        Method::HEAD,
        Method::OPTIONS,
        Method::PATCH,
        Method::POST,
        Method::PUT,
        Method::TRACE,
    ];
    KNOWN.contains(method).then(|| method.as_str())
}

fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2",
        _ => "1.1",
    }
}
