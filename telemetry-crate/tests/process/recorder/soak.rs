//! The flight recorder under load: memory stays flat, and no thread is blocked.

use std::{
    io::Read as _,
    net::SocketAddr,
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

use tracing::{info_span, instrument};

use crate::support::{ask, scenario::Scenario};

/// The duration of the load without `SOAK_SECONDS`.
const SECONDS: u64 = 60;

/// The time in which the process reaches its working size.
const WARM_UP: Duration = Duration::from_secs(10);

/// The growth of the process that counts as flat, in bytes.
///
/// The allocator keeps freed memory, and the sizes of the load vary.
const GROWTH: f64 = 24.0 * 1024.0 * 1024.0;

/// The budget of the recorder in bytes.
const BUDGET: &str = "2097152";

/// Works on four threads until standard input is closed.
pub(crate) fn run_soaks() -> ExitCode {
    let telemetry = firstlight::init!().unwrap();
    for worker in 0..4_u64 {
        thread::spawn(move || {
            for number in 0.. {
                let _ = work(number, worker);
                metrics::counter!("works").increment(1);
            }
        });
    }
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    drop(telemetry);
    ExitCode::SUCCESS
}

/// One unit of work; every fifth fails, and some have hostile sizes.
fn work(number: u64, worker: u64) -> Result<(), String> {
    let name = format!("work {}", number % 400);
    let root = info_span!("work", otel.name = name, worker);
    root.in_scope(|| {
        let events = match number % 1_000 {
            0 => 5_000,
            other => other % 4,
        };
        for event in 0..events {
            tracing::debug!(event, "did a step");
        }
        let size = match number % 500 {
            0 => 3_000_000,
            other => usize::try_from(other).unwrap_or(0),
        };
        let body = "x".repeat(size);
        info_span!("store", body).in_scope(|| tracing::info!(size, "stored"));
        if number.is_multiple_of(5) {
            fail(number)
        } else {
            Ok(())
        }
    })
}

#[instrument(err, parent = None)]
fn fail(number: u64) -> Result<(), String> {
    Err(format!("cannot store {number}"))
}

/// The value of a metric without labels.
fn value(metrics: &str, name: &str) -> f64 {
    let line = metrics
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in {metrics}"))
        .parse()
        .unwrap()
}

fn read_everything(address: SocketAddr) -> String {
    for path in [
        "/traces",
        "/traces?failed",
        "/traces?slow&recent",
        "/explain",
    ] {
        assert_eq!(ask(address, &format!("GET {path}")).status, 200, "{path}");
    }
    ask(address, "GET /metrics").body
}

/// Tests that memory stays flat and that neither readers nor writers are blocked.
pub(crate) fn soak() {
    let seconds = std::env::var("SOAK_SECONDS").map_or(SECONDS, |seconds| seconds.parse().unwrap());
    let variables = [
        ("FIRSTLIGHT_RECORDER_BYTES", BUDGET),
        ("FIRSTLIGHT_RECORDER_FILTER", "debug"),
        ("RUST_LOG", "off,firstlight=info"),
    ];
    let (mut scenario, address) = Scenario::serving("soaks", &variables);
    let start = Instant::now();
    let (mut works, mut warm) = (0.0, None::<f64>);
    while start.elapsed() < Duration::from_secs(seconds) {
        thread::sleep(Duration::from_millis(500));
        let metrics = read_everything(address);
        let budget: f64 = BUDGET.parse().unwrap();
        assert!(
            value(&metrics, "recorder_used_bytes") <= budget,
            "{metrics}"
        );
        let done = value(&metrics, "works_total");
        assert!(done > works, "the writers are blocked after {done}");
        works = done;
        let resident = value(&metrics, "process_resident_memory_bytes");
        // The size of a process that works already.
        if start.elapsed() > WARM_UP {
            let warm = *warm.get_or_insert(resident);
            assert!(resident < warm + GROWTH, "{resident} after {warm}");
        }
    }
    scenario.end();
}
