//! Tests of the observation of a runtime.

use std::{
    net::SocketAddr,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use firstlight::{TelemetryConfig, metrics::Format};

use crate::support::ask;

/// Returns the value of a series, or 0 if there is no such series.
fn value(exposition: &str, series: &str) -> f64 {
    let line = exposition
        .lines()
        .find_map(|line| line.strip_prefix(series));
    line.map_or(0.0, |value| value.trim().parse().unwrap())
}

/// Scrapes until `enough` holds, and returns the exposition.
fn scrape_until(address: SocketAddr, enough: impl Fn(&str) -> bool) -> String {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let exposition = ask(address, "GET /metrics").body;
        if enough(&exposition) {
            return exposition;
        }
        if Instant::now() > deadline {
            panic!("waited for too long:\n{exposition}");
        }
        thread::sleep(Duration::from_millis(100));
    }
}

pub(crate) fn blocking_is_reported() {
    let telemetry = TelemetryConfig::new()
        .admin_address(([127, 0, 0, 1], 0).into())
        .init()
        .unwrap();
    let address = telemetry.admin_address().unwrap();
    assert!(telemetry.instrument_runtime().is_err());
    assert!(!ask(address, "GET /metrics").body.contains("tokio_workers"));

    let (unblock, blocked) = mpsc::channel::<()>();
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    thread::scope(|scope| {
        let telemetry = &telemetry;
        scope.spawn(move || {
            runtime.block_on(async move {
                telemetry.instrument_runtime().unwrap();
                let answered = "tokio_scheduler_delay_seconds_count";
                while value(&telemetry.metrics().render(Format::Text), answered) < 5.0 {
                    tokio::task::yield_now().await;
                }
                // The mistake that is reported: a blocking wait in async code.
                let _ = blocked.recv();
                let _ = ended.await;
            });
        });
        let warnings = "logging_events_total{level=\"warn\"}";
        let before = value(&ask(address, "GET /metrics").body, warnings);
        let stalled = "tokio_scheduler_stalled_seconds";
        // A runtime that is blocked for 3 s is reported.
        let exposition = scrape_until(address, |exposition| {
            value(exposition, stalled) > 3.0 && value(exposition, warnings) > before
        });
        assert_eq!(value(&exposition, warnings), before + 1.0, "{exposition}");
        unblock.send(()).unwrap();
        let exposition = scrape_until(address, |exposition| {
            value(exposition, warnings) > before + 1.0
        });
        assert!(value(&exposition, stalled) < 3.0, "{exposition}");
        let slow = "tokio_scheduler_delay_seconds_bucket{le=\"2.5\"}";
        let all = value(&exposition, "tokio_scheduler_delay_seconds_count");
        assert!(all - value(&exposition, slow) >= 1.0, "{exposition}");
        assert_eq!(ask(address, "GET /livez").status, 200);
        end.send(()).unwrap();
    });
    let exposition = ask(address, "GET /metrics").body;
    assert!(!exposition.contains("tokio_workers"), "{exposition}");
}
