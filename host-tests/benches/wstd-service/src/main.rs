//! The modules API as it is usually written with wstd and serde: the catalog is part of the
//! component, and is parsed for each request.

#[path = "../../src/structs.rs"]
mod structs;

use structs::Module;
use wstd::http::{Body, Error, Request, Response, StatusCode};

const CATALOG: &str = include_str!("../../../../host/src/stores/demo.json");

#[wstd::http_server]
async fn main(request: Request<Body>) -> Result<Response<Body>, Error> {
    let modules: Vec<Module> = serde_json::from_str(CATALOG)?;
    match request.uri().path().strip_prefix("/v1/modules") {
        Some("") => json(&modules),
        Some(rest) => {
            let uid = rest.strip_prefix('/');
            match modules.iter().find(|module| Some(module.uid.as_str()) == uid) {
                Some(module) => json(module),
                None => not_found(),
            }
        }
        None => not_found(),
    }
}

fn json(value: &impl serde::Serialize) -> Result<Response<Body>, Error> {
    let body = Body::from_json(value)?;
    Ok(Response::builder().header("content-type", "application/json").body(body)?)
}

fn not_found() -> Result<Response<Body>, Error> {
    Ok(Response::builder().status(StatusCode::NOT_FOUND).body(Body::empty())?)
}
