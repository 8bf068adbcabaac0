//! The page: files at `/`, for the same callers as the modules.

use std::fs;
use std::os::unix::fs::symlink;

use ccs_modules::access::Policy;
use ccs_modules_host::CcsError;
use ccs_modules_host::server::{PageFiles, Settings};
use ccs_modules_host::stores::{Scripted, demo};
use tempfile::TempDir;

use crate::support::serving::{Serving, open_to_all, plugin};
use crate::support::wire::{Reply, Wire};

const INDEX: &str = include_str!("../../../../packages/js/src/page/index.html");

#[tokio::test]
async fn files_are_served_by_their_names() {
    let folder = folder();
    let server = Serving::start(plugin(), demo(), with_page(&folder, open_to_all())).await;
    let mut wire = Wire::connect(server.address).await;
    for (target, content_type, content) in [
        ("/", "text/html; charset=utf-8", INDEX),
        ("/index.html", "text/html; charset=utf-8", INDEX),
        ("/?x", "text/html; charset=utf-8", INDEX),
        ("/page.css", "text/css; charset=utf-8", "p {}"),
        ("/used/component/a.wasm", "application/wasm", "\0asm"),
        ("/used/a.js", "text/javascript; charset=utf-8", "a()"),
        ("/unknown.x", "application/octet-stream", "x"),
        ("/with%20space.x", "application/octet-stream", "space"),
        ("/%70age%2ecss", "text/css; charset=utf-8", "p {}"),
    ] {
        let reply = wire.ask("GET", target).await;
        assert_eq!((reply.status, reply.text()), (200, content), "{target}");
        assert_eq!(reply.header("content-type"), Some(content_type));
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(reply.header("cache-control"), Some("private, no-cache"));
        let head = wire.ask("HEAD", target).await;
        assert_eq!((head.status, undated(&head)), (200, undated(&reply)));
    }
    let refused = wire.ask("PUT", "/page.css").await;
    assert_eq!((refused.status, refused.header("allow")), (405, Some("GET, HEAD, OPTIONS")));
    assert_eq!(
        wire.ask("GET", "/v1/modules").await.header("content-type"),
        Some("application/json")
    );
}

#[tokio::test]
async fn if_none_match_is_304_for_a_file_of_the_page() {
    let folder = folder();
    let server = Serving::start(plugin(), demo(), with_page(&folder, open_to_all())).await;
    let mut wire = Wire::connect(server.address).await;
    let mut tags = Vec::new();
    for target in ["/", "/page.css", "/used/a.js"] {
        let whole = wire.ask("GET", target).await;
        let tag = whole.header("etag").unwrap();
        for (method, fields, status) in [
            ("GET", format!("if-none-match: {tag}"), 304),
            ("HEAD", format!("if-none-match: \"x\", W/{tag}"), 304),
            ("GET", "if-none-match: \"x\"".into(), 200),
            ("PUT", format!("if-none-match: {tag}"), 405),
        ] {
            wire.send(format!("{method} {target} HTTP/1.1\r\nhost: test\r\n{fields}\r\n\r\n"))
                .await;
            let reply = wire.reply(method).await;
            assert_eq!(reply.status, status, "{method} {target} {fields}");
            if status == 304 {
                assert_eq!((reply.header("etag"), reply.text()), (Some(tag), ""));
                assert_eq!(reply.header("cache-control"), Some("private, no-cache"));
            }
        }
        tags.push(tag.to_owned());
    }
    tags.dedup();
    assert_eq!(tags.len(), 3);
}

#[tokio::test]
async fn the_policy_is_the_one_of_the_page_and_keeps_it_out_of_frames() {
    let folder = folder();
    let server = Serving::start(plugin(), demo(), with_page(&folder, open_to_all())).await;
    let reply = Wire::connect(server.address).await.ask("GET", "/").await;
    let policy = reply.header("content-security-policy").unwrap();
    let of_the_page = policy.strip_suffix("; frame-ancestors 'none'").unwrap();
    assert!(INDEX.contains(&format!("content=\"{of_the_page}\"")), "{policy}");
}

#[tokio::test]
async fn no_path_leads_out_of_the_folder() {
    let folder = folder();
    let server = Serving::start(plugin(), demo(), with_page(&folder, open_to_all())).await;
    let mut wire = Wire::connect(server.address).await;
    for target in [
        "/../secret",
        "/used/../../secret",
        "/%2e%2e/secret",
        "/..%2fsecret",
        "/..\\secret",
        "//secret",
        "/link",
        "/linked/secret",
        "/used",
        "/used/",
        "/page.css/",
        "/PAGE.CSS",
        "/used%2fa.js",
        "/page.css%00",
        "/page%ff.css",
    ] {
        let reply = wire.ask("GET", target).await;
        assert_eq!(reply.status, 404, "{target}");
        assert_eq!(reply.header("content-type"), Some("application/json"), "{target}");
    }
}

#[tokio::test]
async fn a_file_of_the_page_hides_no_path_of_the_api() {
    let folder = folder();
    fs::create_dir_all(folder.path().join("page/v1/modules")).unwrap();
    fs::write(folder.path().join("page/v1/modules/a"), "a file").unwrap();
    fs::write(folder.path().join("page/healthz"), "a file").unwrap();
    let server = Serving::start(plugin(), demo(), with_page(&folder, open_to_all())).await;
    let mut wire = Wire::connect(server.address).await;
    for target in ["/v1/modules/a", "/v1/module%73/a", "/%761/modules/a"] {
        assert_eq!(wire.ask("GET", target).await.status, 404, "{target}");
    }
    assert_eq!(wire.ask("GET", "/healthz").await.text(), "ok\n");
}

#[tokio::test]
async fn the_page_is_401_or_403_as_the_list_is() {
    let folder = folder();
    let settings = || Settings {
        access: Some(Policy::parse(br#"{"trusted_header":"x-roles"}"#).unwrap().into()),
        ..Settings::default()
    };
    // The store is not asked: it fails.
    let store = Scripted::Fails(CcsError::Unavailable("down".into()));
    let server = Serving::start(plugin(), store, with_page(&folder, settings())).await;
    let mut wire = Wire::connect(server.address).await;
    for (roles, page, list) in
        [("", 401, 401), ("x-roles: none\r\n", 403, 403), ("x-roles: db_viewer\r\n", 200, 503)]
    {
        for (target, status) in [("/", page), ("/page.css", page), ("/v1/modules", list)] {
            wire.send(format!("GET {target} HTTP/1.1\r\nhost: test\r\n{roles}\r\n")).await;
            assert_eq!(wire.reply("GET").await.status, status, "{target} {roles}");
        }
    }

    // A browser asks for a password only if there are users.
    let digest = "0".repeat(64);
    let users =
        format!(r#"{{"users":[{{"name":"ann","password_sha256":"{digest}","roles":["admin"]}}]}}"#);
    for (policy, scheme) in [
        (Some(users.as_str()), "Basic "),
        (Some(r#"{"trusted_header":"x-roles"}"#), "Bearer "),
        (None, "Bearer "),
    ] {
        let access = policy.map(|text| Policy::parse(text.as_bytes()).unwrap());
        let settings =
            with_page(&folder, Settings { access: access.map(Into::into), ..Settings::default() });
        let server = Serving::start(plugin(), demo(), settings).await;
        let reply = Wire::connect(server.address).await.ask("GET", "/").await;
        let challenge = reply.header("www-authenticate").unwrap_or_default();
        assert!(reply.status == 401 && challenge.starts_with(scheme), "{policy:?}: {challenge}");
    }
}

#[tokio::test]
async fn without_a_page_its_path_is_404() {
    let server = Serving::start(plugin(), demo(), open_to_all()).await;
    assert_eq!(Wire::connect(server.address).await.ask("GET", "/").await.status, 404);
}

#[test]
fn a_folder_that_is_no_page_is_refused() {
    let folder = folder();
    let page = folder.path().join("page");
    let refused = |path: &str| PageFiles::load(&page.join(path)).unwrap_err().to_string();
    assert!(refused("used").ends_with(
        "used has no index.html; expected a folder such as dist/page of the npm package"
    ));
    assert!(
        refused("nowhere").contains("nowhere: there is no such file"),
        "{}",
        refused("nowhere")
    );
    fs::File::create(page.join("large")).unwrap().set_len(65 << 20).unwrap();
    assert!(refused("").contains("holds more than 64 MiB"));
}

/// A folder with a page in `page`, and a secret beside it.
fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    let page = folder.path().join("page");
    fs::create_dir_all(page.join("used/component")).unwrap();
    for (name, content) in [
        ("index.html", INDEX),
        ("page.css", "p {}"),
        ("unknown.x", "x"),
        ("used/a.js", "a()"),
        ("used/component/a.wasm", "\0asm"),
        ("with space.x", "space"),
        ("../secret", "secret"),
    ] {
        fs::write(page.join(name), content).unwrap();
    }
    symlink(folder.path().join("secret"), page.join("link")).unwrap();
    symlink(folder.path(), page.join("linked")).unwrap();
    folder
}

/// The header fields of a response but `date`, which goes on between two responses.
fn undated(reply: &Reply) -> Vec<&(String, String)> {
    reply.headers.iter().filter(|(name, _)| name != "date").collect()
}

fn with_page(folder: &TempDir, settings: Settings) -> Settings {
    Settings { page: Some(PageFiles::load(&folder.path().join("page")).unwrap()), ..settings }
}
