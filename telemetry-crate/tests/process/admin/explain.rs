//! Tests of `/explain`: each rule is caused, and its finding read over HTTP.
//!
//! The rules about databases, queues and their workers are caused in `tests/queries/explain.rs`.

pub(crate) mod causes;
#[cfg(target_os = "linux")]
mod cgroup;
mod errors;
mod text;

use std::{
    io::Write as _,
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    time::Duration,
};

use libtest_mimic::Trial;

use crate::{
    serve::{listening, wait_until},
    support::{
        ask,
        explanation::{Explanation, wait, wait_for},
        scenario::{Scenario, metrics_address, trial},
    },
};

/// The number of parts that have rules.
const PARTS: usize = 16;

/// The tests, some of which not every machine can run.
pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = vec![
        trial("admin::explain::nothing_is_healthy", nothing),
        trial("admin::explain::blocked_runtimes_are_found", runtime),
        trial("admin::explain::blocked_workers_are_found", one_worker),
        trial("admin::explain::hung_requests_are_counted", hung),
        trial("admin::explain::failures_are_counted", failures),
        trial("admin::explain::new_errors_are_found", errors::new),
        trial("admin::explain::panics_elsewhere_are_found", errors::panics),
        trial("admin::explain::killed_processes_are_found", previous),
        trial("admin::explain::failed_checks_are_found", not_ready),
        trial("admin::explain::refused_exports_are_found", telemetry),
        trial("admin::explain::overflows_are_found", series),
        trial("admin::explain::no_recorder_is_found", no_recorder),
        trial("admin::explain::full_limits_are_found", limited),
        trial("admin::explain::unrecorded_roots_are_found", unrecorded),
        trial("admin::explain::commands_have_the_token", text::token),
        trial("admin::explain::texts_cannot_forge_lines", text::forged),
    ];
    #[cfg(feature = "cron")]
    trials.push(trial(
        "admin::explain::missed_schedules_are_found",
        schedules,
    ));
    #[cfg(feature = "staleness")]
    trials.push(trial("admin::explain::stale_data_is_found", data));
    #[cfg(target_os = "linux")]
    trials.extend([
        trial("admin::explain::used_files_are_found", files),
        trial("admin::explain::used_memory_is_found", cgroup::memory)
            .with_ignored_flag(!cgroup::is_allowed()),
    ]);
    trials
}

/// Starts a process with this cause, and waits until it has caused it.
fn caused(cause: &str, variables: &[(&str, &str)]) -> (Scenario, SocketAddr) {
    let variables = [variables, &[("CAUSE", cause)]].concat();
    let scenario = Scenario::start("causes", &variables);
    has_caused(scenario)
}

fn has_caused(mut scenario: Scenario) -> (Scenario, SocketAddr) {
    let mut address = None;
    loop {
        let line = scenario.line();
        if line["message"] == "telemetry is up" {
            address = Some(metrics_address(&line));
        }
        if line["message"] == "caused" {
            return (scenario, address.unwrap());
        }
    }
}

/// A file of last words that does not exist yet.
fn words(name: &str) -> PathBuf {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("explain-{name}"));
    let _ = std::fs::remove_file(&file);
    file
}

fn nothing() {
    let (mut scenario, admin) = caused("nothing", &[]);
    let explanation = Explanation::of(admin);
    assert_eq!(
        explanation.verdict(),
        "healthy, as far as this process knows"
    );
    // Nothing is known about the last process, and there are no pools, queues, schedules and data.
    assert_eq!(explanation.fine().len(), PARTS - 5, "{explanation:#?}");
    let text = ask(admin, "GET /explain").body;
    assert!(
        text.contains("\nverdict: healthy, as far as this process knows\n"),
        "{text}"
    );
    assert!(text.contains("\nnothing wrong with: runtime, "), "{text}");
    assert_eq!(scenario.end().0, Some(0));
}

fn runtime() {
    let (mut scenario, admin) = Scenario::serving("blocked", &[]);
    let sentence = "the runtime has run no task for ";
    let found = wait_for(admin, "runtime", sentence, |found| {
        found.has(&["GET /report"])
    });
    assert!(
        found
            .sentence()
            .ends_with(" s: something blocks its threads")
    );
    found.shown_by(&[
        "GET /report has been polled in render_report for ",
        "(trace ",
    ]);
    let id = found.trace_id("GET /report");
    let open = found.answer_of("/traces?open");
    assert!(open.contains(id), "{open}");
    found.runbook("RuntimeSchedulerDelay");
    assert_eq!(
        Explanation::of(admin).verdict().split(':').next(),
        Some("broken")
    );
    scenario.write_line("continue");
    assert_eq!(scenario.end().0, Some(0));
}

/// One of two workers is blocked, and then both.
fn one_worker() {
    let (mut scenario, admin) = Scenario::serving("half blocked", &[]);
    let named = [
        "GET /report has been polled in render_report for ",
        "(trace ",
    ];
    let sentence = "1 worker has been in one poll for more than 3.0 s";
    let found = wait(admin, "runtime", sentence);
    assert_eq!(found.severity(), "warning");
    assert_eq!(found.evidence().len(), 1, "{found:#?}");
    found.shown_by(&named);
    let open = found.answer_of("/traces?open");
    assert_eq!(open.matches("blocks its thread: ").count(), 1, "{open}");
    assert!(open.contains("GET /archive") && open.contains("GET /scan"));
    found.runbook("RuntimeSchedulerDelay");

    scenario.write_line("block the other worker");
    let stall = "the application's runtime has run no task for 3 s: ";
    let warning = loop {
        let line = scenario.line();
        let message = line["message"].as_str().unwrap().to_owned();
        if message.starts_with(stall) {
            break message;
        }
    };
    assert_eq!(warning.matches("GET /report (trace ").count(), 2);
    assert_eq!(warning.matches("(trace ").count(), 2, "{warning}");
    let sentence = "the runtime has run no task for ";
    let found = wait_for(admin, "runtime", sentence, |found| {
        found.evidence().len() == 2
    });
    assert!(
        found
            .evidence()
            .iter()
            .all(|line| line.starts_with(named[0]))
    );
    assert_eq!(scenario.end().0, Some(0));
}

fn hung() {
    let (mut scenario, admin) = caused("hung", &[]);
    // Others are open for longer, which is normal for them.
    let sentence = "250 requests, jobs or runs have been in one span for more than 10.0 s";
    let found = wait(admin, "open requests, jobs and runs", sentence);
    assert_eq!(found.sentence(), sentence);
    assert_eq!(found.evidence().len(), 1, "{found:#?}");
    found.shown_by(&[
        "250 of GET /export, the oldest for 1",
        ", for 1",
        " in ask_bank (trace ",
    ]);
    let id = found.trace_id("GET /export");
    let trace = found.answer_of(&format!("/traces/{id}"));
    assert!(trace.contains("ask_bank"), "{trace}");
    found.runbook("HttpLatencyBudgetBurn");
    scenario.end();
}

fn limited() {
    let mut scenario = Scenario::start("serves", &[("FIRSTLIGHT_HTTP_MAX_REQUESTS", "1")]);
    let (address, admin) = listening(&mut scenario);
    let mut stalled = TcpStream::connect(address).unwrap();
    let head = b"POST /collect HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n";
    stalled.write_all(head).unwrap();
    // It has the only place once its head has arrived, until it is answered with 408. An earlier request could take it.
    wait_until(|| ask(admin, "GET /traces?open").body.contains("POST"));
    wait_until(|| ask(address, "GET /").status == 503);
    let sentence = " ago, because too many others were open";
    let found = wait(admin, "request limit", sentence);
    found.answer_of("/traces?open");
    found.runbook("HttpAvailabilityBudgetBurn");
    drop(stalled);
    scenario.send_signal("-TERM");
    scenario.end();
}

fn failures() {
    let (mut scenario, admin) = caused("failures", &[]);
    let sentence =
        "1103 root spans have failed in the last 15 min, 1103 in the last minute, the last one ";
    let found = wait(admin, "failures", sentence);
    found.shown_by(&[
        "1100 of charge, the last one ",
        " ago with: the card is declined (trace ",
    ]);
    found.shown_by(&[
        "3 of refund, the last one ",
        " ago with: the bank is closed (trace ",
    ]);
    let id = found.trace_id("charge").to_owned();
    let trace = found.answer_of(&format!("/traces/{id}"));
    assert!(trace.contains("order=1099"), "{trace}");
    found.has_no_runbook();

    // The list of one name is complete, although its roots are not among the first.
    let rare = ask(admin, "GET /traces?failed&route=refund").body;
    assert!(rare.contains("\nfailed: 3, the last one first\n"), "{rare}");
    let common = ask(admin, "GET /traces?failed&route=charge").body;
    assert!(common.contains("\nfailed: 1100, "), "{common}");
    assert!(common.contains("and 100 more"), "{common}");
    let all = ask(admin, "GET /traces").body;
    assert!(
        all.contains("\n  in all: 1100 of charge, 3 of refund\n"),
        "{all}"
    );
    scenario.end();
}

fn previous() {
    let file = words("killed");
    let variables = [("FIRSTLIGHT_RECORDER_FILE", file.to_str().unwrap())];
    let (mut first, _) = caused("hung", &variables);
    // The file is at most 250 ms late, and the machine may be busy.
    std::thread::sleep(Duration::from_secs(2));
    first.send_signal("-KILL");
    first.end();

    let (mut second, admin) = caused("nothing", &variables);
    let found = wait(admin, "the last process", "the last process ");
    assert!(
        found.sentence().contains(" did not shut down: "),
        "{found:#?}"
    );
    assert_eq!(found.severity(), "note");
    assert_eq!(Explanation::of(admin).verdict(), "healthy, notes: 1");
    let words = found.answer_of("/traces?previous");
    assert!(words.contains("GET /export"), "{words}");
    found.runbook("ServiceDown");
    second.end();
}

#[cfg(feature = "cron")]
fn schedules() {
    let (mut scenario, admin) = caused("schedule", &[]);
    let sentence = "the schedule cleanup should have succeeded ";
    let found = wait_for(admin, "schedules", sentence, |found| {
        found.has(&["cron cleanup failed "])
    });
    assert!(found.sentence().ends_with(" ago"), "{found:#?}");
    found.shown_by(&[" ago with: ", "the disk is full", "(trace "]);
    let id = found.trace_id("cron cleanup");
    let runs = found.answer_of("/traces?open&failed&route=cron");
    assert!(runs.contains(id), "{runs}");
    found.runbook("CronRunMissed");
    scenario.end();
}

#[cfg(feature = "staleness")]
fn data() {
    let (mut scenario, admin) = caused("data", &[]);
    let sentence =
        "of 2 reads of the data price since the start, 1 were older than its budget of 1.0 s";
    let found = wait(admin, "data", sentence);
    found.shown_by(&["one was 40.0 s old, ", " ago (trace "]);
    found.answer_of("/traces?slow");
    found.runbook("DataStalerThanBudget");
    scenario.end();
}

fn not_ready() {
    let (mut scenario, admin) = caused("check", &[]);
    let sentence = "the process is not ready, so it gets no traffic";
    let found = wait_for(admin, "readiness", sentence, |found| {
        found.has(&["bank: ", "the bank is closed"])
    });
    assert_eq!(found.severity(), "broken");
    let ready = found.answer_of("/readyz");
    assert!(ready.contains("the bank is closed"), "{ready}");
    found.runbook("ServiceWithoutTraffic");
    scenario.end();
}

#[cfg(target_os = "linux")]
fn files() {
    let variables = [("CAUSE", "files")];
    let scenario = Scenario::start_limited(128, "causes", &variables);
    let (mut scenario, admin) = has_caused(scenario);
    let found = wait(admin, "open files", "the process uses 8");
    let sentence = " % of its open files, above which connections fail";
    assert!(found.sentence().ends_with(sentence), "{found:#?}");
    found.answer_of("/traces?open");
    found.runbook("ProcessOpenFilesNearLimit");
    scenario.end();
}

fn telemetry() {
    let variables = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")];
    let (mut scenario, admin) = caused("failures", &variables);
    let found = wait(admin, "telemetry", "telemetry about traces needs attention");
    found.shown_by(&["refused", "OTEL_EXPORTER_OTLP_ENDPOINT"]);
    let report = found.answer_of("/telemetry");
    assert!(report.contains("Connection refused"), "{report}");
    found.runbook("TelemetryDropping");
    scenario.end();
}

fn series() {
    let limit = ("FIRSTLIGHT_METRICS_CARDINALITY_LIMIT", "10");
    let (mut scenario, admin) = caused("series", &[limit]);
    let sentence = "the metric orders_total has more series than its limit";
    let found = wait(admin, "metrics", sentence);
    let report = found.answer_of("/telemetry");
    assert!(report.contains("orders_total"), "{report}");
    found.runbook("MetricsCardinalityOverflow");
    scenario.end();
}

fn no_recorder() {
    let (mut scenario, admin) = caused("nothing", &[("FIRSTLIGHT_RECORDER", "off")]);
    let sentence = "the flight recorder is off, so requests, jobs and runs cannot be looked at";
    let found = wait(admin, "flight recorder", sentence);
    assert_eq!(found.severity(), "note");
    found.answer_of("/telemetry");
    found.has_no_runbook();
    scenario.end();
}

fn unrecorded() {
    let least = ("FIRSTLIGHT_RECORDER_BYTES", "262144");
    let (mut scenario, admin) = caused("many", &[least]);
    let sentence = " requests, jobs or runs were not recorded, \
                    because too many were open at once or no memory was left";
    let found = wait(admin, "flight recorder", sentence);
    let count = found.sentence().strip_suffix(sentence).unwrap();
    let count = count.strip_prefix("since the start, ").unwrap();
    assert!(count.parse::<u32>().unwrap() > 1_000, "{found:#?}");
    assert_eq!(found.severity(), "note");
    let open = found.answer_of("/traces?open");
    assert!(open.contains("GET /export"), "{open}");
    found.has_no_runbook();
    // The recorder knows of some of the requests only.
    wait(admin, "open requests, jobs and runs", "at least ");
    scenario.end();
}
