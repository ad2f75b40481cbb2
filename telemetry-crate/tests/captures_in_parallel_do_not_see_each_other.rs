//! Alone in its file: it is about what tests in one process have in common.

#![cfg(feature = "testing")]

use std::{
    sync::{Arc, Barrier},
    thread,
};

use firstlight::testing::capture;

const THREADS: usize = 16;
const ROUNDS: u64 = 50;

/// The same callsites for all of them.
fn act(test: usize) {
    let _span = tracing::info_span!("act", test).entered();
    tracing::info!(test, "acted");
    metrics::counter!("acts_total").increment(1);
    metrics::histogram!("act_seconds").record(0.5);
}

#[test]
fn captures_in_parallel_do_not_see_each_other() {
    let barrier = Arc::new(Barrier::new(2 * THREADS));
    thread::scope(|scope| {
        for test in 0..THREADS {
            let barrier = &barrier;
            // Tests without a capture are the first to come by a callsite, or the last, and must not matter either way.
            scope.spawn(move || {
                barrier.wait();
                (0..ROUNDS).for_each(|_| act(test));
            });
            scope.spawn(move || {
                barrier.wait();
                for _ in 0..ROUNDS {
                    let capture = capture();
                    act(test);
                    let (logs, spans) = (capture.logs(), capture.spans());
                    assert_eq!((logs.len(), spans.len()), (1, 1), "{}", capture.waterfall());
                    capture.assert_log("acted").with("test", test);
                    capture.assert_span("act").with("test", test);
                    capture.assert_metric("acts_total", [], 1.0);
                    let seconds = capture.histogram("act_seconds", []);
                    assert_eq!(seconds.map(|it| (it.count, it.sum)), Some((1, 0.5)));
                }
            });
        }
    });
    act(0);
    assert_eq!(capture().logs(), [], "nothing stays behind");
}
