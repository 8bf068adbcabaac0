//! Faults of a Redis: each has an answer that names it, and ends without a restart of the client.

use std::time::Duration;

use ccs_modules_host::stores::Redis;
use ccs_modules_host::{Ccs, CcsError};

use crate::body::{BLOOM, DEMO, catalog};
use crate::server::Server;

#[tokio::test]
async fn a_redis_that_is_away_at_first() {
    let mut server = Server::start();
    server.kill();
    let store = server.store();
    unavailable(&store, "connection refused").await;
    server.restart();
    recovered(&store).await;
}

#[tokio::test]
async fn a_redis_that_goes_away_and_comes_back() {
    let mut server = Server::start();
    let store = server.store();
    store.list_documents().await.unwrap();
    server.kill();
    unavailable(&store, "connection refused").await;
    server.restart();
    recovered(&store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_call_after_redis_is_back_succeeds() {
    let mut server = Server::start();
    let store = server.store();
    for _ in 0..5 {
        server.kill();
        let starting = tokio::task::spawn_blocking(|| server.restarted());
        // Calls fail until the moment in which Redis is back.
        while !starting.is_finished() {
            let _ = store.list_documents().await;
        }
        server = starting.await.unwrap();
        store.list_documents().await.unwrap();
    }
}

#[tokio::test]
async fn a_connection_that_was_lost_meanwhile_is_made_again_unseen() {
    let mut server = Server::start();
    let store = server.store();
    store.list_documents().await.unwrap();
    for _ in 0..3 {
        server.kill();
        server.restart();
        store.list_documents().await.unwrap();
        server.run_command(&["CLIENT", "KILL", "TYPE", "normal"]);
        store.get_document("a").await.unwrap();
    }
}

#[tokio::test]
async fn a_redis_that_falls_silent() {
    let server = Server::start();
    let store = server.store().within(Duration::from_millis(200));
    // The full store still answers clients that wait longer.
    recovered(&store).await;
    server.freeze();
    unavailable(&store, "did not answer within 200 ms").await;
    unavailable(&store, "did not answer within 200 ms").await;
    server.thaw();
    recovered(&store).await;
}

#[tokio::test]
async fn a_wrong_password() {
    let server = Server::start();
    server.store().replace(&catalog(DEMO)).await.unwrap();
    let url = server.url().replace(&server.password, "wrong-secret");
    let store = Redis::new(url.parse().unwrap());
    for _ in 0..2 {
        let text = denied(&store).await;
        assert!(text.contains("does not accept the credentials: check "), "{text}");
        assert!(!text.contains("secret"), "{text}");
    }
    // An operator repairs Redis, and nobody restarts this client.
    server.run_command(&["CONFIG", "SET", "requirepass", "wrong-secret"]);
    recovered(&store).await;
}

#[tokio::test]
async fn no_password() {
    let server = Server::start();
    let store = Redis::new(format!("redis://127.0.0.1:{}", server.port()).parse().unwrap());
    let text = denied(&store).await;
    assert!(text.contains("asks for a password: write it into "), "{text}");
}

#[tokio::test]
async fn a_user_that_may_not() {
    let server = Server::start();
    server.store().replace(&catalog(DEMO)).await.unwrap();
    server.run_command(&["ACL", "SETUSER", "nobody", "on", ">p"]);
    let url = format!("redis://nobody:p@127.0.0.1:{}", server.port());
    let store = Redis::new(url.parse().unwrap());
    let text = denied(&store).await;
    assert!(text.contains("does not let this user"), "{text}");
    server.run_command(&["ACL", "SETUSER", "nobody", "allkeys", "+hvals"]);
    recovered(&store).await;
}

#[tokio::test]
async fn a_key_that_holds_something_else() {
    let server = Server::start();
    let store = server.store();
    server.run_command(&["SET", "ccs:modules", "precious"]);
    for result in [
        store.list_documents().await.map(drop),
        store.get_document("a").await.map(drop),
        store.compare(&catalog(DEMO)).await.map(drop),
        store.replace(&catalog(DEMO)).await.map(drop),
    ] {
        let Err(CcsError::Other(text)) = result else {
            panic!("{result:?}");
        };
        assert!(text.contains("the key ccs:modules of redis at 127.0.0.1:"), "{text}");
        assert!(text.ends_with("does not hold a hash"), "{text}");
    }
    let kept: String =
        redis::from_redis_value(server.run_command(&["GET", "ccs:modules"])).unwrap();
    assert_eq!(kept, "precious");
    server.run_command(&["DEL", "ccs:modules"]);
    recovered(&store).await;
}

#[tokio::test]
async fn one_corrupt_field_among_many() {
    let server = Server::start();
    let store = server.store();
    store.replace(&catalog(DEMO)).await.unwrap();
    for (value, reason) in [
        ("", ""),
        ("tru", ""),
        ("[]", "an array, expected an object"),
        ("{}", "field uid: missing"),
        (r#"{"uid":7}"#, "field uid: a number"),
        (r#"{"uid""#, ""),
    ] {
        server.run_command(&["HSET", "ccs:modules", "broken one", value]);
        let Err(CcsError::Other(text)) = store.list_documents().await else {
            panic!("{value} is listed");
        };
        assert!(text.starts_with("the key ccs:modules, the value of broken one: "), "{text}");
        assert!(text.contains(reason), "{text}");
    }
    assert!(store.get_document(BLOOM).await.unwrap().is_some(), "the others are there");
    server.run_command(&["HDEL", "ccs:modules", "broken one"]);
    recovered(&store).await;
}

#[tokio::test]
async fn a_database_that_there_is_not() {
    let server = Server::start();
    let store = Redis::new(format!("{}/99", server.url()).parse().unwrap());
    let Err(CcsError::Other(text)) = store.list_documents().await else {
        panic!("there are 16 databases");
    };
    assert!(text.ends_with("does not have the database 99"), "{text}");
}

#[tokio::test]
async fn no_memory_to_write_into() {
    let server = Server::start();
    let store = server.store();
    store.replace(&catalog(r#"[{"uid":"a"}]"#)).await.unwrap();
    server.run_command(&["CONFIG", "SET", "maxmemory", "1"]);
    let Err(CcsError::Other(text)) = store.replace(&catalog(DEMO)).await else {
        panic!("there is no memory");
    };
    assert!(text.ends_with("its setting maxmemory is reached"), "{text}");
    assert_eq!(store.list_documents().await.unwrap().len(), 1, "what was there is there");
}

#[tokio::test]
async fn a_replica_is_read_and_not_written_to() {
    let mut primary = Server::start();
    let port = primary.port().to_string();
    let replica = Server::start_with(&[
        "--replicaof",
        "127.0.0.1",
        &port,
        "--masterauth",
        &primary.password,
        "--replica-serve-stale-data",
        "no",
    ]);
    primary.store().replace(&catalog(DEMO)).await.unwrap();
    let store = replica.store();
    // A replica is not ready until it has synchronised.
    while store.list_documents().await.is_ok_and(|documents| documents.len() < 16)
        || matches!(store.list_documents().await, Err(CcsError::Unavailable(_)))
    {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(store.list_documents().await.unwrap().len(), 16);
    let Err(CcsError::Other(text)) = store.replace(&catalog(DEMO)).await else {
        panic!("a replica is read-only");
    };
    assert!(text.ends_with("is a read-only replica"), "{text}");

    primary.kill();
    while store.list_documents().await.is_ok() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    unavailable(&store, "is not ready: MASTERDOWN").await;
}

#[tokio::test]
async fn no_connection_to_spare() {
    let server = Server::start();
    server.store().replace(&catalog(DEMO)).await.unwrap();
    let mut connection = server.connection();
    let set = |limit: &str, connection: &mut redis::Connection| {
        redis::cmd("CONFIG").arg(&["SET", "maxclients", limit]).exec(connection).unwrap();
    };
    set("1", &mut connection);
    let store = server.store();
    assert!(matches!(
        store.list_documents().await,
        // Redis refuses the connection, and the password with it.
        Err(CcsError::Unavailable(_) | CcsError::Denied(_))
    ));
    set("100", &mut connection);
    recovered(&store).await;
}

async fn unavailable(store: &Redis, reason: &str) {
    let result = store.list_documents().await;
    let Err(CcsError::Unavailable(text)) = result else {
        panic!("{result:?}");
    };
    assert!(text.starts_with("redis at 127.0.0.1:"), "{text}");
    assert!(text.ends_with(reason), "{text}");
}

async fn denied(store: &Redis) -> String {
    match store.list_documents().await {
        Err(CcsError::Denied(text)) => text,
        other => panic!("{other:?}"),
    }
}

/// Waits until the same store answers again.
async fn recovered(store: &Redis) {
    let answers = async {
        while store.list_documents().await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), answers).await.expect("it stays away");
}
