//! A cluster as a store that is asked for each call.

use std::fs;
use std::time::Duration;

use ccs_modules::upstream::Credentials;
use ccs_modules_host::stores::{Cluster, File, Redis, read_credentials};
use ccs_modules_host::{Ccs, CcsError};
use tempfile::TempDir;
use tokio::time::timeout;

use crate::cluster::certificates::{Authority, self_signed};
use crate::cluster::upstream::{Answer, Upstream};

const LIST: &str = "[{\"uid\":\"a\"},{\"uid\":\"b\"}]\n";

#[tokio::test]
async fn a_list_and_a_module_are_fetched() {
    let node = Upstream::start(Answer::Tagged { body: LIST.into(), tag: "1" }).await;
    let store = store(&[&node]);
    let expected = [br#"{"uid":"a"}"#, br#"{"uid":"b"}"#];
    assert_eq!(store.list_documents().await.unwrap(), expected);
    // A uid never changes the path of a request, so this one is looked up in the list.
    assert_eq!(store.get_document("..").await.unwrap(), None);

    node.answer(Answer::list("{\"uid\":\"a/b\"}\n"));
    let document = store.get_document("a/b").await.unwrap().unwrap();
    assert_eq!(document, br#"{"uid":"a/b"}"#);
    node.answer(Answer::with(404, "", r#"{"error_code":"module_not_exist"}"#));
    assert_eq!(store.get_document("c").await.unwrap(), None);

    let heads = node.heads();
    let targets: Vec<_> = heads.iter().map(|head| head.split(' ').nth(1).unwrap()).collect();
    assert_eq!(targets, ["/v1/modules", "/v1/modules", "/v1/modules/a%2Fb", "/v1/modules/c"]);
    for head in heads {
        assert!(head.contains(&format!("\r\nhost: {}\r\n", node.address)), "{head}");
        assert!(head.contains("\r\naccept: application/json\r\n"), "{head}");
        assert!(head.contains("\r\nauthorization: Basic YW5uOnMzY3JldA==\r\n"), "{head}");
    }
}

#[tokio::test]
async fn a_failure_names_the_node_and_the_reason() {
    let mut node = Upstream::start(Answer::Silence).await;
    let foreign = Upstream::start(Answer::list(LIST)).await;
    let store = store(&[&node]).at_most(1 << 20);
    for (answer, reason) in [
        (Answer::status(500), "answered 500"),
        (Answer::status(304), "answered 304"),
        (Answer::with(200, "content-type: text/html\r\n", "<html>"), "line 1, column 1: "),
        (Answer::list("[{\"uid\":"), "line 1, column 8: unexpected end"),
        (Answer::list("{}"), "line 1, column 1: expected an array"),
        (Answer::truncated(), "the connection was lost within the body"),
        (Answer::reset(), "the connection was lost within the body"),
        (Answer::Bytes(Vec::new()), "the connection was lost"),
        (Answer::with(200, &"x: y\r\n".repeat(101), "[]"), "more than 100 header fields"),
        (Answer::Bytes(b"\x15\x03\x03\0\x02\x02\x28".into()), "it does not answer in HTTP"),
        (Answer::list(&" ".repeat(20 << 20)), "a body of more than 1048576 bytes"),
        (Answer::redirect(&foreign.url()), "which is no configured node"),
        (Answer::redirect("/v1/modules"), "a redirect in a circle"),
        // After this one the cluster is not asked again.
        (Answer::status(401), "answered 401"),
    ] {
        node.answer(answer.clone());
        let error = store.list_documents().await.unwrap_err();
        let denied = matches!(error, CcsError::Denied(_));
        assert_eq!(denied, reason == "answered 401", "{error:?}");
        let text = text(error);
        assert!(text.contains(&node.url()) && text.contains(reason), "{text}");
        assert!(!text.contains("s3cret") && !text.contains("czNjcmV0"), "{text}");
    }
    assert_eq!(foreign.heads(), [""; 0], "credentials go to configured nodes only");
    node.kill().await;
    let store = self::store(&[&node]);
    let text = text(store.list_documents().await.unwrap_err());
    assert!(text == format!("{}: connection refused", node.url()), "{text}");
}

#[tokio::test]
async fn a_node_that_fails_is_followed_by_the_next_one() {
    let mut first = Upstream::start(Answer::Silence).await;
    let second = Upstream::start(Answer::list(LIST)).await;
    let store = store(&[&first, &second]);
    // A node that hangs leaves time for the next one.
    assert_eq!(store.list_documents().await.unwrap().len(), 2);
    for answer in [Answer::status(503), Answer::list("[]["), Answer::redirect(&second.url())] {
        first.answer(answer);
        assert_eq!(store.list_documents().await.unwrap().len(), 2);
    }
    first.kill().await;
    assert_eq!(store.list_documents().await.unwrap().len(), 2);
    second.answer(Answer::status(500));
    let CcsError::Unavailable(text) = store.list_documents().await.unwrap_err() else {
        panic!("it is unavailable");
    };
    let (first, second) = (first.url(), second.url());
    assert_eq!(text, format!("{first}: connection refused; {second} answered 500"));
}

#[tokio::test]
async fn a_404_of_a_gateway_is_a_failure_of_its_node() {
    let page = Answer::with(404, "content-type: text/html\r\n", "<html>no such host</html>");
    let gateway = Upstream::start(page).await;
    let error = store(&[&gateway]).get_document("a").await.unwrap_err();
    let expected = format!("{}: a 404 without an error of the API", gateway.url());
    assert_eq!(error, CcsError::Unavailable(expected));

    let node = Upstream::start(Answer::list("{\"uid\":\"a\"}\n")).await;
    let document = store(&[&gateway, &node]).get_document("a").await.unwrap();
    assert_eq!(document.unwrap(), br#"{"uid":"a"}"#);
}

#[tokio::test]
async fn a_silent_cluster_is_reported_before_the_time_is_over() {
    let node = Upstream::start(Answer::Silence).await;
    let time = Duration::from_millis(200);
    let answer = timeout(time * 50, store(&[&node]).within(time).list_documents()).await.unwrap();
    let text = text(answer.unwrap_err());
    assert!(text.contains(&format!("{}: no response in ", node.url())), "{text}");
}

#[tokio::test]
async fn only_certificates_of_the_authority_are_trusted() {
    let authority = Authority::new();
    let node = async |certified| Upstream::start_tls(&certified, Answer::list(LIST)).await;
    let trusting = |node: &Upstream, parameter: &str| {
        let address = format!("{}{parameter}", node.url()).parse().unwrap();
        Cluster::new(&address, Some(credentials())).unwrap()
    };
    let ca = |authority: &Authority| format!("?ca={}", authority.path().display());

    let sound = node(authority.sign("127.0.0.1")).await;
    let store = trusting(&sound, &ca(&authority));
    assert_eq!(store.list_documents().await.unwrap().len(), 2);
    assert_eq!(store.list_documents().await.unwrap().len(), 2);

    let expired = node(authority.sign_expired("127.0.0.1")).await;
    let other_name = node(authority.sign("elsewhere.example")).await;
    let marked = node(authority.sign_authority("127.0.0.1")).await;
    let plain = Upstream::start(Answer::list(LIST)).await;
    let mut as_tls = plain.url();
    as_tls.insert(4, 's');
    for (store, reason) in [
        (trusting(&sound, &ca(&Authority::new())), "is not signed by an authority"),
        (trusting(&expired, &ca(&authority)), "its certificate has expired"),
        (trusting(&other_name, &ca(&authority)), "is not for the name 127.0.0.1"),
        (trusting(&marked, &ca(&authority)), "its certificate is one of an authority"),
        (trusting(&sound, "?ca=/nowhere/ca.pem"), "cannot read /nowhere/ca.pem"),
        (
            Cluster::new(&format!("{as_tls}{}", ca(&authority)).parse().unwrap(), None).unwrap(),
            "TLS",
        ),
    ] {
        let text = text(store.list_documents().await.unwrap_err());
        assert!(text.contains(reason), "{text}");
    }
    assert_eq!(expired.heads(), [""; 0], "credentials are sent after the handshake only");
    assert_eq!(other_name.heads(), [""; 0]);
    assert_eq!(sound.heads().len(), 2);
}

#[tokio::test]
async fn a_certificate_of_the_file_is_trusted_as_that_of_the_server() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("cert.pem");
    let listed = async |name: &str, is_expired: bool, is_known: bool| {
        let certified = self_signed(name, is_expired);
        let node = Upstream::start_tls(&certified, Answer::list(LIST)).await;
        let other = self_signed(name, is_expired);
        let known = if is_known { &certified } else { &other };
        fs::write(&file, known.cert.pem()).unwrap();
        let address = format!("{}?ca={}", node.url(), file.display());
        let store = Cluster::new(&address.parse().unwrap(), None).unwrap();
        store.list_documents().await.map_err(text)
    };
    assert_eq!(listed("127.0.0.1", false, true).await.unwrap().len(), 2);
    for (name, is_expired, is_known, reason) in [
        ("elsewhere.example", false, true, "is not for the name 127.0.0.1"),
        ("127.0.0.1", true, true, "its certificate has expired"),
        ("127.0.0.1", false, false, "is one of an authority"),
    ] {
        let error = listed(name, is_expired, is_known).await.unwrap_err();
        assert!(error.contains(reason), "{error}");
    }
}

#[tokio::test]
async fn the_name_in_the_certificate_may_be_given() {
    let authority = Authority::new();
    let certified = authority.sign("cluster.example");
    let node = Upstream::start_tls(&certified, Answer::list(LIST)).await;
    let ca = authority.path().display().to_string();
    let address = format!("{}?ca={ca}&name=cluster.example", node.url());
    let store = Cluster::new(&address.parse().unwrap(), None).unwrap();
    assert_eq!(store.list_documents().await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_401_without_credentials_names_their_variables() {
    let node = Upstream::start(Answer::status(401)).await;
    let anonymous = Cluster::new(&node.url().parse().unwrap(), None).unwrap();
    for (store, expected) in [(anonymous, true), (store(&[&node]), false)] {
        let error = text(store.list_documents().await.unwrap_err());
        assert!(error.contains("answered 401"), "{error}");
        assert_eq!(error.contains("neither REDIS_ENTERPRISE_USER nor"), expected, "{error}");
    }
}

#[tokio::test]
async fn a_file_with_credentials_is_read_again_for_each_request() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("credentials.json");
    let write = |password: &str| {
        fs::write(&file, format!(r#"{{"user":"ann","password":"{password}"}}"#)).unwrap();
    };
    write("s3cret");
    let node = Upstream::start(Answer::list(LIST)).await;
    let address = format!("{}?credentials={}", node.url(), file.display()).parse().unwrap();
    let store = Cluster::new(&address, Some(read_credentials(&file).unwrap())).unwrap();
    let sent = async || {
        store.list_documents().await.unwrap();
        let head = node.heads().pop().unwrap();
        let (_, after) = head.split_once("authorization: Basic ").unwrap();
        after.split_once("\r\n").unwrap().0.to_owned()
    };
    assert_eq!(sent().await, "YW5uOnMzY3JldA==");
    write("new");
    assert_eq!(sent().await, "YW5uOm5ldw==");
    // The last credentials stay while the file cannot be used.
    for text in ["{", ""] {
        fs::write(&file, text).unwrap();
        assert_eq!(sent().await, "YW5uOm5ldw==");
    }
    fs::remove_file(&file).unwrap();
    assert_eq!(sent().await, "YW5uOm5ldw==");
    write("s3cret");
    assert_eq!(sent().await, "YW5uOnMzY3JldA==");
}

#[tokio::test]
async fn each_store_has_a_name_without_credentials() {
    let nodes = "https://node1:9443,https://node2:9443".parse().unwrap();
    let cluster = Cluster::new(&nodes, Some(credentials())).unwrap();
    assert_eq!(cluster.name(), "the cluster at https://node1:9443, https://node2:9443");
    let redis = Redis::new("redis://ann:s3cret@localhost/2".parse().unwrap());
    assert_eq!(redis.name(), "redis at localhost:6379");
    assert_eq!(File::new("m/modules.json").name(), "the file m/modules.json");
}

fn store(nodes: &[&Upstream]) -> Cluster {
    let urls: Vec<_> = nodes.iter().map(|node| node.url()).collect();
    let address = urls.join(",").parse().unwrap();
    Cluster::new(&address, Some(credentials())).unwrap()
}

fn text(error: CcsError) -> String {
    error.reason().into()
}

fn credentials() -> Credentials {
    Credentials::basic("ann", "s3cret").unwrap()
}
