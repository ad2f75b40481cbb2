//! Tests of the scheduler under a paused clock.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod due;
mod expressions;
mod spread;
mod store;

use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use jiff::Timestamp;
use tokio::time::{Instant, sleep};

use super::{
    Claim, ClaimRequest, Cron, CronError, LocalStore, MisfirePolicy, RunOutcome, Schedule,
    Scheduler, Store, clock::Clock, utc::system_time,
};
use crate::metrics::{Format, Metrics, MetricsOptions};

const MINUTE: Duration = Duration::from_secs(60);

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn clock(start: &str) -> Clock {
    Clock::Test {
        start: Instant::now(),
        at: at(start),
    }
}

/// Runs `test` with paused time, and returns its output and the exposition.
fn with_paused_time<F: Future>(test: impl FnOnce() -> F) -> (F::Output, String) {
    let metrics = Metrics::new(MetricsOptions::default());
    let recorder = metrics.recorder();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let output =
        ::metrics::with_local_recorder(&recorder, || runtime.block_on(async { test().await }));
    (output, metrics.handle().render(Format::Text))
}

fn value(exposition: &str, series: &str) -> f64 {
    let line = exposition
        .lines()
        .find_map(|line| line.strip_prefix(series))
        .unwrap_or_else(|| panic!("no {series} in\n{exposition}"));
    line.trim().parse().unwrap()
}

fn runs(exposition: &str, cron: &str, outcome: &str) -> f64 {
    value(
        exposition,
        &format!("cron_runs_total{{cron=\"{cron}\",outcome=\"{outcome}\"}}"),
    )
}

type Starts = Arc<Mutex<Vec<Timestamp>>>;

fn recorded_starts(starts: &Starts) -> Vec<Timestamp> {
    starts.lock().unwrap().clone()
}

/// Returns a job that records its starts and takes `long`.
fn recording_job(
    starts: &Starts,
    clock: &Clock,
    long: Duration,
) -> impl Fn() -> std::pin::Pin<Box<dyn Future<Output = Result<(), io::Error>> + Send>>
+ Send
+ Sync
+ use<> {
    let (starts, clock) = (starts.clone(), clock.clone());
    move || {
        starts.lock().unwrap().push(clock.now());
        Box::pin(async move {
            sleep(long).await;
            Ok(())
        })
    }
}

#[test]
fn invalid_schedules_are_refused() {
    for expression in [
        "",
        "* * *",
        "0 25 * * *",
        "0 3 * * * * *",
        "ä * * * *",
        &"1,".repeat(200),
    ] {
        let error = Schedule::cron(expression).unwrap_err().to_string();
        assert!(error.contains("expected "), "{expression:?}: {error}");
    }
    for expression in [
        "CRON_TZ=Europe/Berlin 0 3 * * *",
        "TZ=UTC 0 3 * * *",
        "0 3 * * * Europe/Berlin",
        "0 3 * * * utc",
    ] {
        let error = Schedule::cron(expression).unwrap_err().to_string();
        assert!(error.contains("the time zone"), "{expression:?}: {error}");
    }
    let error = Schedule::cron("0 0 30 2 *").unwrap_err();
    assert!(matches!(error, CronError::NeverDue { .. }), "{error}");
    for interval in [
        Duration::ZERO,
        Duration::from_millis(1_500),
        1_000 * 24 * 60 * MINUTE,
    ] {
        assert!(Schedule::every(interval).is_err(), "{interval:?}");
    }
}

#[test]
fn errors_of_schedules_name_the_job() {
    let bad = |expression| Cron::parse("cleanup", expression).unwrap_err().to_string();
    assert_eq!(
        bad("@dayly"),
        "cron \"cleanup\", expression: found \"@dayly\": expected @hourly, @daily, @weekly, @monthly or @yearly, or five fields such as \"0 3 * * *\""
    );
    assert!(
        bad("0 0 30 2 *").starts_with("cron \"cleanup\", expression: found \"0 0 30 2 *\", which")
    );
    assert_eq!(
        Cron::every("rates", Duration::ZERO)
            .unwrap_err()
            .to_string(),
        "cron \"rates\", interval: found 0 s, expected whole seconds, at least 1 s and at most 366 days"
    );
}

/// The parser is another crate, and the expression may come from an operator.
#[test]
fn no_expression_makes_the_parser_panic() {
    let pieces = [
        "*",
        "/",
        "-",
        ",",
        "#",
        "L",
        "W",
        "?",
        "+",
        "@",
        "MON",
        "JAN",
        "0",
        "7",
        "31",
        "99",
        " ",
        "\t",
        "*/0",
        "5-1",
        "1W",
        "LW",
        "#L",
        "4294967296",
    ];
    let mut state: u64 = 7;
    let mut random = |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) as usize % below
    };
    for _ in 0..2_000 {
        let expression: String = (0..5 + random(8))
            .flat_map(|_| [pieces[random(pieces.len())], [" ", ""][random(2)]])
            .collect();
        let _ = Schedule::cron(&expression);
    }
}

#[test]
fn ticks_are_in_utc() {
    let next = |schedule: &Schedule, time: &str| schedule.after(at(time)).unwrap();
    let nightly = Schedule::cron("0 3 * * *").unwrap();
    assert_eq!(
        next(&nightly, "2026-03-29T02:59:59.5Z"),
        at("2026-03-29T03:00:00Z")
    );
    assert_eq!(
        next(&nightly, "2026-03-29T03:00:00Z"),
        at("2026-03-30T03:00:00Z")
    );
    assert_eq!(
        nightly.at_or_before(at("2026-03-29T03:00:00.7Z")),
        Some(at("2026-03-29T03:00:00Z"))
    );
    let workdays = Schedule::cron("0 6 * * MON-FRI").unwrap();
    assert_eq!(workdays.longest_gap(), 3 * 24 * 60 * MINUTE);
    let seconds = Schedule::cron("30 0 3 * * *").unwrap();
    assert_eq!(
        next(&seconds, "2026-11-24T00:00:00Z"),
        at("2026-11-24T03:00:30Z")
    );
    let hourly = Schedule::every(60 * MINUTE).unwrap();
    assert_eq!(
        next(&hourly, "2026-11-24T00:10:00Z"),
        at("2026-11-24T01:00:00Z")
    );
    assert_eq!(
        hourly.ticks_between(at("2026-11-24T00:00:00Z"), at("2026-11-24T05:00:00Z")),
        5
    );
    let public = nightly.next_after(SystemTime::UNIX_EPOCH).unwrap();
    assert_eq!(public, SystemTime::UNIX_EPOCH + 180 * MINUTE);
}

#[test]
fn long_runs_skip_ticks() {
    static CONCURRENT: AtomicU64 = AtomicU64::new(0);
    let (most, exposition) = with_paused_time(async || {
        let most = Arc::new(AtomicU64::new(0));
        let seen = most.clone();
        let slow = move || {
            let seen = seen.clone();
            async move {
                seen.fetch_max(
                    CONCURRENT.fetch_add(1, Ordering::SeqCst) + 1,
                    Ordering::SeqCst,
                );
                sleep(150 * MINUTE / 60).await;
                CONCURRENT.fetch_sub(1, Ordering::SeqCst);
                Ok::<(), io::Error>(())
            }
        };
        let cron = Schedule::every(MINUTE)
            .unwrap()
            .named("slow")
            .without_jitter();
        Scheduler::new(LocalStore::default())
            .clock(clock("2026-11-24T00:00:30Z"))
            .add(cron.time_limit(5 * MINUTE), slow)
            .run(sleep(9 * MINUTE))
            .await
            .unwrap();
        most.load(Ordering::SeqCst)
    });
    assert_eq!(most, 1);
    // The runs last from 00:01 to 00:03:30, from 00:04 to 00:06:30, and from 00:07 to 00:09:30,
    // which is when the scheduler stops.
    assert_eq!(runs(&exposition, "slow", "ok"), 3.0);
    assert_eq!(runs(&exposition, "slow", "skipped_overlap"), 6.0);
    assert_eq!(
        value(&exposition, "cron_last_duration_seconds{cron=\"slow\"}"),
        150.0
    );
    assert_eq!(value(&exposition, "cron_running{cron=\"slow\"}"), 0.0);
}

#[test]
fn failed_runs_do_not_end_the_schedule() {
    let ((), exposition) = with_paused_time(async || {
        let every_minute = |name: &str| Schedule::every(MINUTE).unwrap().named(name);
        Scheduler::new(LocalStore::default())
            .clock(clock("2026-11-24T00:00:30Z"))
            .add(every_minute("fails"), async || Err(io::Error::other("no")))
            .add(
                every_minute("panics"),
                || -> std::future::Ready<Result<(), io::Error>> { panic!("on purpose") },
            )
            .add(
                every_minute("hangs"),
                std::future::pending::<Result<(), io::Error>>,
            )
            .run(sleep(3 * MINUTE))
            .await
            .unwrap();
    });
    assert_eq!(runs(&exposition, "fails", "failed"), 3.0);
    assert_eq!(runs(&exposition, "panics", "failed"), 3.0);
    // The limit is the interval, so the first run ends just after the next tick, which is skipped.
    // The second run is interrupted by the stop.
    assert_eq!(runs(&exposition, "hangs", "timed_out"), 1.0);
    assert_eq!(runs(&exposition, "hangs", "skipped_overlap"), 1.0);
    assert_eq!(runs(&exposition, "fails", "ok"), 0.0);
    let never = "cron_last_success_timestamp_seconds{cron=\"fails\"}";
    assert!(!exposition.contains(never), "{exposition}");
}

#[test]
fn stop_waits_until_its_deadline() {
    for (long, outcome) in [(10, "ok"), (30, "interrupted")] {
        let (took, exposition) = with_paused_time(async || {
            let started = Instant::now();
            let cron = Schedule::every(MINUTE)
                .unwrap()
                .named("job")
                .without_jitter();
            let clock = clock("2026-11-24T00:00:30Z");
            let job = recording_job(&Starts::default(), &clock, Duration::from_secs(long));
            Scheduler::new(LocalStore::default())
                .clock(clock)
                .add(cron, job)
                .run(sleep(Duration::from_secs(31)))
                .await
                .unwrap();
            started.elapsed()
        });
        assert_eq!(runs(&exposition, "job", outcome), 1.0);
        // The run starts after 30 s and the stop comes 1 s later, with a drain of 20 s.
        let expected = 30 + long.min(21);
        assert_eq!(took.as_secs(), expected, "{outcome}");
    }
}

#[test]
fn duplicate_names_are_refused() {
    let (result, _) = with_paused_time(async || {
        let cron = || Schedule::every(MINUTE).unwrap().named("twin");
        Scheduler::new(LocalStore::default())
            .add(cron(), async || Ok::<(), io::Error>(()))
            .add(cron(), async || Ok::<(), io::Error>(()))
            .run(std::future::pending())
            .await
    });
    assert_eq!(
        result,
        Err(CronError::DuplicateName {
            name: "twin".to_owned()
        })
    );
}
