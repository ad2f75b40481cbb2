//! Tests of the shutdown on every kind of runtime with every fault of a collector.
//!
//! Nothing panics, everything that can be delivered is delivered, and the shutdown keeps its
//! deadline and names each signal that has lost something. Each case runs in a process of its own,
//! which this test starts from its own executable. The variable `SCENARIO` selects the runtime. The
//! table in the book is generated from [`RUNTIMES`], [`TRANSPORTS`] and [`FAULTS`].

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests"
)]

mod support;

use std::{
    fs,
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Command, ExitCode, Stdio},
    time::Duration,
};

use firstlight::testing::{CollectorAnswer, OtlpReceiver};
use libtest_mimic::{Arguments, Failed, Trial};
use support::child::wait;
use tokio::{
    net::{TcpListener, TcpSocket},
    runtime::{Builder, Runtime},
};

/// The runtimes: the name of the scenario, and the name in the table.
const RUNTIMES: [(&str, &str); 5] = [
    ("none", "no runtime"),
    ("current_thread", "current_thread"),
    ("one_worker", "one worker"),
    ("workers", "four workers"),
    ("spawned", "init in a spawned task"),
];

const TRANSPORTS: [&str; 2] = ["http/protobuf", "grpc"];

/// The faults: the name in the table, the fault, and the result in the table.
const FAULTS: [(&str, Fault, &str); 6] = [
    ("healthy", Fault::None, "all delivered"),
    ("refused", Fault::Refused, "at once: connection refused"),
    ("hanging", Fault::Hanging, "at the deadline: no answer"),
    (
        "429, Retry-After 60 s",
        Fault::Throttled,
        "at the deadline: 429",
    ),
    ("503", Fault::Unavailable, "after a second try: 503"),
    ("black hole", Fault::BlackHole, "at the deadline: no answer"),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// Accepts everything.
    None,
    /// Refuses connections.
    Refused,
    /// Accepts connections and requests, and does not answer.
    Hanging,
    /// Answers 429 with a `Retry-After` of 60 s.
    Throttled,
    /// Answers 503.
    Unavailable,
    /// Drops packets.
    BlackHole,
}

/// Number of spans that each process records.
const SPANS: usize = 3;

fn main() -> ExitCode {
    if let Ok(runtime) = std::env::var("SCENARIO") {
        return run_scenario(&runtime);
    }
    let mut trials = vec![Trial::test("book::table_is_up_to_date", || {
        compare_table();
        Ok::<(), Failed>(())
    })];
    for (runtime, _) in RUNTIMES {
        for transport in TRANSPORTS {
            for (name, fault, _) in FAULTS {
                let name = format!("{runtime}_{transport}_{name}").replace(['/', ' ', ','], "_");
                trials.push(Trial::test(name, move || {
                    check(runtime, transport, fault);
                    Ok(())
                }));
            }
        }
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn run_scenario(runtime: &str) -> ExitCode {
    let workers = |workers| {
        Builder::new_multi_thread()
            .worker_threads(workers)
            .enable_all()
            .build()
            .unwrap()
    };
    match runtime {
        "none" => work(),
        "current_thread" => Builder::new_current_thread()
            .build()
            .unwrap()
            .block_on(async { work() }),
        "one_worker" => workers(1).block_on(async { work() }),
        "workers" => workers(4).block_on(async { work() }),
        "spawned" => workers(1)
            .block_on(async { tokio::spawn(async { work() }).await })
            .unwrap(),
        runtime => panic!("no runtime {runtime}"),
    }
}

/// Records telemetry of all signals and shuts down.
///
/// The shutdown blocks the current thread, as at the end of an async `main`.
fn work() -> ExitCode {
    let deadline = std::env::var("DEADLINE").unwrap().parse().unwrap();
    let telemetry = firstlight::init().unwrap();
    for _ in 0..SPANS {
        let _entered = tracing::info_span!("work").entered();
        tracing::info!("working");
        metrics::counter!("work_done").increment(1);
    }
    match telemetry.shutdown(Duration::from_millis(deadline)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            // Neither a panic (101) nor an error of `main` (1) has this code.
            ExitCode::from(7)
        }
    }
}

/// A collector with a fault that lasts until the value is dropped.
struct Collector {
    endpoint: String,
    receiver: Option<OtlpReceiver>,
    _reserved: Option<TcpSocket>,
    _black_hole: Option<(Runtime, TcpListener, Vec<TcpStream>)>,
}

impl Collector {
    fn start(fault: Fault) -> Self {
        let mut collector = Self {
            endpoint: String::new(),
            receiver: None,
            _reserved: None,
            _black_hole: None,
        };
        let answer = match fault {
            Fault::None => CollectorAnswer::Accept,
            Fault::Hanging => CollectorAnswer::Hang,
            Fault::Throttled => CollectorAnswer::Reject {
                status: 429,
                retry_after: Some(Duration::from_secs(60)),
            },
            Fault::Unavailable => CollectorAnswer::Reject {
                status: 503,
                retry_after: None,
            },
            Fault::Refused => {
                // The socket does not listen, so connections are refused. It is bound, so no other process can take
                // the port.
                let socket = TcpSocket::new_v4().unwrap();
                socket.bind(loopback()).unwrap();
                collector.endpoint = format!("http://{}", socket.local_addr().unwrap());
                collector._reserved = Some(socket);
                return collector;
            }
            Fault::BlackHole => {
                let hole = black_hole();
                collector.endpoint = format!("http://{}", hole.1.local_addr().unwrap());
                collector._black_hole = Some(hole);
                return collector;
            }
        };
        let receiver = OtlpReceiver::start_answering(answer).unwrap();
        collector.endpoint = receiver.endpoint();
        collector.receiver = Some(receiver);
        collector
    }
}

/// Returns the loopback address with a port that the kernel chooses.
fn loopback() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

/// Opens a listener whose queue of connections is full.
///
/// The kernel drops the packets of further clients.
fn black_hole() -> (Runtime, TcpListener, Vec<TcpStream>) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let listener = {
        let _entered = runtime.enter();
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(loopback()).unwrap();
        socket.listen(0).unwrap()
    };
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
        waiting.push(stream);
        assert!(waiting.len() < 1_000, "the queue does not fill up");
    }
    (runtime, listener, waiting)
}

fn check(runtime: &str, transport: &str, fault: Fault) {
    let collector = Collector::start(fault);
    // In milliseconds. Without a fault it is long, because a delivery may be slow on a busy
    // machine. With a fault it is short, because the shutdown may take all of it.
    let deadline = if fault == Fault::None {
        "30000"
    } else {
        "1500"
    };
    let child = Command::new(std::env::current_exe().unwrap())
        .env("SCENARIO", runtime)
        .env("DEADLINE", deadline)
        .env("OTEL_EXPORTER_PROMETHEUS_PORT", "0")
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.endpoint)
        .env("OTEL_EXPORTER_OTLP_PROTOCOL", transport)
        .env("OTEL_METRICS_EXPORTER", "prometheus,otlp")
        .env("OTEL_LOGS_EXPORTER", "otlp")
        // Events and spans of the transport itself must not be recorded at any level.
        .env("RUST_LOG", "trace")
        .env("FIRSTLIGHT_TRACE_FILTER", "trace")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let ended = wait(child, Duration::from_secs(90));
    let (code, stdout, stderr) = (ended.status.code(), ended.stdout, ended.stderr);
    assert!(!stderr.contains("panicked"), "{stderr}");
    assert!(
        stdout.contains("\"message\":\"telemetry is down"),
        "the last line is missing: {stdout}"
    );
    for line in stdout.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let target = line["target"].as_str().unwrap();
        assert!(
            ["firstlight", "firstlight::loss", "faults"].contains(&target),
            "{line}"
        );
    }
    let last = stdout
        .lines()
        .rfind(|line| line.contains("telemetry is down"));
    let last: serde_json::Value = serde_json::from_str(last.unwrap()).unwrap();
    for field in ["spans.lost", "data_points.lost", "log_records.lost"] {
        let is_lost = last[field].as_u64().map(|lost| lost > 0);
        assert_eq!(is_lost, Some(fault != Fault::None), "{field} in {last}");
    }
    if fault == Fault::None {
        assert_eq!((code, &*stderr), (Some(0), ""), "{stdout}");
        return assert_delivered(collector.receiver.as_ref().unwrap());
    }
    assert_eq!(code, Some(7), "{stderr}\n{stdout}");
    for lost in ["3 spans lost", "data points lost", "log records lost"] {
        assert!(stderr.contains(lost), "{lost:?} is not in {stderr}");
    }
    assert!(!stderr.contains("log lines lost"), "{stderr}");
    let is_grpc = transport == "grpc";
    let cause = match fault {
        Fault::Refused => "Connection refused",
        Fault::Throttled if is_grpc => "RESOURCE_EXHAUSTED",
        Fault::Throttled => "429",
        Fault::Unavailable if is_grpc => "UNAVAILABLE",
        Fault::Unavailable => "503",
        _ => "did not answer within the deadline",
    };
    // The error names the cause once for each of the three signals.
    assert_eq!(stderr.matches(cause).count(), 3, "{cause:?} in {stderr}");
}

/// Asserts that the collector has received all telemetry of a process.
///
/// The process has ended, so everything has arrived.
fn assert_delivered(receiver: &OtlpReceiver) {
    let spans = receiver.spans();
    assert_eq!(spans.len(), SPANS);
    let logs = receiver.logs();
    for span in &spans {
        let belongs_to_span =
            |log: &&firstlight::testing::ReceivedLog| log.trace_id == span.trace_id;
        let log = logs.iter().find(belongs_to_span).unwrap();
        assert_eq!((&*log.body, &*log.span_id), ("working", &*span.span_id));
        assert_eq!(log.resource, span.resource);
    }
    assert!(
        logs.iter()
            .any(|log| log.body.starts_with("telemetry is down")),
        "the last record is missing"
    );
    let metrics = receiver.metrics();
    let work = metrics
        .iter()
        .rfind(|metric| metric.name == "work_done_total");
    assert_eq!(work.unwrap().points[0].value, SPANS as f64);
}

fn compare_table() {
    let mut table = "| runtime | transport |".to_owned();
    for (fault, ..) in FAULTS {
        table += &format!(" {fault} |");
    }
    table += &format!("\n{}\n", "| --- ".repeat(FAULTS.len() + 2) + "|");
    for (_, runtime) in RUNTIMES {
        for transport in TRANSPORTS {
            table += &format!("| {runtime} | {transport} |");
            for (_, _, outcome) in FAULTS {
                table += &format!(" {outcome} |");
            }
            table.push('\n');
        }
    }
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/book/src/shutdown.md");
    let text = fs::read_to_string(&page).unwrap();
    let (before, rest) = text
        .split_once("<!-- faults: telemetry-crate/tests/faults.rs -->\n")
        .unwrap();
    let (found, after) = rest.split_once("<!-- end -->").unwrap();
    if std::env::var_os("UPDATE").is_some() {
        let marker = "<!-- faults: telemetry-crate/tests/faults.rs -->\n";
        fs::write(&page, format!("{before}{marker}{table}<!-- end -->{after}")).unwrap();
    } else {
        assert_eq!(
            found, table,
            "run UPDATE=1 cargo test -p firstlight --all-features --test faults"
        );
    }
}
