//! Snapshots of the standalone component, in wasmtime.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use ccs_modules_host::{Caller, Request};
use wasmtime::component::ResourceAny;

use crate::standalone::Standalone;
use crate::standalone::bindings::exports::ccs::modules::types;
use crate::support::case::{Case, Ready};
use crate::support::outcome::{Error, Outcome};

/// Runs a case on a snapshot in its own instance, and on a snapshot that is asked the calls of all
/// cases with the same documents, in one instance for all of these. Cases whose store is more than
/// a list of texts are left out.
pub async fn run(case: &Case) -> Vec<Outcome> {
    static SHARED: LazyLock<Mutex<Shared>> = LazyLock::new(Mutex::default);

    let Some(documents) = case.documents().and_then(texts) else { return Vec::new() };
    let mut fresh = Standalone::default();
    let made = match fresh.snapshot(&documents) {
        Ok(made) => made,
        Err(error) if case.expects_malformed_list() => {
            return vec![Outcome::Error { error: Error::Malformed(error.message.into()) }];
        }
        Err(_) => return Vec::new(),
    };
    let outcome = call(case, &mut fresh, made);
    let mut shared = SHARED.lock().expect("no case has panicked");
    let Shared { standalone, snapshots } = &mut *shared;
    let kept = *snapshots
        .entry(documents)
        .or_insert_with_key(|documents| standalone.snapshot(documents).expect("sound documents"));
    vec![outcome, call(case, standalone, kept)]
}

/// An instance, and its snapshots by their documents.
#[derive(Default)]
struct Shared {
    standalone: Standalone,
    snapshots: HashMap<Vec<String>, ResourceAny>,
}

/// One call.
fn call(case: &Case, standalone: &mut Standalone, kept: ResourceAny) -> Outcome {
    match case.call() {
        Ready::ListModules { roles } => Outcome::of_list(standalone.list_modules(kept, &roles)),
        Ready::GetModule { roles, uid } => {
            Outcome::of_module(standalone.get_module(kept, &roles, &uid))
        }
        Ready::FindModules { roles, name, version } => {
            Outcome::of_list(standalone.find_modules(kept, &roles, &name, version.as_deref()))
        }
        Ready::LatestModules { roles } => Outcome::of_list(standalone.latest_modules(kept, &roles)),
        Ready::FittingModules { roles, redis_version } => {
            Outcome::of_fitting(standalone.fitting_modules(kept, &roles, &redis_version))
        }
        Ready::Differences { newer } => {
            let newer = standalone.parse(&newer).expect("a sound body");
            Outcome::of_differences(standalone.differences(kept, newer))
        }
        Ready::Handle(request) => {
            let caller = caller(case, standalone, &request);
            let Request { method, target, headers, .. } = request;
            let request = types::Request { method, target, headers, caller };
            let response = standalone.handle(kept, &request);
            Outcome::of_response(response.status, response.headers, response.body)
        }
    }
}

/// Returns the caller. The component reads the policy of a case that has one.
fn caller(case: &Case, standalone: &mut Standalone, request: &Request) -> types::Caller {
    if let Some(policy) = case.access().filter(|policy| !policy.is_null()) {
        let policy = standalone.policy(&policy.to_string()).expect("a policy");
        return standalone.caller(policy, &request.headers);
    }
    match request.caller.clone() {
        Caller::Anonymous(roles) => types::Caller::Anonymous(roles),
        Caller::Authenticated(roles) => types::Caller::Authenticated(roles),
        Caller::Unauthenticated(challenge) => types::Caller::Unauthenticated(challenge),
    }
}

fn texts(documents: Vec<Vec<u8>>) -> Option<Vec<String>> {
    documents.into_iter().map(|document| String::from_utf8(document).ok()).collect()
}
