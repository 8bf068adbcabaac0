//! Sends requests to a server by the crate `redis-enterprise`: one JSON object a line in, one
//! result a line out.
//!
//! In: `{"url", "user", "password", "uid"}`; a null `uid` asks for the list. Out: `{"ok": …}`, the
//! crate's value, or `{"error": …}`, the name of the crate's error.

use std::error::Error;
use std::io;

use redis_enterprise::{EnterpriseClient, ModuleHandler, RestError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Question {
    url: String,
    user: String,
    password: String,
    uid: Option<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    for line in io::stdin().lines() {
        let question: Question = serde_json::from_str(&line?)?;
        println!("{}", answer(question).await?);
    }
    Ok(())
}

async fn answer(question: Question) -> Result<Value, RestError> {
    let client = EnterpriseClient::builder()
        .base_url(question.url)
        .username(question.user)
        .password(question.password)
        .insecure(true) // The server's certificate is self-signed.
        .build()?;
    let modules = ModuleHandler::new(client);
    Ok(match question.uid {
        None => outcome(modules.list().await),
        Some(uid) => outcome(modules.get(&uid).await),
    })
}

fn outcome(answer: Result<impl Serialize, RestError>) -> Value {
    match answer {
        Ok(found) => json!({ "ok": found }),
        Err(RestError::NotFound) => json!({ "error": "not_found" }),
        Err(RestError::Unauthorized) => json!({ "error": "unauthorized" }),
        Err(RestError::ApiError { code, message }) => json!({ "error": code, "text": message }),
        Err(error) => json!({ "error": error.to_string() }),
    }
}
