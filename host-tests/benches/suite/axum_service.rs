//! The twin of `serve`: the modules API as it is usually written with axum and serde, over
//! documents in memory. The documents are parsed and checked for each request, like those of a
//! service that reads them from a store.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use ccs_modules_benches::catalog;
use ccs_modules_benches::structs::Module;
use tokio::net::TcpListener;

use crate::calls::structs_list;
use crate::failure::Outcome;

/// The path that answers the list as finished bytes: nothing is parsed or written for it.
pub const FINISHED: &str = "/finished";

struct Store {
    documents: Vec<Vec<u8>>,
    finished: Bytes,
    by_uid: HashMap<String, usize>,
}

/// Serves until it is killed.
#[tokio::main]
pub async fn serve() -> Outcome<()> {
    let documents = catalog::demo();
    let by_uid = documents.iter().map(|document| catalog::uid(document)).zip(0..).collect();
    let router = Router::new()
        .route("/v1/modules", get(list_modules))
        .route("/v1/modules/{uid}", get(get_module))
        .route(FINISHED, get(finished))
        .with_state(Arc::new(Store {
            finished: structs_list(&documents).into(),
            documents,
            by_uid,
        }));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    println!("serving http://{}/v1/modules", listener.local_addr()?);
    Ok(axum::serve(listener, router).await?)
}

async fn list_modules(State(store): State<Arc<Store>>) -> Result<Json<Vec<Module>>, StatusCode> {
    store.documents.iter().map(|document| parse(document)).collect::<Result<_, _>>().map(Json)
}

async fn finished(State(store): State<Arc<Store>>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], store.finished.clone())
}

async fn get_module(
    State(store): State<Arc<Store>>,
    Path(uid): Path<String>,
) -> Result<Json<Module>, StatusCode> {
    let index = *store.by_uid.get(&uid).ok_or(StatusCode::NOT_FOUND)?;
    parse(&store.documents[index]).map(Json)
}

fn parse(document: &[u8]) -> Result<Module, StatusCode> {
    serde_json::from_slice(document).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
}
