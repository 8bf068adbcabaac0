//! Many mirrors of one cluster: they ask it at different moments, and do not rush at it when it is
//! back. The benchmark suite has the figures of a larger fleet.

#![allow(clippy::expect_used, clippy::indexing_slicing)] // a test may panic

mod fleet_model;

use fleet_model::{REFRESH, Run, run};

#[test]
fn a_fleet_does_not_rush_at_a_cluster_that_is_back() {
    let figures = run(&Run { mirrors: 600, relays: 0, seconds: 1800, outage: 600..1200 });
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
    let recovery = figures.until_younger_than(REFRESH, 1200);
    assert!(recovery <= REFRESH + 1, "{recovery}");
}

#[test]
fn a_chain_asks_for_its_relays_alone_and_adds_their_ages() {
    let figures = run(&Run { mirrors: 600, relays: 3, seconds: 1800, outage: 600..1200 });
    // As many as three mirrors ask.
    assert!(figures.rate(300..600) <= 3.0 / 28.0, "{}", figures.rate(300..600));
    let relayed = figures.relayed[300..600].iter().sum::<u64>() as f64 / 300.0;
    assert!((20.0..22.5).contains(&relayed), "{relayed}");
    // A catalog is as old as the relay's when it was taken, and then as long as it was kept.
    let oldest = figures.oldest(300..600);
    assert!(oldest > REFRESH && oldest <= 2 * REFRESH + 1, "{oldest}");
    // An answer says its true age through the outage: the relays hand on how old theirs is.
    let oldest = figures.oldest(1199..1200);
    assert!(oldest >= 600, "{oldest}");
    assert_eq!(figures.unanswered, 0);
    let recovery = figures.until_younger_than(2 * REFRESH, 1200);
    assert!(recovery <= 2 * REFRESH + 1, "{recovery}");
}
