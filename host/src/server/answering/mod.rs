//! How requests are answered.

mod readiness;

use ccs_modules::rest;
use hyper::body::Bytes;

use crate::file_metrics::FileMetrics;
use crate::mirror::StoreMirror;
use crate::stores::StoreMetrics;
use crate::{CallError, Request, Response, Service};

pub(super) use self::readiness::Readiness;

/// How the requests of a server are answered.
#[derive(Clone)]
pub enum Answering {
    /// By a new instance of the plugin for each request, over the store, as an edge runtime does.
    Component(Service),
    /// From memory, by the core compiled natively.
    Mirror(StoreMirror),
}

impl From<Service> for Answering {
    fn from(service: Service) -> Self {
        Self::Component(service)
    }
}

impl From<StoreMirror> for Answering {
    fn from(mirror: StoreMirror) -> Self {
        Self::Mirror(mirror)
    }
}

impl Answering {
    /// Measures the store. Returns its metrics too.
    pub(super) fn measured(self) -> (Self, StoreMetrics) {
        match self {
            Self::Component(service) => {
                let metrics = StoreMetrics::new(FileMetrics::default());
                (service.measured(metrics.clone()).into(), metrics)
            }
            Self::Mirror(mirror) => {
                let metrics = mirror.metrics().clone();
                (mirror.into(), metrics)
            }
        }
    }

    /// Handles one request.
    pub(super) async fn handle(
        &self,
        request: Request,
    ) -> Result<rest::Response<Bytes>, CallError> {
        match self {
            Self::Component(service) => {
                let Response { status, headers, body, cause } = service.handle(&request).await?;
                Ok(rest::Response { status, headers, body: body.into(), cause })
            }
            Self::Mirror(mirror) => mirror.handle(request).await,
        }
    }
}
