//! Every target on its corpus, and on changes to it that are the same in each run.

use std::fs;
use std::path::Path;

use ccs_modules_fuzz::TARGETS;
use fastrand::Rng;

/// The number of changed inputs for each target.
const CHANGED: usize = 20_000;

/// The same with the environment variable `CCS_MODULES_LONG`.
const CHANGED_LONG: usize = 1_000_000;

#[test]
fn targets_find_nothing() {
    let long = std::env::var_os("CCS_MODULES_LONG").is_some();
    let changes = if long { CHANGED_LONG } else { CHANGED };
    for (name, run) in TARGETS {
        let corpus = corpus(name);
        assert!(!corpus.is_empty(), "{name} has no corpus");
        corpus.iter().for_each(|input| run(input));
        let mut rng = Rng::with_seed(1);
        for _ in 0..changes {
            let input = changed(&corpus, &mut rng);
            let guard = Shown(name, &input);
            run(&input);
            std::mem::forget(guard);
        }
    }
}

/// An input that is shown when a target panics.
struct Shown<'a>(&'a str, &'a [u8]);

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        eprintln!("{} fails on b\"{}\"", self.0, self.1.escape_ascii());
    }
}

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    let mut files: Vec<_> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    files.iter().map(|file| fs::read(file).expect("a file")).collect()
}

/// An input of the corpus with a few changed bytes, or its start joined to the end of another.
fn changed(corpus: &[Vec<u8>], rng: &mut Rng) -> Vec<u8> {
    let mut input = corpus[rng.usize(..corpus.len())].clone();
    for _ in 0..rng.usize(1..4) {
        let at = rng.usize(..=input.len());
        match rng.u8(..5) {
            0 => input.insert(at, rng.u8(..)),
            1 => input.truncate(at),
            2 if at < input.len() => _ = input.remove(at),
            3 if at < input.len() => input[at] = rng.u8(..),
            _ => {
                let other = &corpus[rng.usize(..corpus.len())];
                input.truncate(at);
                input.extend_from_slice(&other[rng.usize(..=other.len())..]);
                input.truncate(4096);
            }
        }
    }
    input
}
