//! Test of a value with a harmful `Display` at each place that accepts values.

use std::{
    error::Error,
    fmt,
    net::SocketAddr,
    process::{self, ExitCode},
    thread,
    time::Duration,
};

use firstlight::{
    Readiness, TelemetryConfig,
    cron::{LocalStore, Schedule, Scheduler},
    jobs::{Job, Queue, QueueStats},
    staleness::{Cache, DataType},
};
use tokio::sync::mpsc;
use tracing::{Span, field::Empty, info, info_span};

use crate::{DEADLINE, messages, support::ask, with_message};

static PROFILE: DataType = DataType::declare("profile", Duration::from_secs(60));

/// A value whose `Display` has side effects.
///
/// It logs, records on the current span, opens a span, and may panic.
#[derive(Debug, Clone, Copy)]
struct Foreign {
    panics: bool,
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Span::current().record("late", "by the value");
        info_span!("inside").in_scope(|| info!("inside of a value"));
        f.write_str("half")?;
        assert!(!self.panics, "on purpose");
        Ok(())
    }
}

impl Error for Foreign {}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn run_scenario() -> ExitCode {
    // Ends the process if it hangs.
    thread::spawn(|| {
        thread::sleep(DEADLINE);
        process::abort();
    });
    let telemetry = TelemetryConfig::new().init().unwrap();
    let admin = telemetry.admin_address().unwrap();
    for panics in [false, true] {
        let value = Foreign { panics };
        let outer = info_span!("outer", late = Empty);
        let _entered = outer.enter();
        jobs(value).await;
        readiness(&telemetry.readiness(), admin, value).await;
        cron(value).await;
        staleness(value).await;
    }
    let label = Foreign { panics: false }.to_string();
    metrics::counter!("foreign_total", "value" => label).increment(1);
    let exposition = ask(admin, "GET /metrics").body;
    assert!(
        exposition.contains("foreign_total{value=\"half\"} 1"),
        "{exposition}"
    );
    telemetry.shutdown(DEADLINE).unwrap();
    ExitCode::SUCCESS
}

/// Uses the value as the error of a job, and of a read of the queue's state.
async fn jobs(value: Foreign) {
    let queue = Queue::declare("letters").latency_budget(Duration::from_secs(60));
    let failed = queue.run(Job::new("letter"), async { Err::<(), _>(value) });
    assert!(failed.await.is_err());

    let (asked, mut is_asked) = mpsc::unbounded_channel();
    let watch = queue.watch(Duration::from_secs(1), move || {
        asked.send(()).unwrap();
        async move { Err::<QueueStats, _>(value) }
    });
    // The second read shows that the first error was logged.
    is_asked.recv().await.unwrap();
    is_asked.recv().await.unwrap();
    drop(watch);
}

/// Uses the value as the error of a readiness check.
///
/// The check replaces a check that owns a latch, whose `Drop` changes the readiness as well.
async fn readiness(readiness: &Readiness, admin: SocketAddr, value: Foreign) {
    let latch = readiness.latch("before");
    readiness.register("foreign", move || {
        let _ = &latch;
        async { Ok::<_, Foreign>(()) }
    });
    readiness.register("foreign", move || async move { Err::<(), _>(value) });
    let report = tokio::task::spawn_blocking(move || ask(admin, "GET /readyz").body);
    let report = report.await.unwrap();
    assert!(report.starts_with("not ready\nbefore: failed"), "{report}");
    assert!(report.contains("\nforeign: half"), "{report}");
    readiness.register("foreign", || async { Ok::<_, Foreign>(()) });
}

/// Uses the value as the error of a scheduled run.
async fn cron(value: Foreign) {
    let (ran, mut has_run) = mpsc::unbounded_channel();
    let each = Schedule::every(Duration::from_secs(1)).unwrap();
    let scheduler = Scheduler::new(LocalStore::default()).add(
        each.named("report").without_jitter(),
        move || {
            ran.send(()).unwrap();
            async move { Err(value) }
        },
    );
    let stop = async move {
        has_run.recv().await;
    };
    scheduler.run(stop).await.unwrap();
}

/// Logs the value during a fetch, and uses it as the error of the fetch.
///
/// Then one fetch panics, and one succeeds.
async fn staleness(value: Foreign) {
    let profiles: Cache<u8, u8, Foreign> = Cache::new(&PROFILE);
    let failed = profiles.get(1, || async {
        info!("asks for {value}");
        Err(value)
    });
    assert!(failed.await.is_err());
    let asked = profiles.clone();
    let panics = tokio::spawn(async move { asked.get(1, || async { panic!("on purpose") }).await });
    assert!(panics.await.is_err());
    assert_eq!(profiles.get(1, || async { Ok(2) }).await.unwrap(), 2);
}

pub(crate) fn any_value() {
    let lines = messages("entries");
    let cut = "half...[panicked while it was printed]";
    for message in [
        "job letter: failed, to be tried again: ",
        "the state of the queue letters cannot be read; its depth and age are NaN until that works again",
    ] {
        let texts: Vec<_> = (lines.iter())
            .filter(|line| line["message"].as_str().unwrap().starts_with(message))
            .map(|line| line["exception.message"].as_str().unwrap())
            .collect();
        assert_eq!(texts, ["half", cut], "{message}");
    }
    with_message(&lines, "asks for half");
    with_message(&lines, &format!("asks for {cut}"));
    let failed = (lines.iter()).filter(|line| {
        let message = line["message"].as_str().unwrap();
        message.starts_with("cron report: failed after ")
    });
    // One error panics when it is printed, and the other one does not.
    assert_eq!(failed.count(), 2, "{lines:#?}");
}
