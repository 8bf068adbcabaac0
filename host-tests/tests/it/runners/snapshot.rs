//! Snapshots of the core, in this program.

use ccs_modules::lookup::{find_modules, fitting_modules, latest_modules};
use ccs_modules::{Error, Limits, Snapshot, get_module, list_modules, rest};

use crate::runners::native::core_caller;
use crate::support::case::{Case, Ready};
use crate::support::outcome::Outcome;

/// Runs a case on a snapshot of its documents, and on the image of that snapshot. Cases whose store
/// is more than a list of documents are left out.
pub async fn run(case: &Case) -> Vec<Outcome> {
    let Some(documents) = case.documents() else { return Vec::new() };
    let call = case.call();
    match Snapshot::from_documents(&documents, &Limits::default()) {
        Ok(snapshot) => {
            let image = Snapshot::from_image(snapshot.image()).expect("the image of a snapshot");
            vec![self::call(&call, &snapshot), self::call(&call, &image)]
        }
        Err(error) if case.expects_malformed_list() => {
            vec![Outcome::of_list::<ccs_modules::Module, _>(Err(Error::Malformed(error.malformed)))]
        }
        Err(_) => Vec::new(),
    }
}

/// One call.
fn call<B: AsRef<[u8]>>(call: &Ready, snapshot: &Snapshot<B>) -> Outcome {
    let limits = Limits::default();
    match call {
        Ready::ListModules { roles } => {
            Outcome::of_list(snapshot.answer(list_modules(roles, &limits)))
        }
        Ready::GetModule { roles, uid } => {
            Outcome::of_module(snapshot.answer(get_module(roles, uid, &limits)))
        }
        Ready::FindModules { roles, name, version } => Outcome::of_list(
            snapshot.answer(find_modules(roles, name, version.as_deref(), &limits)),
        ),
        Ready::LatestModules { roles } => {
            Outcome::of_list(snapshot.answer(latest_modules(roles, &limits)))
        }
        Ready::FittingModules { roles, redis_version } => {
            let step = fitting_modules(roles, redis_version, &limits);
            Outcome::of_fitting(snapshot.answer(step))
        }
        Ready::Differences { newer } => {
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
            let response = snapshot.handle(&request, &limits).into_owned();
            Outcome::of_response(response.status, response.headers, response.body)
        }
    }
}
