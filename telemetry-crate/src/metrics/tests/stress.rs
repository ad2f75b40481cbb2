//! A test that every use of every thread is counted, also during scrapes.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use ::metrics::{counter, gauge, histogram, with_local_recorder};

use super::values;
use crate::metrics::strict_parser::samples;
use crate::metrics::{Format, Metrics, MetricsOptions};

const THREADS: usize = 4;
const ROUNDS: usize = 10_000;

/// More keys than the thread-local cache holds.
const KEYS: usize = 50;

#[test]
fn uses_during_scrapes_are_all_counted() {
    let metrics = Metrics::new(MetricsOptions::default());
    let is_done = AtomicBool::new(false);
    let record = || {
        with_local_recorder(&metrics.recorder(), || {
            let kept = counter!("kept");
            for round in 0..ROUNDS {
                let key = (round % KEYS).to_string();
                counter!("c").increment(1);
                counter!("c", "k" => key.clone()).increment(2);
                gauge!("up", "k" => key.clone()).increment(1.0);
                gauge!("level").increment(3.0);
                gauge!("level").decrement(3.0);
                histogram!("h", "k" => key).record(1.0);
                histogram!("h").record_many(2.0, 3);
                kept.increment(1);
            }
        });
    };
    thread::scope(|scope| {
        let scraper = scope.spawn(|| {
            let mut scrapes = 0;
            let mut last = 0_u64;
            while !is_done.load(Ordering::Relaxed) || scrapes < 2 {
                let format = [Format::Text, Format::OpenMetrics][scrapes % 2];
                let exposition = samples(&metrics.handle().render(format));
                let mut kept = exposition.iter().filter(|(name, ..)| name == "kept_total");
                let now = kept
                    .next()
                    .map_or(0, |(_, _, value)| value.parse().unwrap());
                assert!(last <= now, "a counter went from {last} to {now}");
                last = now;
                scrapes += 1;
            }
        });
        let recorders: Vec<_> = (0..THREADS).map(|_| scope.spawn(record)).collect();
        recorders
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        is_done.store(true, Ordering::Relaxed);
        scraper.join().unwrap();
    });

    let all = THREADS * ROUNDS;
    let handle = metrics.handle();
    // The series without labels sorts first.
    for (name, without_labels, each) in [
        ("c_total", all, 2 * all / KEYS),
        ("h_count", 3 * all, all / KEYS),
        ("h_sum", 6 * all, all / KEYS),
    ] {
        let values: Vec<_> = values(&handle, name)
            .into_iter()
            .map(|(_, value)| value)
            .collect();
        assert_eq!(values.len(), 1 + KEYS, "{name}");
        assert_eq!(values[0], without_labels.to_string(), "{name}");
        assert!(
            values[1..].iter().all(|value| *value == each.to_string()),
            "{name}: {values:?}"
        );
    }
    let up = values(&handle, "up");
    assert!(
        up.iter()
            .all(|(_, value)| *value == (all / KEYS).to_string()),
        "{up:?}"
    );
    assert_eq!(values(&handle, "level")[0].1, "0");
    assert_eq!(values(&handle, "kept_total")[0].1, all.to_string());
}
