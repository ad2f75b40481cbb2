//! The flight recorder under load: memory stays flat, and no thread is blocked.

use std::{
    io::{BufRead as _, BufReader, Lines, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    process::{ChildStdout, ExitCode},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{Receiver, channel},
    },
    thread,
    time::{Duration, Instant},
};

use tracing::{info_span, instrument};

use super::{file, next};
use crate::support::{ask, scenario::Scenario};

/// The duration of the load without `SOAK_SECONDS`.
const SECONDS: u64 = 60;

/// The time in which the process reaches its working size.
const WARM_UP: Duration = Duration::from_secs(10);

/// The growth of the process that counts as flat, in bytes.
///
/// The allocator keeps freed memory.
const GROWTH: f64 = 8.0 * 1024.0 * 1024.0;

/// The size in bytes from which glibc returns freed memory at once.
///
/// glibc raises it by itself. Then the process may grow by each of the load's largest texts at any time.
const MMAP_THRESHOLD: &str = "131072";

/// The budget of the recorder in bytes.
const BUDGET: &str = "2097152";

/// The number of roots that are open at the end of the load.
const LEFT_OPEN: u32 = 4;

/// The longest wait for an event after the load.
const DEADLINE: Duration = Duration::from_secs(60);

/// Works on four threads until a line comes.
///
/// Then it leaves roots open until standard input is closed.
pub(crate) fn run_soaks() -> ExitCode {
    let telemetry = firstlight::init!().unwrap();
    let stops = Arc::new(AtomicBool::new(false));
    let threads: Vec<_> = (0..4_u64)
        .map(|worker| {
            let stops = stops.clone();
            thread::spawn(move || {
                for number in 0.. {
                    let _ = work(number, worker);
                    metrics::counter!("works").increment(1);
                    if stops.load(Ordering::Relaxed) {
                        break;
                    }
                }
            })
        })
        .collect();
    let mut input = std::io::stdin().lock();
    let _ = input.read_line(&mut String::new());
    stops.store(true, Ordering::Relaxed);
    for thread in threads {
        thread.join().unwrap();
    }
    let open: Vec<_> = (0..LEFT_OPEN)
        .map(|number| {
            let span = info_span!("left open", number);
            span.in_scope(|| tracing::info!("left"));
            span
        })
        .collect();
    tracing::info!(target: "firstlight", "stopped");
    let _ = input.read_to_end(&mut Vec::new());
    drop(open);
    drop(telemetry);
    ExitCode::SUCCESS
}

/// One unit of work; every fifth fails, and some have hostile sizes.
#[instrument(err, skip(number), fields(otel.name = format!("work {}", number % 400)))]
fn work(number: u64, worker: u64) -> Result<(), String> {
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
}

#[instrument(err)]
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

/// Reads each page once, and returns the exposition.
fn read_everything(address: SocketAddr) -> String {
    let get = |path: &str| {
        let answer = ask(address, &format!("GET {path}"));
        assert_eq!(answer.status, 200, "{path}");
        answer.body
    };
    let lists = ["/traces", "/traces?slow&recent", "/traces?failed"].map(get);
    let [.., failed] = &lists;
    let ids = failed.split_whitespace().filter(|word| word.len() == 32);
    for id in ids.take(5) {
        // It may be evicted since the list was made.
        let status = ask(address, &format!("GET /traces/{id}")).status;
        assert!([200, 404].contains(&status), "{status}");
    }
    for path in [
        "/explain",
        "/logs",
        "/logs?tail=1000&level=error",
        "/errors",
    ] {
        get(path);
    }
    get("/metrics")
}

/// Follows the log lines, again and again; returns the number of lines so far.
///
/// A follower that does not keep up is disconnected.
fn follow(address: SocketAddr) -> Arc<AtomicU64> {
    let lines = Arc::new(AtomicU64::new(0));
    let read = lines.clone();
    thread::spawn(move || {
        while let Ok(mut stream) = TcpStream::connect(address) {
            let head = "GET /logs?follow&target=process::recorder HTTP/1.0\r\n\r\n";
            if stream.write_all(head.as_bytes()).is_ok() {
                let lines = BufReader::new(stream).lines().map_while(Result::ok);
                let lines = lines.filter(|line| line.starts_with('{'));
                lines.for_each(|_| {
                    read.fetch_add(1, Ordering::Relaxed);
                });
            }
            thread::sleep(Duration::from_millis(100));
        }
    });
    lines
}

/// Reads standard output to its end.
///
/// Sends the number of lines up to the last one of the load.
fn drain(lines: Lines<BufReader<ChildStdout>>) -> Receiver<u64> {
    let (sender, stopped) = channel();
    thread::spawn(move || {
        let mut count = 0;
        for line in lines.map_while(Result::ok) {
            assert!(line.starts_with('{') && line.ends_with('}'), "{line}");
            count += 1;
            if line.contains("\"stopped\"") {
                let _ = sender.send(count);
            }
        }
    });
    stopped
}

/// Tests that memory stays flat in its budget, and that no thread is blocked.
#[expect(clippy::print_stdout, reason = "the numbers of the run")]
pub(crate) fn soak() {
    let seconds = std::env::var("SOAK_SECONDS").map_or(SECONDS, |seconds| seconds.parse().unwrap());
    let file = file("soak");
    let variables = [
        ("FIRSTLIGHT_RECORDER_BYTES", BUDGET),
        ("FIRSTLIGHT_RECORDER_FILTER", "debug"),
        ("FIRSTLIGHT_RECORDER_FILE", file.to_str().unwrap()),
        ("MALLOC_MMAP_THRESHOLD_", MMAP_THRESHOLD),
        ("RUST_LOG", "info"),
    ];
    let (mut scenario, address) = Scenario::serving("soaks", &variables);
    let stopped = drain(scenario.lines.take().unwrap());
    let followed = follow(address);
    let start = Instant::now();
    let budget: f64 = BUDGET.parse().unwrap();
    let (mut works, mut lines) = (0.0, 0);
    let mut sizes = Vec::new();
    while start.elapsed() < Duration::from_secs(seconds) {
        thread::sleep(Duration::from_millis(500));
        let metrics = read_everything(address);
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
            let now = followed.load(Ordering::Relaxed);
            assert!(now > lines, "the follower is blocked after {now}");
            lines = now;
            sizes.push(resident);
        }
    }
    // The largest texts of the load come and go, so the smallest sizes are compared.
    let (first, last) = (&sizes[..=sizes.len() / 4], &sizes[sizes.len() * 3 / 4..]);
    let [first, last] = [first, last].map(|sizes| sizes.iter().copied().fold(f64::MAX, f64::min));
    let growth = last - first;
    assert!(growth < GROWTH, "{last} after {first}");
    scenario.write_line("stop");
    let logged = stopped.recv_timeout(DEADLINE).unwrap();
    println!("{works} works, {logged} lines, {lines} followed, growth {growth} bytes");
    // No root is lost among the open ones.
    let metrics = read_everything(address);
    let open = value(&metrics, "recorder_open_roots");
    assert!((open - f64::from(LEFT_OPEN)).abs() < 0.5, "{metrics}");
    let list = ask(address, "GET /traces?open").body;
    assert!(list.contains("\nopen: 4, "), "{list}");
    assert!(
        value(&metrics, "recorder_used_bytes") <= budget,
        "{metrics}"
    );
    assert_eq!(scenario.end().0, Some(0));
    let (line, _) = next(&file);
    assert_eq!(line["previous.ended"], "clean", "{line}");
}
