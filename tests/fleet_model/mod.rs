//! A fleet of mirrors on virtual time, in front of one cluster: each asks the cluster, or each asks one of a
//! few mirrors that do.

#![allow(dead_code)] // one user reads the figures that another does not

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;

use ccs_modules::access::Caller;
use ccs_modules::mirror::{Config, Fetch, Mirror, Poll, Question, Timestamp};
use ccs_modules::upstream::{self, Response};
use ccs_modules::{StoreError, rest};

/// The refresh interval of every mirror, in seconds.
pub const REFRESH: u64 = 30;

/// The milliseconds that a response takes, or a refused connection.
const LATENCY: u64 = 20;

/// A run: how many mirrors, for how long, and when the cluster is down. Times in seconds.
pub struct Run {
    /// The number of mirrors that answer clients. All of them begin in the first second.
    pub mirrors: u64,
    /// The number of mirrors between these and the cluster; 0 if each asks the cluster.
    pub relays: u64,
    /// The length of the run.
    pub seconds: u64,
    /// The outage.
    pub outage: Range<u64>,
}

/// The figures of a run.
pub struct Figures {
    /// The requests that the cluster received, by second, answered or not.
    pub requests: Vec<u64>,
    /// The requests that the relays received, by second.
    pub relayed: Vec<u64>,
    /// The age of the oldest catalog that a mirror would have answered with at the end of each second,
    /// in seconds.
    pub oldest: Vec<u64>,
    /// The mirrors that could not answer at the end of a second after the first two refresh intervals.
    pub unanswered: u64,
}

/// Runs a fleet.
pub fn run(run: &Run) -> Figures {
    let config = Config::parse(br#"{"nodes":["https://cluster:9443"]}"#).expect("a configuration");
    let all = run.relays + run.mirrors;
    // The relays come first.
    let mut mirrors: Vec<_> = (0..all).map(|seed| Mirror::new(config.clone(), seed)).collect();
    // The mirrors by the moment at which each is to be polled.
    let mut due: BinaryHeap<_> =
        (0..all).map(|index| Reverse((index * 1000 / all, index as usize))).collect();
    let seconds = run.seconds as usize;
    let mut figures = Figures {
        requests: vec![0; seconds],
        relayed: vec![0; seconds],
        oldest: vec![0; seconds],
        unanswered: 0,
    };
    for second in 0..run.seconds {
        while let Some(&Reverse((now, index))) = due.peek()
            && now < (second + 1) * 1000
        {
            due.pop();
            let next = match mirrors[index].poll(Timestamp(now)) {
                Poll::Wait { until } => until.0,
                Poll::Fetch(Fetch { id, question, .. }) => {
                    let Question::Request(request) = question else {
                        unreachable!("the source is a cluster")
                    };
                    let relay = (run.relays > 0 && index >= run.relays as usize)
                        .then(|| &mirrors[index % run.relays as usize]);
                    let response = if let Some(relay) = relay {
                        figures.relayed[second as usize] += 1;
                        Some(relayed(relay, now, &request))
                    } else {
                        figures.requests[second as usize] += 1;
                        let body = br#"[{"uid":"a"}]"#.to_vec();
                        (!run.outage.contains(&second)).then_some(Response {
                            status: 200,
                            headers: vec![],
                            body,
                        })
                    };
                    let after = now + LATENCY;
                    match response {
                        Some(response) => mirrors[index].answered(Timestamp(after), id, response),
                        None => {
                            let refused = StoreError::Unavailable("connection refused".into());
                            mirrors[index].failed(Timestamp(after), id, refused)
                        }
                    };
                    after
                }
            };
            due.push(Reverse((next, index)));
        }
        let end = Timestamp((second + 1) * 1000);
        for mirror in &mirrors[run.relays as usize..] {
            match mirror.reader().view(end) {
                Ok(view) => {
                    let oldest = &mut figures.oldest[second as usize];
                    *oldest = (*oldest).max(view.age.unwrap_or_default().as_secs());
                }
                Err(_) if second >= 2 * REFRESH => figures.unanswered += 1,
                Err(_) => {}
            }
        }
    }
    figures
}

/// The answer of a relay to the fetch of a mirror.
pub fn relayed(relay: &Mirror, now: u64, request: &upstream::Request) -> Response {
    let bytes = |(name, value): &(String, String)| (name.clone(), value.clone().into_bytes());
    let lent = request.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    let headers: Vec<_> = lent.collect();
    let asked = rest::Request {
        method: "GET",
        target: &request.path,
        headers: &headers,
        caller: &Caller::Authenticated(vec!["db_viewer".into()]),
    };
    let response = relay.reader().handle(Timestamp(now), &asked).into_owned();
    Response {
        status: response.status,
        headers: response.headers.iter().map(bytes).collect(),
        body: response.body,
    }
}

impl Figures {
    /// Returns the requests per second that the cluster received between these seconds.
    pub fn rate(&self, seconds: Range<u64>) -> f64 {
        let counted = window(&self.requests, &seconds);
        counted.iter().sum::<u64>() as f64 / counted.len() as f64
    }

    /// Returns the most requests of one second between these.
    pub fn peak(&self, seconds: Range<u64>) -> u64 {
        window(&self.requests, &seconds).iter().copied().max().unwrap_or(0)
    }

    /// Returns the age of the oldest catalog between these seconds, in seconds.
    pub fn oldest(&self, seconds: Range<u64>) -> u64 {
        window(&self.oldest, &seconds).iter().copied().max().unwrap_or(0)
    }

    /// Returns the seconds after this one until no catalog is older than `age`.
    pub fn until_younger_than(&self, age: u64, second: u64) -> u64 {
        let rest = self.oldest.get(second as usize..).unwrap_or_default();
        rest.iter().position(|oldest| *oldest <= age).unwrap_or(rest.len()) as u64
    }
}

fn window<'a>(values: &'a [u64], seconds: &Range<u64>) -> &'a [u64] {
    values.get(seconds.start as usize..seconds.end as usize).unwrap_or_default()
}
