//! Limits of the cost of a call inside the guest. Instructions and memory are counted, not time:
//! the same artifact gives the same numbers on every machine, under any load.

use ccs_modules_benches::catalog;
use ccs_modules_benches::meter::{Cost, Meter};
use ccs_modules_benches::quiet;

/// A tenth above the last measurement. A change that makes a call dearer for a reason raises the
/// limit; one that makes it cheaper lowers it.
const GET: u64 = 44_100;
const LIST: u64 = 386_000;

/// The memory of an instance besides its documents.
const STACK_AND_DATA: usize = 1 << 20;

#[test]
fn a_call_takes_no_more_instructions_than_it_did() {
    let meter = Meter::new().unwrap();
    let get = meter.get(&catalog::middle_target(), catalog::demo()).unwrap();
    let list = meter.get("/v1/modules", catalog::demo()).unwrap();
    for (what, instructions, limit) in
        [("get", get.instructions, GET), ("list", list.instructions, LIST)]
    {
        assert!(instructions <= limit, "{what}: {instructions} instructions, more than {limit}");
        // A limit far above the cost would hide the next regression.
        assert!(
            instructions * 3 / 2 >= limit,
            "{what}: only {instructions}; lower the limit {limit}"
        );
    }
}

#[test]
fn a_module_of_a_long_list_takes_no_more_instructions_than_one_of_a_short() {
    let meter = Meter::new().unwrap();
    let per_module = |modules| list(&meter, modules).instructions / modules as u64;
    let (short, long) = (per_module(10), per_module(10_000));
    assert!(long * 10 <= short * 13, "{short} instructions a module of 10, {long} of 10,000");
}

#[test]
fn a_list_takes_little_more_memory_than_its_answer() {
    let meter = Meter::new().unwrap();
    for modules in [10, 100, 1_000, 10_000] {
        let Cost { memory, body, .. } = list(&meter, modules);
        let most = body.len() * 5 / 2 + STACK_AND_DATA;
        assert!(
            memory <= most,
            "{modules} modules, {} bytes: {memory} bytes, more than {most}",
            body.len()
        );
    }
}

#[test]
fn a_run_on_a_busy_machine_is_not_published() {
    quiet::check(0.0).unwrap();
    quiet::check(0.5).unwrap();
    for load in [0.51, 6.3, f64::NAN] {
        let error = quiet::check(load).unwrap_err().to_string();
        assert!(error.contains(&format!("is {load:.2}, ")), "{error}");
        assert!(error.contains("wait"), "{error}");
    }
}

fn list(meter: &Meter, modules: usize) -> Cost {
    meter.get("/v1/modules", catalog::of(modules)).unwrap()
}
