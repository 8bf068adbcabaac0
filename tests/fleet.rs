//! Many mirrors of one cluster: they ask it at different moments, and do not rush at it when it is
//! back. `examples/fleet.rs` prints the figures of a larger fleet.

#![allow(clippy::expect_used, clippy::indexing_slicing)] // a test may panic

mod fleet_model;

use fleet_model::{REFRESH, Run, run};

#[test]
fn a_fleet_does_not_rush_at_a_cluster_that_is_back() {
    let figures = run(&Run { mirrors: 600, seconds: 1800, outage: 600..1200 });
    // Nineteen twentieths of the refresh interval are between two fetches on average.
    let steady = figures.rate(300..600);
    assert!((20.0..22.5).contains(&steady), "{steady}");
    assert!(figures.rate(0..REFRESH) <= 3.0 * steady, "{}", figures.rate(0..REFRESH));

    // While the cluster is down, it is not asked more than twice as often.
    for second in (600..1200).step_by(10) {
        let rate = figures.rate(second..second + 10);
        assert!(rate <= 2.0 * steady, "{rate} from second {second} on");
    }
    // Nor when it is back.
    for second in (1200..1800).step_by(10) {
        let rate = figures.rate(second..second + 10);
        assert!(rate <= 2.0 * steady, "{rate} from second {second} on");
    }
    // A single second of so few requests varies more, by chance.
    for seconds in [300..600, 1200..1800] {
        let peak = figures.peak(seconds);
        assert!(peak as f64 <= 2.5 * steady, "{peak}");
    }
    assert_eq!(figures.unanswered, 0);
    assert!(figures.recovery <= REFRESH + 1, "{}", figures.recovery);
}
