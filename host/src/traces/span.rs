//! Spans.

use std::borrow::Cow;

use hyper::HeaderMap;
use opentelemetry::context::FutureExt as _;
use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::{SpanBuilder, Status, TraceContextExt as _, Tracer as _};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_http::{HeaderExtractor, HeaderInjector};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_semantic_conventions::attribute::ERROR_TYPE;

use crate::traces::Traces;

/// A span of a trace, or nothing if there are no traces. It ends when it is dropped.
pub(crate) struct Span(
    /// The span and the traces that it belongs to. The work within the span has this context.
    Option<Context>,
);

impl Span {
    /// Begins a trace.
    pub(crate) fn root(traces: Option<&Traces>, span: impl FnOnce() -> SpanBuilder) -> Self {
        Self(traces.and_then(|traces| begin(traces.context(), span)))
    }

    /// Begins a span in the trace that the header fields of a request name (W3C Trace Context), or a
    /// trace.
    pub(crate) fn of_request(
        traces: Option<&Traces>,
        headers: &HeaderMap,
        span: impl FnOnce() -> SpanBuilder,
    ) -> Self {
        Self(traces.and_then(|traces| {
            let parent = TraceContextPropagator::new()
                .extract_with_context(&traces.context(), &HeaderExtractor(headers));
            begin(parent, span)
        }))
    }

    /// Begins a span within the current one. Without a current span, it begins no span.
    pub(crate) fn child(span: impl FnOnce() -> SpanBuilder) -> Self {
        let parent =
            Context::map_current(|current| current.get::<Traces>().map(|_| current.clone()));
        Self(parent.and_then(|parent| begin(parent, span)))
    }

    /// Runs this work within the span.
    pub(crate) async fn run<T>(&self, work: impl Future<Output = T>) -> T {
        match &self.0 {
            None => work.await,
            Some(context) => work.with_context(context.clone()).await,
        }
    }

    /// Names the span in the header fields of a request that is sent within it.
    pub(crate) fn inject(&self, headers: &mut HeaderMap) {
        if let Some(context) = &self.0 {
            TraceContextPropagator::new().inject_context(context, &mut HeaderInjector(headers));
            if headers.get(TRACESTATE).is_some_and(|state| state.is_empty()) {
                headers.remove(TRACESTATE);
            }
        }
    }

    /// The trace that the span belongs to, 32 hexadecimal digits.
    pub(crate) fn trace_id(&self) -> Option<String> {
        self.0.as_ref().map(|context| context.span().span_context().trace_id().to_string())
    }

    /// Adds an attribute.
    pub(crate) fn set(&self, name: &'static str, value: impl Into<Value>) {
        if let Some(context) = &self.0 {
            context.span().set_attribute(KeyValue::new(name, value));
        }
    }

    /// Marks the span as failed: the kind of the failure, and its text if that adds something.
    pub(crate) fn fail(&self, kind: impl Into<Value>, why: impl Into<Cow<'static, str>>) {
        if let Some(context) = &self.0 {
            context.span().set_attribute(KeyValue::new(ERROR_TYPE, kind));
            context.span().set_status(Status::error(why));
        }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        if let Some(context) = &self.0 {
            context.span().end();
        }
    }
}

const TRACESTATE: &str = "tracestate";

impl Traces {
    /// The context of work that belongs to these traces.
    fn context(&self) -> Context {
        Context::new().with_value(self.clone())
    }
}

/// Begins a span within a context, if that belongs to traces.
fn begin(parent: Context, span: impl FnOnce() -> SpanBuilder) -> Option<Context> {
    let span = parent.get::<Traces>()?.tracer.build_with_context(span(), &parent);
    Some(parent.with_span(span))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn without_traces_no_span_is_made() {
        fn made() -> SpanBuilder {
            panic!("a span is made")
        }
        let spans = [
            Span::root(None, made),
            Span::of_request(None, &HeaderMap::new(), made),
            Span::child(made),
        ];
        for span in spans {
            let work = async { Context::map_current(|current| current.get::<Traces>().is_none()) };
            assert!(span.run(work).await);
            let mut headers = HeaderMap::new();
            span.inject(&mut headers);
            assert!(headers.is_empty() && span.trace_id().is_none());
        }
    }
}
