//! A cluster as the policy: it is asked who is calling.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::access::names::{Hash, NameStore, Names, Turn};
use crate::access::{BASIC, Caller, basic_credentials};
use crate::error::StoreError;
use crate::headers;
use crate::rest::ErrorResponse;
use crate::upstream::{Answer, Credentials, Request, Response, Upstream};

/// The logins of callers at a cluster. The cluster is shown the credentials that a caller sends, unchanged,
/// and answers who that is.
///
/// A caller that the cluster allows is kept for [`max_age`](LoginOptions), by a keyed hash of the credentials.
/// A denial is not kept. While the cluster fails, callers that it allowed go on for `stale_if_error`, and no
/// other caller is let in.
///
/// Redis locks a user for half an hour after five failed logins in fifteen minutes. So after two denials of
/// one user name, no other credentials of that name are shown to the cluster for fifteen minutes, so that no
/// client can lock a user from here. Callers of that name that the cluster allowed go on for
/// `stale_if_error` meanwhile.
///
/// 1. Call [`begin`](Self::begin) for each request.
/// 2. On `Ask`, send the request. Give the response to [`answered`](Self::answered), or the reason for its
///    absence to [`failed`](Self::failed), at the latest after the timeout. Both return the next thing to do.
/// 3. On `Wait`, begin again when another login has ended.
///
/// Times are those of a clock that does not go back.
///
/// The names that were denied are in `N`: in memory, or where several workers of a proxy share them.
pub struct Logins<N = Names> {
    upstream: Upstream,
    options: LoginOptions,
    /// The key of the hashes, so that a memory dump does not help to try passwords.
    key: [u8; 32],
    kept: BTreeMap<Hash, Kept>,
    names: N,
    /// The logins that are open, by user name, or by token. Each is given up at the time.
    open: BTreeMap<Hash, Duration>,
    /// The time before which the cluster is not asked, because it has just failed.
    not_before: Duration,
    /// The time before which the cluster is not asked for a role, because it does not have the path.
    no_role_before: Duration,
}

/// The options of a policy `{"cluster": {…}}`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct LoginOptions {
    /// The time for which the cluster is not asked again about a caller that it allowed: 60,000 ms.
    pub max_age_ms: u32,
    /// The time for which a caller that the cluster allowed goes on while the cluster fails: 900,000 ms.
    pub stale_if_error_ms: u32,
}

impl Default for LoginOptions {
    fn default() -> Self {
        Self { max_age_ms: 60_000, stale_if_error_ms: 900_000 }
    }
}

/// The next thing to do for a request.
#[must_use = "a login goes on only if its requests are sent"]
pub enum Login {
    /// The sender of the request, and the name of the user for a log, if there is one.
    Known(Caller, Option<String>),
    /// Send this request.
    Ask(Box<Question>),
    /// The same user is logging in, or very many are. Begin again when a login has ended.
    Wait,
    /// Respond with this error, because the sender is not known.
    Refused(ErrorResponse),
}

/// A request to the cluster, which waits for its response.
pub struct Question {
    /// The request, with the caller's credentials.
    pub request: Request,
    /// The time to wait for the whole response.
    pub timeout: Duration,
    attempt: Attempt,
}

/// The state of a login between its requests.
struct Attempt {
    credentials: Credentials,
    identity: Identity,
    started: Duration,
    asks_role: bool,
    /// Whether a node is down. A node that cannot read these credentials is not.
    is_down: bool,
    failures: Vec<StoreError>,
}

/// The identity that a request claims.
struct Identity {
    /// The hash of the header field.
    field: Hash,
    /// The hash of the user name. A token has no name, and locks no user.
    name: Option<Hash>,
    user: Option<String>,
}

/// A caller that the cluster allowed.
struct Kept {
    roles: Vec<String>,
    user: Option<String>,
    /// The time of the question.
    asked: Duration,
}

impl Kept {
    fn login(&self) -> Login {
        Login::Known(Caller::Authenticated(self.roles.clone()), self.user.clone())
    }
}

impl Identity {
    /// Returns the key of an open login: one login of a user is open at a time.
    fn slot(&self) -> Hash {
        self.name.unwrap_or(self.field)
    }
}

impl Logins {
    /// Makes the logins at this upstream. The key must be unpredictable.
    pub fn new(upstream: Upstream, options: LoginOptions, key: [u8; 32]) -> Self {
        Self::with_names(upstream, options, key, Names::new(MOST_NAMES))
    }
}

impl<N: NameStore> Logins<N> {
    /// Makes the logins of one of several workers, which share these names and have the same key.
    pub fn with_names(upstream: Upstream, options: LoginOptions, key: [u8; 32], names: N) -> Self {
        Self {
            upstream,
            options,
            key,
            kept: BTreeMap::new(),
            names,
            open: BTreeMap::new(),
            not_before: Duration::ZERO,
            no_role_before: Duration::ZERO,
        }
    }

    /// Begins to find out who sent these header fields.
    pub fn begin(&mut self, headers: &[(&str, &[u8])], now: Duration) -> Login {
        let Some((field, identity)) = self.identify(headers) else {
            return unauthenticated();
        };
        if let Some(login) = self.kept(&identity, now, self.options.max_age_ms) {
            return login;
        }

        if now < self.not_before {
            let reason = "the cluster failed a moment ago".into();
            return self.kept_or(&identity, now, ErrorResponse::caller_unknown(reason));
        }
        self.open.retain(|_, end| now < *end);
        if self.open.contains_key(&identity.slot()) || self.open.len() >= MOST_OPEN {
            return Login::Wait;
        }

        let nodes = u32::try_from(self.upstream.nodes().len()).unwrap_or(u32::MAX);
        let longest = self.upstream.timeout().saturating_mul(nodes).saturating_mul(MOST_REQUESTS);
        let end = now.saturating_add(longest);
        if let Some(name) = identity.name {
            match self.names.change(&name, &mut |names| names.begin(&name, now, end)) {
                Some(Turn::Free) => {}
                Some(Turn::Denied(wait)) => {
                    // Somebody who guesses must not turn away a user whom the cluster has allowed.
                    return self.kept_or(&identity, now, ErrorResponse::too_many_logins(wait));
                }
                Some(Turn::Taken) | None => return Login::Wait,
            }
        }
        self.open.insert(identity.slot(), end);
        let asks_role = now >= self.no_role_before;
        let (credentials, failures) = (Credentials::of_field(field), Vec::new());
        let attempt =
            Attempt { credentials, identity, started: now, asks_role, is_down: false, failures };
        self.ask(0, attempt, now)
    }

    /// Takes the response to a question.
    pub fn answered(&mut self, question: Question, response: Response, now: Duration) -> Login {
        let Question { request, timeout, mut attempt } = question;
        match response.status {
            401 => {
                // What was kept of the caller is forgotten.
                self.kept.remove(&attempt.identity.field);
                return self.end(&attempt.identity, Some(now), unauthenticated());
            }
            // The credentials are right, and the user may not see modules.
            403 => {
                let caller = Caller::Authenticated(Vec::new());
                return self.end(&attempt.identity, None, Login::Known(caller, None));
            }
            // The cluster cannot read these credentials. It is well.
            400 | 414 | 431 => return self.end(&attempt.identity, None, unauthenticated()),
            429 | 502..=504 => attempt.is_down = true,
            _ => {}
        }

        match self.upstream.read(&request, response) {
            Ok(Answer::Body { body, .. }) => match role_of(&body, attempt.asks_role) {
                Some(role) => self.allowed(attempt, role),
                None => self.go_on(&request, "a role without a name", attempt, now),
            },
            Ok(Answer::Redirect(next)) => {
                let request = next.with_credentials(attempt.credentials.clone());
                Login::Ask(Box::new(Question { request, timeout, attempt }))
            }
            Ok(_) => {
                // An older cluster does not have the path. Then the request for the list is the test.
                self.no_role_before = now.saturating_add(HOUR);
                attempt.asks_role = false;
                self.ask(request.node, attempt, now)
            }
            Err(error) => {
                attempt.failures.push(error);
                self.ask(request.node.saturating_add(1), attempt, now)
            }
        }
    }

    /// Takes the reason why there is no response to a question, in the shell's own words.
    pub fn failed(&mut self, question: Question, why: &str, now: Duration) -> Login {
        let Question { request, mut attempt, .. } = question;
        attempt.is_down = true;
        self.go_on(&request, why, attempt, now)
    }

    /// Asks the node after the one that failed.
    fn go_on(
        &mut self,
        request: &Request,
        why: &str,
        mut attempt: Attempt,
        now: Duration,
    ) -> Login {
        attempt.failures.push(request.failed(why));
        self.ask(request.node.saturating_add(1), attempt, now)
    }

    /// Asks a node, or ends the login if there is no such node.
    fn ask(&mut self, node: usize, attempt: Attempt, now: Duration) -> Login {
        let request = match attempt.asks_role {
            true => self.upstream.role(node),
            false => self.upstream.list(node, None),
        };
        let Some(request) = request else {
            if attempt.is_down {
                self.not_before = now.saturating_add(PAUSE);
            }
            let reasons: Vec<_> = attempt.failures.iter().map(StoreError::reason).collect();
            let error = ErrorResponse::caller_unknown(reasons.join("; "));
            let login = self.kept_or(&attempt.identity, now, error);
            return self.end(&attempt.identity, None, login);
        };

        let request = request.with_credentials(attempt.credentials.clone());
        Login::Ask(Box::new(Question { request, timeout: self.upstream.timeout(), attempt }))
    }

    /// Keeps and returns a caller whom the cluster allows.
    fn allowed(&mut self, attempt: Attempt, role: String) -> Login {
        let Attempt { identity, started, .. } = attempt;
        self.make_room(started);
        let kept = Kept { roles: vec![role], user: identity.user.clone(), asked: started };
        let login = kept.login();
        self.kept.insert(identity.field, kept);
        self.end(&identity, None, login)
    }

    /// Ends a login, which was denied at this time, if it was.
    fn end(&mut self, identity: &Identity, denied: Option<Duration>, login: Login) -> Login {
        self.open.remove(&identity.slot());
        if let Some(name) = identity.name {
            self.names.change(&name, &mut |names| {
                names.end(&name, denied);
                Turn::Free
            });
        }
        login
    }

    /// Returns the caller if the cluster has allowed it within this time.
    fn kept(&self, identity: &Identity, now: Duration, most_ms: u32) -> Option<Login> {
        let kept = self.kept.get(&identity.field)?;
        let is_young = now.saturating_sub(kept.asked) < Duration::from_millis(most_ms.into());
        is_young.then(|| kept.login())
    }

    /// Answers without the cluster: lets a kept caller go on, and refuses any other one with this error.
    fn kept_or(&self, identity: &Identity, now: Duration, error: ErrorResponse) -> Login {
        self.kept(identity, now, self.options.stale_if_error_ms).unwrap_or(Login::Refused(error))
    }

    /// Forgets callers that are too old to be let in, and the oldest one if there are very many.
    fn make_room(&mut self, now: Duration) {
        if self.kept.len() < MOST_KEPT {
            return;
        }
        let most = self.options.max_age_ms.max(self.options.stale_if_error_ms);
        let most = Duration::from_millis(most.into());
        self.kept.retain(|_, kept| now.saturating_sub(kept.asked) < most);
        let oldest = self.kept.iter().min_by_key(|(_, kept)| kept.asked).map(|(field, _)| *field);
        if let Some(oldest) = oldest.filter(|_| self.kept.len() >= MOST_KEPT) {
            self.kept.remove(&oldest);
        }
    }

    /// Reads the credentials of a request: of a user, or a token.
    fn identify<'a>(&self, headers: &'a [(&str, &[u8])]) -> Option<(&'a str, Identity)> {
        let field = headers::single(headers, "authorization")?;
        let text = core::str::from_utf8(field).ok()?.trim();
        let (scheme, _) = text.split_once(' ')?;
        if text.len() > LONGEST_FIELD || text.contains(char::is_control) {
            return None;
        }

        let hash = self.hash(text.as_bytes());
        if scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("jwt") {
            return Some((text, Identity { field: hash, name: None, user: None }));
        }
        let (user, _) = basic_credentials(text.as_bytes())?;
        let user = String::from_utf8(user).ok()?;
        // A cluster may take another case for the same user, who must not get more logins by that.
        let name = Some(self.hash(user.trim().to_lowercase().as_bytes()));
        Some((text, Identity { field: hash, name, user: Some(user) }))
    }

    fn hash(&self, text: &[u8]) -> Hash {
        Sha256::new_with_prefix(self.key).chain_update(text).finalize().into()
    }
}

fn unauthenticated() -> Login {
    Login::Known(Caller::Unauthenticated(Some(BASIC.into())), None)
}

/// Returns the role in a body.
fn role_of(body: &[u8], is_of_role: bool) -> Option<String> {
    #[derive(Deserialize)]
    struct Body {
        role: String,
    }

    match is_of_role {
        // From bytes, serde_json would be compiled once more.
        true => Some(serde_json::from_str::<Body>(core::str::from_utf8(body).ok()?).ok()?.role),
        // The cluster has shown the list, and the user's role is not known. This one may do no more.
        false => Some("db_viewer".into()),
    }
}

/// The time for which the cluster is not asked after a failure.
pub(super) const PAUSE: Duration = Duration::from_secs(1);

const HOUR: Duration = Duration::from_secs(60 * 60);

/// The most requests to a node for one login: for the role and the list, each with its redirects.
const MOST_REQUESTS: u32 = 10;

/// The most logins that are open, callers that are kept, and user names whose denials are known. An entry
/// takes some hundred bytes.
const MOST_OPEN: usize = 16;
const MOST_KEPT: usize = 10_000;
const MOST_NAMES: usize = 100_000;

/// The longest header field that is shown to the cluster, in bytes.
const LONGEST_FIELD: usize = 8 << 10;

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString as _;

    use super::*;
    use crate::upstream::Node;

    const ANN: &str = "Basic YW5uOnNlY3JldA==";

    fn logins() -> Logins {
        let upstream = Upstream::new(vec![Node::parse("https://node1").unwrap()]).unwrap();
        Logins::new(upstream, LoginOptions::default(), [0; 32])
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn begin(logins: &mut Logins, field: &str, now: u64) -> Login {
        logins.begin(&[("authorization", field.as_bytes())], seconds(now))
    }

    fn question(login: Login) -> Question {
        let Login::Ask(question) = login else { panic!("nothing is asked") };
        *question
    }

    /// The roles of a caller that is known; `None` if the caller is not authenticated.
    fn roles(login: Login) -> Option<Vec<String>> {
        let Login::Known(caller, _) = login else { panic!("the caller is not known") };
        caller.roles().map(<[_]>::to_vec)
    }

    fn response(status: u16, body: &str) -> Response {
        Response { status, headers: Vec::new(), body: body.into() }
    }

    #[test]
    fn the_role_of_a_user_is_kept_for_max_age() {
        let mut logins = logins();
        let asked = question(begin(&mut logins, ANN, 0));
        assert_eq!(asked.request.url(), "https://node1/v1/users/role");
        assert!(matches!(begin(&mut logins, ANN, 1), Login::Wait));

        let login = logins.answered(asked, response(200, r#"{"role":"db_member"}"#), seconds(2));
        assert!(matches!(&login, Login::Known(_, Some(user)) if user == "ann"));
        assert_eq!(roles(login), Some(vec!["db_member".to_string()]));
        assert!(roles(begin(&mut logins, ANN, 59)).is_some());
        assert!(matches!(begin(&mut logins, ANN, 60), Login::Ask(_)));
    }

    #[test]
    fn an_older_cluster_is_asked_for_the_list() {
        let mut logins = logins();
        let asked = question(begin(&mut logins, "Bearer a.b", 0));
        let listed = question(logins.answered(asked, response(404, ""), seconds(0)));
        assert_eq!(listed.request.url(), "https://node1/v1/modules");
        let login = logins.answered(listed, response(200, "[]"), seconds(0));
        assert_eq!(roles(login), Some(vec!["db_viewer".to_string()]));

        let next = question(begin(&mut logins, "JWT c.d", 1));
        assert_eq!(next.request.url(), "https://node1/v1/modules");
        let forbidden = logins.answered(next, response(403, ""), seconds(1));
        assert_eq!(roles(forbidden), Some(vec![]));
    }

    #[test]
    fn two_denials_are_429_for_a_quarter_of_an_hour() {
        let mut logins = logins();
        for time in [0, 10] {
            let asked = question(begin(&mut logins, ANN, time));
            assert_eq!(roles(logins.answered(asked, response(401, ""), seconds(time))), None);
        }
        let Login::Refused(error) = begin(&mut logins, ANN, 20) else { panic!("not refused") };
        let response = error.response("GET");
        assert_eq!(response.status, 429);
        assert!(response.headers.contains(&("retry-after".into(), "891".into())));
        assert!(matches!(begin(&mut logins, ANN, 910), Login::Ask(_)));
    }

    #[test]
    fn a_kept_caller_goes_on_while_guesses_under_the_same_name_are_denied() {
        let mut logins = logins();
        let asked = question(begin(&mut logins, ANN, 0));
        let role = response(200, r#"{"role":"db_member"}"#);
        assert!(roles(logins.answered(asked, role, seconds(0))).is_some());

        for guess in ["Basic YW5uOjE=", "Basic YW5uOjI="] {
            let asked = question(begin(&mut logins, guess, 1));
            assert_eq!(roles(logins.answered(asked, response(401, ""), seconds(1))), None);
        }
        assert!(matches!(begin(&mut logins, "Basic YW5uOjM=", 2), Login::Refused(_)));
        for time in [2, 60, 899] {
            assert!(roles(begin(&mut logins, ANN, time)).is_some(), "{time}");
        }
        assert!(matches!(begin(&mut logins, ANN, 900), Login::Refused(_)));
    }

    #[test]
    fn a_cluster_that_is_down_lets_nobody_new_in_and_is_not_asked_for_a_second() {
        let mut logins = logins();
        let asked = question(begin(&mut logins, ANN, 0));
        let Login::Refused(error) = logins.failed(asked, "connection refused", seconds(0)) else {
            panic!("not refused")
        };
        let response = error.response("GET");
        assert_eq!(response.status, 503);
        assert_eq!(response.cause.as_deref(), Some("https://node1: connection refused"));
        assert!(!String::from_utf8(response.body).unwrap().contains("node1"));
        assert!(matches!(begin(&mut logins, ANN, 0), Login::Refused(_)));
        assert!(matches!(begin(&mut logins, ANN, 1), Login::Ask(_)));
    }

    #[test]
    fn a_malformed_or_second_authorization_is_not_shown_to_the_cluster() {
        let long = format!("Bearer {}", "a".repeat(LONGEST_FIELD));
        for field in
            ["", "Basic", "Basic ?", "Basic YW5u", "Digest a", "secret", "Bearer a\u{1}", &long]
        {
            assert_eq!(roles(begin(&mut logins(), field, 0)), None, "{field}");
        }
        let twice = [("authorization", ANN.as_bytes()), ("Authorization", ANN.as_bytes())];
        assert_eq!(roles(logins().begin(&twice, seconds(0))), None);
        assert_eq!(roles(logins().begin(&[], seconds(0))), None);
    }
}
