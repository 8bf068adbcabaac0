//! The component and the native core: they give the same answer to every store and caller, and the
//! component never traps.

use ccs_modules_host::stores::{Documents, Scripted};
use ccs_modules_host::{Caller, Request};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use tokio::runtime::{Builder, Runtime};

use crate::runners::{native, plugin};
use crate::support::case::Ready;

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..Default::default() })]

    #[test]
    fn for_any_bytes_in_the_store(documents in vec(vec(any::<u8>(), 0..64), 0..4), call in calls()) {
        same(&call, &lying(documents))?;
    }

    #[test]
    fn for_any_json_in_the_store(documents in vec(json_object(), 0..4), call in calls()) {
        same(&call, &lying(documents))?;
    }

    #[test]
    fn for_broken_documents_in_the_store(documents in vec(broken_document(), 1..4), call in calls()) {
        same(&call, &lying(documents))?;
    }

    #[test]
    fn for_any_request(request in requests()) {
        let documents = documents("8.x.json");
        same(&Ready::Handle(request), &Scripted::documents(documents))?;
    }
}

/// Checks that both give the same outcome, and the component twice.
fn same(call: &Ready, store: &Scripted) -> Result<(), TestCaseError> {
    let (native, first, second) = runtime().block_on(async {
        let mut instance = plugin::loaded().service(store.clone()).instance();
        (
            native::call(call, store).await,
            plugin::call(call, &mut instance).await,
            plugin::call(call, &mut instance).await,
        )
    });
    prop_assert_eq!(&native, &first);
    prop_assert_eq!(&native, &second);
    Ok(())
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().build().unwrap()
}

/// A store that answers with its first document for every uid.
fn lying(documents: Vec<Vec<u8>>) -> Scripted {
    let first = documents.first().cloned();
    Scripted::Answers {
        by_uid: first.into_iter().map(|document| (UID.to_owned(), document)).collect(),
        documents,
    }
}

/// The uid of every generated document.
const UID: &str = "1";

fn calls() -> impl Strategy<Value = Ready> {
    let roles = || vec!["admin".to_owned()];
    let get = |target: &str| {
        Ready::Handle(Request {
            method: "GET".into(),
            target: target.into(),
            headers: Vec::new(),
            caller: Caller::Authenticated(vec!["admin".into()]),
        })
    };
    (0..7_usize).prop_map(move |kind| match kind {
        0 => Ready::ListModules { roles: roles() },
        1 => Ready::GetModule { roles: roles(), uid: UID.into() },
        2 => Ready::FindModules { roles: roles(), name: "bf".into(), version: None },
        3 => Ready::LatestModules { roles: roles() },
        4 => Ready::FittingModules { roles: roles(), redis_version: "7.4".into() },
        5 => get("/v1/modules?module_name=bf"),
        _ => get("/v1/modules/1"),
    })
}

/// An object of any JSON, under documented names and others.
fn json_object() -> impl Strategy<Value = Vec<u8>> {
    let scalar = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        any::<f64>().prop_map(|value| format!("{value:e}").replace("NaN", "0").replace("inf", "0")),
        any::<u64>().prop_map(|value| value.to_string()),
        any::<u32>().prop_map(|value| format!("{value}.0")),
        any::<String>().prop_map(|value| serde_json::to_string(&value).unwrap()),
        Just(r#""1""#.to_owned()),
    ];
    let value = scalar.prop_recursive(3, 16, 4, |value| {
        prop_oneof![
            vec(value.clone(), 0..4).prop_map(|values| format!("[{}]", values.join(", "))),
            btree_map(".{0,3}", value, 0..4).prop_map(|members| object(members.into_iter())),
        ]
    });
    let name = select(vec![
        "uid",
        "version",
        "capabilities",
        "is_bundled",
        "platforms",
        "crdb",
        "dependencies",
        "module_name",
        "semantic_version",
        "own",
        "",
    ]);
    (vec((name, value), 0..6), any::<bool>()).prop_map(|(members, with_uid)| {
        let uid = with_uid.then(|| ("uid".to_owned(), r#""1""#.to_owned()));
        let members = members.into_iter().map(|(name, value)| (name.to_owned(), value));
        object(uid.into_iter().chain(members)).into_bytes()
    })
}

fn object(members: impl Iterator<Item = (String, String)>) -> String {
    let members =
        members.map(|(name, value)| format!("{}: {value}", serde_json::to_string(&name).unwrap()));
    format!("{{{}}}", members.collect::<Vec<_>>().join(" ,"))
}

/// A server's document with some damage.
fn broken_document() -> impl Strategy<Value = Vec<u8>> {
    let sound: Vec<_> =
        ["7.2.json", "7.22.json", "8.x.json"].into_iter().flat_map(documents).collect();
    let damage = (any::<Index>(), any::<Index>(), vec(interesting_byte(), 0..4), 0..5_u8);
    (select(sound), vec(damage, 0..3)).prop_map(|(mut document, damages)| {
        for (from, to, bytes, kind) in damages {
            let (from, to) = (from.index(document.len() + 1), to.index(document.len() + 1));
            let range = from.min(to)..from.max(to);
            match kind {
                0 => drop(document.splice(from..from, bytes)),
                1 => drop(document.splice(range, bytes)),
                2 => document.extend_from_within(range),
                3 => document.truncate(from),
                _ => document.get_mut(range).unwrap().reverse(),
            }
        }
        document
    })
}

fn interesting_byte() -> impl Strategy<Value = u8> {
    prop_oneof![select(br#"{}[],:"\ 0123456789.-+eEtrufalsn"#.to_vec()), any::<u8>(),]
}

fn requests() -> impl Strategy<Value = Request> {
    let method = prop_oneof![
        select(vec!["GET", "HEAD", "OPTIONS", "POST", "get", ""]).prop_map(str::to_owned),
        any::<String>(),
    ];
    let target = prop_oneof![
        "/v1/modules(/[a-f0-9%/]{0,8})?([?][a-z_=&%0-9]{0,16})?",
        any::<String>(),
        any::<String>().prop_map(|tail| format!("/v1/modules/{tail}")),
        any::<String>().prop_map(|tail| format!("/v1/modules?{tail}")),
        select(vec!["version=80001", "module_name=BF", "semantic_version=8.0.1&x=%"])
            .prop_map(|query| format!("http://host:1/v1/modules?{query}")),
    ];
    let name = prop_oneof![
        select(vec!["accept", "Accept", "if-none-match", "content-type"]).prop_map(str::to_owned),
        any::<String>(),
    ];
    let value = prop_oneof![
        select(vec![
            "*",
            "*/*",
            "application/json;q=0",
            "text/*, application/*;q=0.1",
            "W/\"a,b\""
        ])
        .prop_map(|value| value.as_bytes().to_vec()),
        vec(any::<u8>(), 0..32),
    ];
    let role = select(vec!["admin", "none", "db_viewer", "", "Admin"]).prop_map(str::to_owned);
    let roles = vec(role, 0..3);
    let caller = prop_oneof![
        1 => Just(Caller::Unauthenticated(None)),
        1 => roles.clone().prop_map(Caller::Anonymous),
        2 => roles.prop_map(Caller::Authenticated),
    ];
    let value = value.prop_map(|value| String::from_utf8_lossy(&value).into_owned());
    (method, target, vec((name, value), 0..4), caller)
        .prop_map(|(method, target, headers, caller)| Request { method, target, headers, caller })
}

/// The documents in a server's body.
fn documents(body: &str) -> Vec<Vec<u8>> {
    let path = crate::support::text::folder().join("bodies").join(body);
    Documents::parse(&std::fs::read(path).unwrap()).unwrap().into_documents()
}
