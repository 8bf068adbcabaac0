//! Requests while Redis goes away and comes back: every request has an answer, which is the right
//! one or a 503.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::task::spawn_blocking;

use crate::body::{BLOOM, DEMO, catalog, documents, sorted};
use crate::server::Server;

/// The parts of a response that the test checks.
pub struct Answer {
    pub status: u16,
    pub retry_after: bool,
    pub body: Vec<u8>,
}

/// A request that is repeated, and its right response.
pub struct Question {
    pub target: String,
    status: u16,
    body: String,
}

/// The counts of answers.
#[derive(Default)]
struct Tally {
    right: AtomicUsize,
    unavailable: AtomicUsize,
    /// The number of times that Redis went away or had been back for a second. While this is even,
    /// no 503 is right.
    phase: AtomicUsize,
    done: AtomicBool,
}

pub const CLIENTS: usize = 16;
const ROUNDS: usize = 3;

/// Sends requests by `ask` from many clients while Redis is killed and started again. `ask` gets
/// the number of the client.
pub async fn withstands<A>(server: Server, ask: A) -> Server
where
    A: AsyncFn(usize, &Question) -> Answer,
{
    server.store().replace(&catalog(DEMO)).await.unwrap();
    server.run_command(&["SAVE"]);
    let questions = questions().await;
    let tally = Tally::default();
    let clients = (0..CLIENTS).map(|client| {
        let (ask, questions, tally) = (&ask, &questions, &tally);
        async move {
            let mut turn = client;
            while !tally.done.load(Ordering::Relaxed) {
                let question = &questions[turn % questions.len()];
                let phase = tally.phase.load(Ordering::SeqCst);
                let answer = ask(client, question).await;
                let settled = phase % 2 == 0 && phase == tally.phase.load(Ordering::SeqCst);
                tally.count(question, &answer, settled);
                turn += 1;
            }
        }
    });
    let ((), server) = tokio::join!(join_all(clients), disturb(server, &tally));
    let (right, unavailable) = (tally.right.into_inner(), tally.unavailable.into_inner());
    println!("{} answers: {right} right, {unavailable} times 503", right + unavailable);
    server
}

/// Kills Redis during the requests, and starts it again after clients have seen 503s.
async fn disturb(mut server: Server, tally: &Tally) -> Server {
    for _ in 0..ROUNDS {
        more(&tally.right, 200).await;
        tally.phase.fetch_add(1, Ordering::SeqCst);
        server.kill();
        more(&tally.unavailable, 200).await;
        // Waiting for Redis must not block the clients.
        server = spawn_blocking(|| server.restarted()).await.unwrap();
        let back = Instant::now();
        more(&tally.right, 1).await;
        println!("answers again {:?} after Redis", back.elapsed());
        tokio::time::sleep(Duration::from_secs(1).saturating_sub(back.elapsed())).await;
        tally.phase.fetch_add(1, Ordering::SeqCst);
    }
    more(&tally.right, 200).await;
    tally.done.store(true, Ordering::Relaxed);
    server
}

/// Waits until the count has grown by `more`.
async fn more(count: &AtomicUsize, more: usize) {
    let goal = count.load(Ordering::Relaxed) + more;
    let reached = async {
        while count.load(Ordering::Relaxed) < goal {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), reached).await.expect("no more answers");
}

impl Tally {
    fn count(&self, question: &Question, answer: &Answer, settled: bool) {
        let body = String::from_utf8_lossy(&answer.body);
        if answer.status == 503 {
            assert!(!settled, "{}: {body}", question.target);
            assert!(answer.retry_after && body.contains("store_unavailable"), "{body}");
            assert!(body.contains("redis at 127.0.0.1:"), "{body}");
            self.unavailable.fetch_add(1, Ordering::Relaxed);
        } else {
            assert_eq!(answer.status, question.status, "{}: {body}", question.target);
            assert_eq!(body, question.body, "{}", question.target);
            self.right.fetch_add(1, Ordering::Relaxed);
        }
    }
}

async fn questions() -> [Question; 3] {
    let bloom =
        documents(DEMO).await.into_iter().map(|document| String::from_utf8(document).unwrap());
    let bloom = bloom.into_iter().find(|document| document.contains(BLOOM)).unwrap();
    let unknown = r#"{"description":"the module does not exist","error_code":"module_not_exist"}"#;
    [
        Question { target: "/v1/modules".into(), status: 200, body: sorted(DEMO).await },
        Question {
            target: format!("/v1/modules/{BLOOM}"),
            status: 200,
            body: format!("{bloom}\n"),
        },
        Question {
            target: "/v1/modules/unknown".into(),
            status: 404,
            body: format!("{unknown}\n"),
        },
    ]
}

/// Runs all of them concurrently, in this task.
async fn join_all(futures: impl Iterator<Item = impl Future<Output = ()>>) {
    let mut futures: Vec<_> = futures.map(Box::pin).collect();
    std::future::poll_fn(|context| {
        futures.retain_mut(|future| future.as_mut().poll(context).is_pending());
        if futures.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}
