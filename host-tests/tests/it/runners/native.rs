//! The core itself, in this program.

use ccs_modules::{Ask, Limits, Step, StoreError, access, get_module, list_modules, rest};
use ccs_modules_host::{Caller, Ccs, CcsError};

use crate::case::{Case, Ready};
use crate::outcome::Outcome;

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
        Ready::Handle(request) => {
            let request = rest::Request {
                method: &request.method,
                target: &request.target,
                headers: &request.headers,
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
        Caller::Unauthenticated => access::Caller::Unauthenticated,
    }
}

async fn resolve<T>(step: Step<T>, ccs: &impl Ccs) -> T {
    match step {
        Step::Done(outcome) => outcome,
        Step::Ask(Ask::Document(ask)) => {
            let document = ccs.get_document(ask.uid()).await;
            ask.answer(document.map_err(store_error))
        }
        Step::Ask(Ask::Documents(ask)) => {
            ask.answer(ccs.list_documents().await.map_err(store_error))
        }
    }
}

fn store_error(error: CcsError) -> StoreError {
    match error {
        CcsError::Denied(text) => StoreError::Denied(text),
        CcsError::Other(text) => StoreError::Other(text),
        CcsError::Unavailable(text) => StoreError::Unavailable(text),
    }
}
