//! Tests of the runtime's observation: the probe, the stalls and the metrics.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    NoRuntime, RuntimeObserver,
    scheduler_probe::SchedulerProbe,
    watch::{Change, StallDetector},
};
use crate::metrics::{Format, Metrics, MetricsOptions};

#[test]
fn probes_stay_open_until_polled() {
    let probe = SchedulerProbe::default();
    let start = Instant::now();
    let after = |seconds| start + Duration::from_secs(seconds);
    assert_eq!(probe.stalled(start), Duration::ZERO);
    assert_eq!(probe.wake_up(start), Duration::ZERO);
    assert_eq!(probe.wake_up(after(2)), Duration::from_secs(2));
    assert_eq!(probe.stalled(after(5)), Duration::from_secs(5));
}

#[test]
fn stalls_are_reported_once() {
    let mut detector = StallDetector::default();
    let mut update = |milliseconds| detector.update(Duration::from_millis(milliseconds));
    assert_eq!(update(0), None);
    assert_eq!(update(2_900), None);
    assert_eq!(update(3_000), Some(Change::Blocked));
    assert_eq!(update(3_100), None);
    assert_eq!(update(9_000), None);
    let recovered = Change::Recovered(Duration::from_secs(9));
    assert_eq!(update(0), Some(recovered));
    assert_eq!(update(0), None);
    assert_eq!(update(4_000), Some(Change::Blocked));
    // The next stall began before this update, so the time decreased but is not zero.
    assert!(matches!(update(500), Some(Change::Recovered(_))));
}

#[test]
fn no_runtime_is_an_error() {
    assert_eq!(RuntimeObserver::default().observe_current(), Err(NoRuntime));
}

#[test]
fn ended_runtimes_leave_the_exposition() {
    let metrics = Metrics::new(MetricsOptions::default());
    let observer = Arc::new(RuntimeObserver::default());
    metrics.handle().add_collector(observer.clone());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    // The runtime has no timer, because the probe must not need one.
    ::metrics::with_local_recorder(&metrics.recorder(), || {
        runtime.block_on(async {
            observer.observe_current().unwrap();
            let probe = observer.observed().remove(0).probe;
            tokio::task::yield_now().await;
            probe.wake_up(Instant::now());
            while probe.stalled(Instant::now()) > Duration::ZERO {
                tokio::task::yield_now().await;
            }
        });
    });
    let exposition = metrics.handle().render(Format::Text);
    for line in [
        "tokio_workers 1",
        "tokio_alive_tasks 1",
        "tokio_global_queue_depth 0",
        "tokio_scheduler_stalled_seconds 0",
        "tokio_scheduler_delay_seconds_count 1",
        "tokio_worker_busy_seconds_total{worker=\"0\"}",
        "tokio_worker_park_total{worker=\"0\"}",
    ] {
        assert!(exposition.contains(line), "no {line} in\n{exposition}");
    }
    drop(runtime);
    assert!(observer.observed().is_empty());
    let exposition = metrics.handle().render(Format::Text);
    assert!(!exposition.contains("tokio_workers"), "{exposition}");
}
