//! Alone in its file: it installs what is global in a process.

#![cfg(feature = "testing")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use firstlight::{
    TelemetryConfig, TelemetryGuard,
    jobs::{Queue, QueueStats},
    metrics::Format,
    testing::OtlpReceiver,
};

/// Every look is told to be the next of these.
const LOOKS: usize = 6;

/// What the store says, look by look.
async fn look(number: usize) -> Result<QueueStats, &'static str> {
    tracing::info_span!("query").in_scope(|| {});
    match number {
        0 => Err("not there yet"),
        1 => Ok(QueueStats::new()
            .ready(3)
            .dead(1)
            .oldest_age(Duration::from_secs(2))),
        2 => panic!("on purpose"),
        // One state less than before.
        3 => Ok(QueueStats::new().ready(4).oldest_age(Duration::ZERO)),
        4 => std::future::pending().await,
        _ => Ok(QueueStats::new().ready(5).dead(2)),
    }
}

/// The values on the page, in the order of `up`, `ready`, `dead`, age.
fn values(telemetry: &TelemetryGuard) -> [Option<String>; 4] {
    let page = telemetry.metrics().render(Format::Text);
    [
        "worker_queue_up{queue=\"emails\"} ",
        "worker_queue_depth{queue=\"emails\",status=\"ready\"} ",
        "worker_queue_depth{queue=\"emails\",status=\"dead\"} ",
        "worker_queue_oldest_age_seconds{queue=\"emails\"} ",
    ]
    .map(|series| {
        let line = page.lines().find_map(|line| line.strip_prefix(series));
        line.map(str::to_owned)
    })
}

#[tokio::test(start_paused = true)]
async fn the_gauges_of_a_queue_are_nan_while_its_store_is_away() {
    let receiver = OtlpReceiver::start().unwrap();
    let telemetry = TelemetryConfig::new()
        .otlp_endpoint(receiver.endpoint())
        .without_admin()
        .init()
        .unwrap();
    let queue = Queue::declare("emails").latency_budget(Duration::from_secs(60));

    let looks = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&looks);
    // It says 15 s, and the clock is the test's: every second look at the page is between two looks at the store.
    let watch = queue.watch(Duration::from_secs(15), move || {
        look(counted.fetch_add(1, Ordering::Relaxed))
    });
    let mut seen = Vec::new();
    tokio::time::sleep(Duration::from_secs(7)).await;
    while looks.load(Ordering::Relaxed) <= LOOKS {
        seen.push(values(&telemetry));
        tokio::time::sleep(Duration::from_secs(15)).await;
    }
    drop(watch);
    tokio::time::sleep(Duration::from_secs(1)).await;
    seen.push(values(&telemetry));

    let expected = [
        [Some("0"), None, None, None],
        [Some("1"), Some("3"), Some("1"), Some("2")],
        [Some("0"), Some("NaN"), Some("NaN"), Some("NaN")],
        [Some("1"), Some("4"), Some("NaN"), Some("0")],
        // It takes its time to be called away.
        [Some("1"), Some("4"), Some("NaN"), Some("0")],
        [Some("1"), Some("5"), Some("2"), Some("NaN")],
        // Nobody looks any more.
        [Some("0"), Some("NaN"), Some("NaN"), Some("NaN")],
    ];
    let seen: Vec<_> = seen
        .iter()
        .map(|values| values.each_ref().map(Option::as_deref))
        .collect();
    assert_eq!(seen, expected);
    let page = telemetry.metrics().render(Format::Text);
    let count = |level| format!("logging_events_total{{level=\"{level}\"}} ");
    let lines = |level| {
        let count = count(level);
        page.lines().find_map(|line| line.strip_prefix(&*count))
    };
    // Three times away; the error is the line about the panic.
    assert_eq!(
        (lines("warn"), lines("error")),
        (Some("3"), Some("1")),
        "{page}"
    );
    telemetry.shutdown(Duration::from_secs(30)).unwrap();
    assert_eq!(receiver.spans(), [], "what it asks the store is no trace");
}
