//! Any bytes as the certificate of a client: its subject is one that a policy can have, and that finds its roles there.

use ccs_modules::access::{Access, Caller};

use crate::distinguished_name;

pub fn run(input: &[u8]) {
    let Some(subject) = distinguished_name::subject(input) else { return };
    assert!(subject.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{subject}");
    // A certificate may have no subject.
    if subject.is_empty() {
        return;
    }

    let policy = serde_json::json!({"subjects": {&subject: ["db_viewer"]}}).to_string();
    let Ok(Access::Policy(policy)) = Access::parse(policy.as_bytes()) else {
        panic!("no policy can have {subject}")
    };
    let found = policy.caller_and_user(&[], Some(&subject));
    assert_eq!(found, (Caller::Authenticated(vec!["db_viewer".into()]), Some(&*subject)));
}
