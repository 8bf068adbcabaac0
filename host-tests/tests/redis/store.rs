//! Reading from a Redis, and writing into it.

use ccs_modules_host::stores::{Changes, Redis};
use ccs_modules_host::{Ccs, CcsError};

use crate::body::{BLOOM, BODIES, DEMO, catalog, documents, sorted};
use crate::server::Server;

#[tokio::test]
async fn a_hash_is_read() {
    let server = Server::start();
    let store = server.store();
    let old = r#"{"module_name":"m","uid":"a","version":1}"#;
    let new = r#"{ "version": 2, "uid": "b", "module_name": "m" }"#;
    server.run_command(&["HSET", "ccs:modules", "a", old, "b", new]);
    assert_eq!(
        store.list_documents().await.unwrap(),
        [new.as_bytes(), old.as_bytes()],
        "as stored, the newest first"
    );
    assert_eq!(store.get_document("a").await.unwrap().unwrap(), old.as_bytes());
    assert_eq!(store.get_document("A").await.unwrap(), None);
}

#[tokio::test]
async fn a_missing_key_is_unavailable_and_named() {
    let server = Server::start();
    let store = Redis::new(format!("{}/3?key=modules", server.url()).parse().unwrap());
    let text = format!(
        "the key modules is missing in database 3 of redis at 127.0.0.1:{}: load a catalog into it, or \
         add missing=empty to the address of the store",
        server.port()
    );
    assert_eq!(store.list_documents().await, Err(CcsError::Unavailable(text.clone())));
    assert_eq!(store.get_document("a").await, Err(CcsError::Unavailable(text)));

    let empty =
        Redis::new(format!("{}/3?key=modules&missing=empty", server.url()).parse().unwrap());
    assert_eq!(empty.list_documents().await, Ok(vec![]));
    assert_eq!(empty.get_document("a").await, Ok(None));

    store.replace(&catalog(r#"[{"uid":"b"}]"#)).await.unwrap();
    assert_eq!(store.list_documents().await.unwrap().len(), 1);
    assert_eq!(store.get_document("a").await, Ok(None), "the key exists, the module does not");
}

#[tokio::test]
async fn any_uid_may_be_asked_for() {
    let server = Server::start();
    let store = server.store();
    server.run_command(&["HSET", "ccs:modules", "a", "{}"]);
    for uid in ["ccs:modules", "a b", "a\r\nb", "*", "\0", "é", "\u{10ffff}", "HVALS"] {
        assert_eq!(store.get_document(uid).await.unwrap(), None, "{uid:?}");
        server.run_command(&["HSET", "ccs:modules", uid, "{}"]);
        assert_eq!(store.get_document(uid).await.unwrap().unwrap(), b"{}", "{uid:?}");
    }
}

#[tokio::test]
async fn what_is_loaded_is_listed() {
    let server = Server::start();
    let store = server.store();
    for body in BODIES {
        store.replace(&catalog(body)).await.unwrap();
        let listed = store.list_documents().await.unwrap();
        let joined = ccs_modules::body::join(&listed);
        assert_eq!(String::from_utf8(joined).unwrap(), sorted(body).await);
    }
}

#[tokio::test]
async fn replace_returns_the_changes() {
    let server = Server::start();
    let store = server.store();
    let first = r#"[{"uid":"a"},{"uid":"b","x":1},{"uid":"c"}]"#;
    let second = r#"[{"uid":"b","x":2},{"uid":"c"},{"uid":"d"},{"uid":"e"}]"#;

    let changes = store.replace(&catalog(first)).await.unwrap();
    assert_eq!(changes, Changes { added: 3, ..Changes::default() });

    let expected = Changes { added: 2, changed: 1, removed: 1, unchanged: 1 };
    assert_eq!(store.compare(&catalog(second)).await.unwrap(), expected);
    assert_eq!(store.list_documents().await.unwrap(), documents(first).await, "only compared");
    assert_eq!(store.replace(&catalog(second)).await.unwrap(), expected);
    assert_eq!(store.list_documents().await.unwrap(), documents(second).await);

    let store = store.allow_empty();
    let changes = store.replace(&catalog("[]")).await.unwrap();
    assert_eq!(changes, Changes { removed: 4, ..Changes::default() });
    assert_eq!(store.list_documents().await.unwrap().len(), 0);
}

#[tokio::test]
async fn an_empty_catalog_replaces_no_other_unless_it_is_allowed() {
    let server = Server::start();
    let store = server.store();
    let empty = catalog("[]");
    assert_eq!(store.replace(&empty).await.unwrap(), Changes::default(), "nothing is lost");

    store.replace(&catalog(DEMO)).await.unwrap();
    let text = "the new catalog is empty, and the key ccs:modules holds 16 modules; --allow-empty \
                removes them";
    for refused in [store.compare(&empty).await, store.replace(&empty).await] {
        assert_eq!(refused, Err(CcsError::Other(text.into())));
    }
    assert_eq!(store.list_documents().await.unwrap().len(), 16);
}

#[tokio::test]
async fn database_and_key_are_the_address_s() {
    let server = Server::start();
    let at = |rest: &str| Redis::new(format!("{}{rest}", server.url()).parse().unwrap());
    let stores = [at(""), at("?key=other"), at("/1"), at("/1?key=a%20%26%20b")];
    for (index, store) in stores.iter().enumerate() {
        let body = format!(r#"[{{"uid":"{index}"}}]"#);
        store.replace(&catalog(&body)).await.unwrap();
    }
    for (index, store) in stores.iter().enumerate() {
        assert_eq!(store.list_documents().await.unwrap().len(), 1);
        assert!(store.get_document(&index.to_string()).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn a_user_may_be_named() {
    let server = Server::start();
    server.store().replace(&catalog(DEMO)).await.unwrap();
    // All permissions that reading needs.
    let rule = "ACL SETUSER reader on >p@ss/word ~ccs:modules +hvals +hget +exists";
    server.run_command(&rule.split(' ').collect::<Vec<_>>());
    let url = format!("redis://reader:p%40ss%2Fword@127.0.0.1:{}", server.port());
    let store = Redis::new(url.parse().unwrap());
    assert_eq!(store.list_documents().await.unwrap().len(), 16);
    assert!(store.get_document(BLOOM).await.unwrap().is_some());
    assert!(store.get_document("unknown").await.unwrap().is_none());

    let Err(CcsError::Denied(text)) = store.replace(&catalog(DEMO)).await else {
        panic!("a reader cannot write");
    };
    assert!(text.contains("does not let this user"), "{text}");
    assert_eq!(store.list_documents().await.unwrap().len(), 16);

    // All permissions that writing needs.
    let rule = "ACL SETUSER writer on >w ~ccs:modules +watch +hgetall +multi +exec +del +hset";
    server.run_command(&rule.split(' ').collect::<Vec<_>>());
    let url = format!("redis://writer:w@127.0.0.1:{}", server.port());
    let store = Redis::new(url.parse().unwrap()).allow_empty();
    assert_eq!(store.replace(&catalog("[]")).await.unwrap().removed, 16);
}

#[tokio::test]
async fn readers_see_all_of_the_old_or_all_of_the_new() {
    let server = Server::start();
    let (old, new) = (catalog(BODIES[0]), catalog(BODIES[2]));
    let counts = [old.len(), new.len()];
    assert_ne!(counts[0], counts[1]);
    let (reader, writer) = (server.store(), server.store());
    writer.replace(&old).await.unwrap();
    let write = async {
        for _ in 0..50 {
            writer.replace(&new).await.unwrap();
            writer.replace(&old).await.unwrap();
        }
    };
    let read = async {
        loop {
            let count = reader.list_documents().await.unwrap().len();
            assert!(counts.contains(&count), "{count} documents");
        }
    };
    tokio::select! {
        () = write => {}
        () = read => {}
    }
}

#[tokio::test]
async fn writers_at_the_same_time_come_one_after_the_other() {
    let server = Server::start();
    let bodies: Vec<_> = (0..4).map(|n| format!(r#"[{{"uid":"{n}"}}]"#)).collect();
    let catalogs: Vec<_> = bodies.iter().map(|body| catalog(body)).collect();
    let stores: Vec<_> = bodies.iter().map(|_| server.store()).collect();
    let write = async |n: usize| {
        for _ in 0..20 {
            match stores[n].replace(&catalogs[n]).await {
                // One of the two writers replaced the catalog of the other.
                Ok(changes) => assert!(changes.removed + changes.unchanged <= 1, "{changes}"),
                Err(CcsError::Unavailable(text)) => {
                    assert!(text.contains("keep writing to"), "{text}")
                }
                Err(error) => panic!("{error}"),
            }
        }
    };
    tokio::join!(write(0), write(1), write(2), write(3));
    assert_eq!(stores[0].list_documents().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_large_catalog_fits() {
    let server = Server::start();
    let store = server.store().within(std::time::Duration::from_secs(60));
    let filler = "x".repeat(1000);
    let documents: Vec<_> = (0..20_000)
        .map(|n| format!(r#"{{"description":"{filler}","module_name":"m","uid":"{n}"}}"#))
        .collect();
    let body = format!("[{}]", documents.join(","));
    assert_eq!(store.replace(&catalog(&body)).await.unwrap().added, 20_000);
    assert_eq!(store.list_documents().await.unwrap().len(), 20_000);
}
