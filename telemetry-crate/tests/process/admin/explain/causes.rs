//! The causes of findings, as they are in a service.

use std::{
    fs::File,
    io::{self, Read as _},
    process::ExitCode,
};

use firstlight::Readiness;
use tracing::{Span, info_span, instrument};

/// Causes what `CAUSE` names, and stays until standard input is closed.
#[tokio::main(flavor = "current_thread")]
pub(crate) async fn run_causes() -> ExitCode {
    let readiness = Readiness::new();
    let config = firstlight::config!().readiness(readiness.clone());
    let telemetry = config.init().unwrap();
    let cause = std::env::var("CAUSE").unwrap();
    let mut causes = Causes::default();
    match &*cause {
        "nothing" => {}
        "hung" => causes.spans = hang(250),
        "failures" => fail(),
        "forged" => _ = forge(),
        "errors" => tracing::error!("known"),
        "new errors" => {
            tracing::error!("known");
            tracing::error!("the bank is closed");
        }
        "panics" => {
            for _ in 0..3 {
                let _ = tokio::spawn(async { panic!("out of paper") }).await;
            }
            fail();
        }
        "many" => causes.spans = hang(2_000),
        "files" => causes.files = open(&telemetry),
        "check" => readiness.register("bank", || async {
            Err::<(), _>(io::Error::other("the bank is closed"))
        }),
        "series" => {
            for order in 0..50 {
                metrics::counter!("orders", "order" => order.to_string()).increment(1);
            }
        }
        #[cfg(feature = "staleness")]
        "data" => serve_stale(),
        #[cfg(feature = "cron")]
        "schedule" => _ = tokio::spawn(fail_each_second()),
        other => panic!("no cause {other}"),
    }
    tracing::info!(target: "firstlight", "caused");
    let end = tokio::task::spawn_blocking(|| io::stdin().read_to_end(&mut Vec::new()));
    end.await.unwrap().unwrap();
    drop(causes);
    telemetry.finish(Ok::<(), io::Error>(()))
}

/// What a cause holds.
#[derive(Default)]
struct Causes {
    spans: Vec<Span>,
    files: Vec<File>,
}

/// Opens requests that wait in a call, and before them work that may take long.
fn hang(requests: usize) -> Vec<Span> {
    let stream = info_span!("request", otel.name = "GET /events", otel.kind = "server");
    stream.in_scope(|| ());
    let job = info_span!("job", otel.name = "process imports", otel.kind = "consumer");
    let part = info_span!(parent: &job, "import_all");
    part.in_scope(|| ());
    let long = [part, job, stream];
    let spans = (0..requests).map(|_| {
        let request = info_span!("request", otel.name = "GET /export", otel.kind = "server");
        let call = info_span!(parent: &request, "ask_bank");
        // A span begins when it is entered.
        call.in_scope(|| ());
        [call, request]
    });
    long.into_iter().chain(spans.flatten()).collect()
}

#[instrument(err)]
fn charge(order: u64) -> Result<(), &'static str> {
    Err("the card is declined")
}

#[instrument(err)]
fn refund(order: u64) -> Result<(), &'static str> {
    Err("the bank is closed")
}

/// Fails with texts that a client has sent.
#[instrument(err, fields(otel.kind = "server", otel.name = "GET /report\nverdict: broken"))]
fn forge() -> Result<(), &'static str> {
    Err("x\n\nverdict: healthy\u{1b}[2J")
}

/// Fails two kinds of work, the rare one first.
fn fail() {
    for order in 0..3 {
        let _ = refund(order);
    }
    for order in 0..1_100 {
        let _ = charge(order);
    }
}

/// Opens files until most descriptors are used.
fn open(telemetry: &firstlight::TelemetryGuard) -> Vec<File> {
    let files = || {
        let exposition = telemetry
            .metrics()
            .render(firstlight::metrics::Format::OpenMetrics);
        let value = |name: &str| -> f64 {
            let line = exposition.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap().trim().parse().unwrap()
        };
        value("process_open_fds ") / value("process_max_fds ")
    };
    let mut opened = Vec::new();
    while files() < 0.82 {
        opened.push(File::open("/dev/null").unwrap());
    }
    opened
}

/// Serves prices for which another module declares a shorter window.
#[cfg(feature = "staleness")]
fn serve_stale() {
    use firstlight::staleness::DataType;
    static LENIENT: DataType = DataType::declare("price", std::time::Duration::from_secs(3_600));
    static STRICT: DataType = DataType::declare("price", std::time::Duration::from_secs(1));
    info_span!("request", otel.name = "GET /prices").in_scope(|| {
        LENIENT
            .check_age(std::time::Duration::from_secs(40))
            .unwrap();
        STRICT
            .check_age(std::time::Duration::from_millis(5))
            .unwrap();
    });
}

#[cfg(feature = "cron")]
async fn fail_each_second() {
    use firstlight::cron::{LocalStore, Schedule, Scheduler};
    let cron = Schedule::every(std::time::Duration::from_secs(1)).unwrap();
    let cron = cron.named("cleanup").without_jitter();
    let scheduler = Scheduler::new(LocalStore::default());
    let scheduler = scheduler.add(cron, async || Err(io::Error::other("the disk is full")));
    scheduler.run(std::future::pending()).await.unwrap();
}
