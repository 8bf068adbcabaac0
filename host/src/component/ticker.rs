//! The clock that interrupts guests.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use wasmtime::Engine;

use crate::CallError;
use crate::component::in_time;

/// The time that a guest runs before other tasks run and its timeout is checked.
const TICK: Duration = Duration::from_millis(10);

/// Increments the epoch of an engine while calls run. Between calls its thread sleeps.
#[derive(Clone)]
pub(crate) struct Ticker {
    running: Arc<AtomicUsize>,
    wake: SyncSender<()>,
}

impl Ticker {
    /// Starts the thread, which ends with the last clone of the ticker.
    pub(crate) fn start(engine: &Engine) -> io::Result<Self> {
        let running = Arc::new(AtomicUsize::new(0));
        let (wake, woken) = sync_channel(1);
        let (engine, calls) = (engine.weak(), running.clone());
        thread::Builder::new().name("epoch".into()).spawn(move || {
            while woken.recv().is_ok() {
                while calls.load(Ordering::SeqCst) > 0 {
                    thread::sleep(TICK);
                    let Some(engine) = engine.upgrade() else { return };
                    engine.increment_epoch();
                }
            }
        })?;
        Ok(Self { running, wake })
    }

    /// Waits for a call until its time is over, and ticks meanwhile.
    pub(crate) async fn in_time<T, E: From<CallError>>(
        &self,
        time: Duration,
        call: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let _ticking = self.run();
        in_time(time, call).await
    }

    /// Ticks until the result is dropped.
    pub(crate) fn run(&self) -> Ticking {
        if self.running.fetch_add(1, Ordering::SeqCst) == 0 {
            // If the channel is full, the thread wakes anyway.
            let _ = self.wake.try_send(());
        }
        Ticking(self.running.clone())
    }
}

/// The ticks after which this time is over. The first of them may come at once.
pub(crate) fn ticks(time: Duration) -> u64 {
    let ticks = time.as_nanos().div_ceil(TICK.as_nanos()) + 1;
    // An engine adds them to those that it has counted.
    u32::try_from(ticks).unwrap_or(u32::MAX).into()
}

/// A call that runs.
pub(crate) struct Ticking(Arc<AtomicUsize>);

impl Drop for Ticking {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use wasmtime::{Config, Instance, Module, Store};

    use super::*;

    #[test]
    fn a_time_is_never_over_before_its_ticks() {
        for (time, expected) in [
            (Duration::ZERO, 1),
            (Duration::from_nanos(1), 2),
            (TICK, 2),
            (TICK * 3 / 2, 3),
            (Duration::MAX, u32::MAX.into()),
        ] {
            assert_eq!(ticks(time), expected, "{time:?}");
        }
    }

    #[test]
    fn the_epoch_ticks_while_calls_run_and_not_between_them() {
        let engine = Engine::new(Config::new().epoch_interruption(true)).unwrap();
        let ticker = Ticker::start(&engine).unwrap();
        let module = wat::parse_str("(module (func (export \"f\")))").unwrap();
        let module = Module::new(&engine, module).unwrap();
        // A guest whose deadline is one tick traps if there was one since.
        let ticks_in = |time| {
            let mut store = Store::new(&engine, ());
            store.set_epoch_deadline(1);
            let instance = Instance::new(&mut store, &module, &[]).unwrap();
            let f = instance.get_typed_func::<(), ()>(&mut store, "f").unwrap();
            thread::sleep(time);
            f.call(&mut store, ()).is_err()
        };

        assert!(!ticks_in(3 * TICK));
        for _ in 0..3 {
            let running = (ticker.run(), ticker.run());
            drop(running.0);
            assert!(ticks_in(20 * TICK));
            drop(running.1);
            // The last tick may still be on its way.
            thread::sleep(20 * TICK);
            assert!(!ticks_in(3 * TICK));
        }
    }
}
