//! One call of the cluster: its nodes are asked one after the other until one answers.

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::time::Duration;

use ccs_modules::snapshot::{find, split};
use ccs_modules::upstream::{ListAnswer, ModuleAnswer, Request, Response, Upstream};
use ccs_modules::{Limits, StoreError};

use crate::Network;

/// A cluster that is asked within a time.
pub(crate) struct Nodes<'a, N> {
    pub(crate) upstream: &'a Upstream,
    pub(crate) network: &'a N,
    pub(crate) timeout: Duration,
}

/// The answer of a node.
enum Answer<T> {
    Done(T),
    Redirect(Request),
}

impl<N: Network> Nodes<'_, N> {
    /// Lists every document.
    pub(crate) fn list(&self) -> Result<Vec<Vec<u8>>, StoreError> {
        self.ask(
            |node| self.upstream.list(node, None),
            |request, response| match self.upstream.read_list(request, response)? {
                ListAnswer::Body { body, .. } => match split(&body) {
                    Ok(documents) => {
                        Ok(Answer::Done(documents.into_iter().map(<[u8]>::to_vec).collect()))
                    }
                    Err(error) => {
                        let why = alloc::format!("the list is refused: {error}");
                        Err(request.failed(&why))
                    }
                },
                ListAnswer::Redirect(next) => Ok(Answer::Redirect(next)),
                ListAnswer::Unchanged { .. } => {
                    Err(request.failed("it answered 304 to a request without an entity tag"))
                }
            },
        )
    }

    /// Gets the document with this uid.
    pub(crate) fn get(&self, uid: &str) -> Result<Option<Vec<u8>>, StoreError> {
        // No path leads to a uid that would change the path.
        if self.upstream.module(0, uid).is_none() {
            let documents = self.list()?;
            return Ok(find(&documents, uid, &Limits::default()).cloned());
        }
        self.ask(
            |node| self.upstream.module(node, uid),
            |request, response| {
                Ok(match self.upstream.read_module(request, response)? {
                    ModuleAnswer::Document(document) => Answer::Done(document),
                    ModuleAnswer::Redirect(next) => Answer::Redirect(next),
                })
            },
        )
    }

    fn ask<T>(
        &self,
        request: impl Fn(usize) -> Option<Request>,
        read: impl Fn(&Request, Response) -> Result<Answer<T>, StoreError>,
    ) -> Result<T, StoreError> {
        let deadline = self.network.now().saturating_add(self.timeout);
        let left = |until: Duration| until.saturating_sub(self.network.now());
        let count = self.upstream.nodes().len();
        let mut failures = Vec::new();
        for node in 0..count {
            let Some(mut request) = request(node) else { continue };
            // A node that does not answer leaves time for the others.
            let others = u32::try_from(count - node).unwrap_or(u32::MAX);
            let turn = self.network.now().saturating_add(left(deadline) / others);
            loop {
                let answer = match self.network.send(&request, left(turn)) {
                    Ok(response) => read(&request, response),
                    Err(why) => Err(request.failed(&why)),
                };
                match answer {
                    Ok(Answer::Done(answer)) => return Ok(answer),
                    Ok(Answer::Redirect(next)) => request = next,
                    Err(error) => {
                        failures.push(error);
                        break;
                    }
                }
            }
        }
        Err(joined(failures))
    }
}

/// Returns the error for nodes that all failed: of the kind of the first failure, with every reason.
fn joined(failures: Vec<StoreError>) -> StoreError {
    let kind = match failures.first() {
        Some(StoreError::Denied(_)) => StoreError::Denied,
        Some(StoreError::Unavailable(_)) => StoreError::Unavailable,
        _ => StoreError::Other,
    };
    let texts: Vec<_> = failures.into_iter().map(text).collect();
    kind(texts.join("; "))
}

fn text(error: StoreError) -> String {
    match error {
        StoreError::Denied(text) | StoreError::Other(text) | StoreError::Unavailable(text) => text,
        error => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripted::{Scripted, redirect, response, upstream};

    fn nodes<'a>(upstream: &'a Upstream, network: &'a Scripted) -> Nodes<'a, Scripted> {
        Nodes { upstream, network, timeout: Duration::from_secs(3) }
    }

    #[test]
    fn the_first_node_that_answers_counts() {
        let upstream = upstream(&["http://a", "http://b"]);
        let network =
            Scripted::new([Err("connection refused"), Ok(response(200, "[{\"uid\":\"1\"}]"))]);
        assert_eq!(nodes(&upstream, &network).list().unwrap(), [b"{\"uid\":\"1\"}"]);
        assert_eq!(network.asked(), ["http://a/v1/modules", "http://b/v1/modules"]);
    }

    #[test]
    fn a_module_is_asked_for_by_its_path_where_it_has_one() {
        let upstream = upstream(&["http://a"]);
        let network = Scripted::new([
            Ok(response(200, "{\"uid\":\"1\"}\n")),
            Ok(response(404, "")),
            Ok(response(200, "[{\"uid\":\"..\"}]")),
        ]);
        let nodes = nodes(&upstream, &network);
        assert_eq!(nodes.get("1").unwrap().unwrap(), b"{\"uid\":\"1\"}");
        assert_eq!(nodes.get("a/b").unwrap(), None);
        assert_eq!(nodes.get("..").unwrap().unwrap(), b"{\"uid\":\"..\"}");
        let paths = ["/v1/modules/1", "/v1/modules/a%2Fb", "/v1/modules"];
        assert_eq!(network.asked(), paths.map(|path| alloc::format!("http://a{path}")));
    }

    #[test]
    fn a_redirect_is_followed_to_a_configured_node_alone() {
        let upstream = upstream(&["http://a", "http://b"]);
        let network = Scripted::new([
            Ok(redirect("http://b/v1/modules")),
            Ok(redirect("http://c/v1/modules")),
            Ok(response(500, "")),
        ]);
        let error = nodes(&upstream, &network).list().unwrap_err().to_string();
        assert_eq!(
            error,
            "the store is unavailable: http://b answered 307, a redirect to http://c, which is no \
             configured node; http://b answered 500"
        );
        let asked = ["http://a/v1/modules", "http://b/v1/modules", "http://b/v1/modules"];
        assert_eq!(network.asked(), asked);
    }

    #[test]
    fn a_hung_node_leaves_time_for_the_others() {
        let upstream = upstream(&["http://a", "http://b", "http://c"]);
        let network = Scripted::new([Err("late"), Err("late"), Ok(response(200, "[]"))]);
        assert!(nodes(&upstream, &network).list().unwrap().is_empty());
        assert_eq!(network.timeouts(), [1, 1, 1].map(Duration::from_secs));
    }

    #[test]
    fn a_list_that_is_none_is_told_with_its_node() {
        let upstream = upstream(&["http://a"]);
        for (body, expected) in [
            ("<html>", "http://a: the list is refused: line 1, column 1: "),
            ("[{\"uid\":", "http://a: the list is refused: line 1, column 8: "),
        ] {
            let network = Scripted::new([Ok(response(200, body))]);
            let error = nodes(&upstream, &network).list().unwrap_err();
            assert!(text(error.clone()).starts_with(expected), "{error}");
        }
        let network = Scripted::new([Ok(response(401, ""))]);
        let error = nodes(&upstream, &network).list().unwrap_err();
        assert_eq!(error, StoreError::Denied("http://a answered 401".into()));
    }
}
