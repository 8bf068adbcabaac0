//! A fleet of mirrors on virtual time, in front of one cluster.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;

use ccs_modules::mirror::{Config, Fetch, Millis, Mirror, Poll};
use ccs_modules::upstream::Response;

/// The refresh interval of every mirror, in seconds.
pub const REFRESH: u64 = 30;

/// A run: how many mirrors, for how long, and when the cluster is down. Times in seconds.
pub struct Run {
    /// The number of mirrors. All of them begin in the first second.
    pub mirrors: u64,
    /// The length of the run.
    pub seconds: u64,
    /// The outage.
    pub outage: Range<u64>,
}

/// The figures of a run.
pub struct Figures {
    /// The requests that the cluster received, by second, answered or not.
    pub requests: Vec<u64>,
    /// The mirrors that could not answer at the end of a second after the first refresh interval.
    pub unanswered: u64,
    /// The seconds from the end of the outage until each mirror was fresh again, the most of all.
    pub recovery: u64,
}

impl Figures {
    /// Returns the requests per second between these seconds.
    pub fn rate(&self, seconds: Range<u64>) -> f64 {
        let counted = self.window(&seconds);
        counted.iter().sum::<u64>() as f64 / counted.len() as f64
    }

    /// Returns the most requests of one second between these.
    pub fn peak(&self, seconds: Range<u64>) -> u64 {
        self.window(&seconds).iter().copied().max().unwrap_or(0)
    }

    fn window(&self, seconds: &Range<u64>) -> &[u64] {
        self.requests.get(seconds.start as usize..seconds.end as usize).unwrap_or_default()
    }
}

/// Runs a fleet.
pub fn run(run: &Run) -> Figures {
    let config = Config::parse(br#"{"nodes":["https://cluster:9443"]}"#).expect("a configuration");
    let mut mirrors: Vec<_> =
        (0..run.mirrors).map(|seed| Mirror::new(config.clone(), seed)).collect();
    // The mirrors by the moment at which each is to be polled.
    let mut due: BinaryHeap<_> =
        (0..run.mirrors).map(|index| Reverse((index * 1000 / run.mirrors, index))).collect();
    let mut figures =
        Figures { requests: vec![0; run.seconds as usize], unanswered: 0, recovery: 0 };
    let mut recovered = vec![false; mirrors.len()];
    for second in 0..run.seconds {
        while let Some(&Reverse((now, index))) = due.peek()
            && now < (second + 1) * 1000
        {
            due.pop();
            let mirror = &mut mirrors[index as usize];
            let next = match mirror.poll(Millis(now)) {
                Poll::Wait { until } => until.0,
                Poll::Fetch(Fetch { id, .. }) => {
                    figures.requests[second as usize] += 1;
                    // A response takes 20 ms; a cluster that is down refuses the connection.
                    let after = now + 20;
                    if run.outage.contains(&second) {
                        mirror.failed(Millis(after), id, "connection refused");
                    } else {
                        let body = br#"[{"uid":"a"}]"#.to_vec();
                        let response = Response { status: 200, headers: vec![], body };
                        mirror.answered(Millis(after), id, response);
                        if second >= run.outage.end && !recovered[index as usize] {
                            recovered[index as usize] = true;
                            figures.recovery = second + 1 - run.outage.end;
                        }
                    }
                    after
                }
            };
            due.push(Reverse((next, index)));
        }
        if second >= REFRESH {
            let end = Millis((second + 1) * 1000);
            let silent = mirrors.iter().filter(|mirror| mirror.view(end).is_err()).count();
            figures.unanswered += silent as u64;
        }
    }
    figures
}
