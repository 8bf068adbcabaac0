//! The core itself, in this program.

use ccs_modules::lookup::{find_modules, fitting_modules, latest_modules};
use ccs_modules::{Ask, Limits, Snapshot, Step, access, get_module, list_modules, rest};
use ccs_modules_host::{Caller, Ccs};

use crate::support::case::{Case, Ready};
use crate::support::outcome::Outcome;

/// Runs a case. Cases whose store stalls are left out, since nothing here has a timeout.
pub async fn run(case: &Case) -> Vec<Outcome> {
    if case.stalls() {
        return Vec::new();
    }
    vec![call(&case.call(), &case.store()).await]
}

/// One call.
pub async fn call(call: &Ready, ccs: &impl Ccs) -> Outcome {
    let limits = Limits::default();
    match call {
        Ready::ListModules { roles } => {
            Outcome::of_list(resolve(list_modules(roles, &limits), ccs).await)
        }
        Ready::GetModule { roles, uid } => {
            Outcome::of_module(resolve(get_module(roles, uid, &limits), ccs).await)
        }
        Ready::FindModules { roles, name, version } => {
            let step = find_modules(roles, name, version.as_deref(), &limits);
            Outcome::of_list(resolve(step, ccs).await)
        }
        Ready::LatestModules { roles } => {
            Outcome::of_list(resolve(latest_modules(roles, &limits), ccs).await)
        }
        Ready::FittingModules { roles, redis_version } => {
            let step = fitting_modules(roles, redis_version, &limits);
            Outcome::of_fitting(resolve(step, ccs).await)
        }
        // No store is asked: two catalogs are compared that are in memory.
        Ready::Differences { newer } => {
            let documents = ccs.list_documents().await.expect("a store that is a list");
            let snapshot = Snapshot::from_documents(&documents, &limits).expect("sound documents");
            let newer = Snapshot::parse(newer.as_bytes(), &limits).expect("a sound body");
            Outcome::of_differences(snapshot.differences(&newer))
        }
        Ready::Handle(request) => {
            let request = rest::Request {
                method: &request.method,
                target: &request.target,
                headers: &rest::header_fields(&request.headers),
                caller: &core_caller(&request.caller),
            };
            let response = resolve(rest::handle(&request, &limits), ccs).await;
            Outcome::of_response(response.status, response.headers, response.body)
        }
    }
}

/// Returns a caller as the core has it.
pub fn core_caller(caller: &Caller) -> access::Caller {
    match caller.clone() {
        Caller::Anonymous(roles) => access::Caller::Anonymous(roles),
        Caller::Authenticated(roles) => access::Caller::Authenticated(roles),
        Caller::Unauthenticated(challenge) => access::Caller::Unauthenticated(challenge),
    }
}

async fn resolve<T>(step: Step<T>, ccs: &impl Ccs) -> T {
    match step {
        Step::Done(outcome) => outcome,
        Step::Ask(Ask::Document(ask)) => {
            let document = ccs.get_document(ask.uid()).await;
            ask.answer(document)
        }
        Step::Ask(Ask::Documents(ask)) => ask.answer(ccs.list_documents().await),
    }
}
