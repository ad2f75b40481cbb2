//! Tests of the rules on states of a process.
//!
//! `tests/process/admin/explain.rs` and `tests/queries/explain.rs` cause what the rules look for. Here are the values at which a
//! rule finds nothing.

mod live;
mod roots;

use std::{
    collections::BTreeSet,
    fs,
    net::{IpAddr, Ipv4Addr},
    path::Path,
    time::{Duration, SystemTime},
};

use http::HeaderMap;

use super::{
    super::Commands, Evidence, Find, Finding, RULES, Severity, apply, is_measured, seconds,
};
use crate::{
    admin::{access::Access, recent::Live},
    catalog::{self, Metric},
    collector::Samples as _,
    jobs::UnreadableQueue,
    metrics::SampleList,
    readiness::ReadinessReport,
    recorder::{ErrorsView, Recorder, RootList},
};

/// The name and value of a label.
type Label = (&'static str, &'static str);

/// Samples, the sentence that they cause, and its runbook.
type Case = (
    &'static [(&'static Metric, &'static [Label], f64)],
    &'static str,
    &'static str,
);

const MAILS: Label = ("queue", "mails");

const CASES: [Case; 10] = [
    (
        &[(&catalog::TOKIO_SCHEDULER_STALLED, &[], 4.2)],
        "the runtime has run no task for 4.2 s",
        "RuntimeSchedulerDelay",
    ),
    (
        &[
            (&catalog::WORKER_QUEUE_OLDEST_AGE, &[MAILS], 90.0),
            (&catalog::WORKER_QUEUE_LATENCY_BUDGET, &[MAILS], 60.0),
        ],
        "the oldest job of the queue mails has waited 90.0 s, longer than its budget of 60.0 s",
        "WorkerQueueStalled",
    ),
    (
        &[
            (&catalog::WORKER_QUEUE_OLDEST_AGE, &[MAILS], 31.0),
            (&catalog::WORKER_QUEUE_LATENCY_BUDGET, &[MAILS], 60.0),
        ],
        "the oldest job of the queue mails has waited 31.0 s, more than half of its budget",
        "WorkerQueueGrowing",
    ),
    (
        &[(&catalog::WORKER_QUEUE_OLDEST_AGE, &[MAILS], 901.0)],
        "the oldest job of the queue mails has waited 15 min, and no worker",
        "WorkerQueueUnknown",
    ),
    (
        &[(
            &catalog::WORKER_QUEUE_DEPTH,
            &[MAILS, ("status", "dead_lettered")],
            2.0,
        )],
        "jobs of the queue mails that are dead-lettered: 2",
        "WorkerDeadLetters",
    ),
    (
        &[(
            &catalog::WORKER_QUEUE_DEPTH,
            &[MAILS, ("status", "stuck")],
            1.0,
        )],
        "jobs of the queue mails that are stuck: 1",
        "WorkerJobsStuck",
    ),
    (
        &[(&catalog::CRON_SUCCESS_DUE, &[("cron", "cleanup")], 400.0)],
        "the schedule cleanup should have succeeded 10 min ago",
        "CronRunMissed",
    ),
    (
        &[
            (&catalog::PROCESS_RESIDENT_MEMORY, &[], 97.0),
            (&catalog::CGROUP_MEMORY_LIMIT, &[], 100.0),
        ],
        "the process uses 97 % of its memory limit",
        "ProcessMemoryNearLimit",
    ),
    (
        &[
            (&catalog::PROCESS_OPEN_FDS, &[], 1000.0),
            (&catalog::PROCESS_MAX_FDS, &[], 1024.0),
        ],
        "the process uses 98 % of its open files",
        "ProcessOpenFilesNearLimit",
    ),
    (
        &[(
            &catalog::METRICS_CARDINALITY_OVERFLOW,
            &[("metric", "orders_total")],
            5.0,
        )],
        "the metric orders_total has more series than its limit",
        "MetricsCardinalityOverflow",
    ),
];

/// The functions of tests that wait for a finding about a part.
const WAITS: [&str; 3] = ["wait(", "wait_for(", "found("];

/// The parts whose findings the tests of real processes wait for.
fn caused_parts() -> BTreeSet<String> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut parts = BTreeSet::new();
    for file in [
        "process/admin/explain.rs",
        "process/admin/explain/cgroup.rs",
        "process/admin/explain/errors.rs",
        "queries/explain.rs",
    ] {
        let text = fs::read_to_string(tests.join(file)).unwrap_or_default();
        let lines = text.lines().map(str::trim);
        let code: String = lines.filter(|line| !line.starts_with("//")).collect();
        for wait in WAITS {
            let calls = code.split(wait).skip(1).filter_map(|arguments| {
                let part = arguments.strip_prefix("admin,").unwrap_or(arguments);
                let (part, _) = part.trim_start().strip_prefix('"')?.split_once('"')?;
                Some(part.to_owned())
            });
            parts.extend(calls);
        }
    }
    parts
}

/// Each rule is caused in a real process.
///
/// A test waits for a finding about its part. `support::explanation` asserts that the part is then not among those with which nothing is wrong.
#[test]
fn rules_are_caused() {
    let parts = RULES.map(|(part, _)| part.to_owned());
    assert_eq!(caused_parts(), BTreeSet::from(parts));
}

/// The book has a row for each rule.
#[test]
fn book_lists_all_rules() {
    const BOOK: &str = include_str!("../../../../../docs/book/src/admin.md");
    let rows = BOOK
        .lines()
        .skip_while(|line| !line.starts_with("| part |"));
    let rows = rows.skip(2).take_while(|line| line.starts_with('|'));
    let listed = rows.filter_map(|row| row.split('|').nth(1).map(str::trim));
    assert_eq!(listed.collect::<Vec<_>>(), RULES.map(|(part, _)| part));
}

fn ready() -> ReadinessReport {
    ReadinessReport {
        ready: true,
        text: "ready\n".to_owned(),
    }
}

/// The errors of a process without any, as the last process.
fn no_errors() -> ErrorsView {
    let recorder = Recorder::new(1_000_000, None);
    recorder.errors().know(&[]);
    recorder.errors().read()
}

/// The state of a process with which nothing is wrong, 1,000 s after the epoch.
fn healthy(readiness: &ReadinessReport) -> Evidence<'_> {
    Evidence {
        now: 1_000_000_000_000,
        samples: SampleList::default(),
        open: RootList::default(),
        failed: RootList::default(),
        has_recorder: true,
        why_without_file: None,
        unreadable: Vec::new(),
        last_rejection: None,
        is_stopping: false,
        live: Live::default(),
        errors: Some(no_errors()),
        readiness,
        telemetry: Vec::new(),
        previous: Some(None),
    }
}

#[test]
fn healthy_processes_have_no_findings() {
    let readiness = ready();
    let mut evidence = healthy(&readiness);
    // The same metrics with good values.
    for (samples, ..) in CASES {
        for (metric, labels, value) in samples {
            let is_limit = matches!(
                metric.name,
                "worker_queue_latency_budget_seconds"
                    | "cgroup_memory_limit_bytes"
                    | "process_max_fds"
            );
            let good = match metric.name {
                _ if is_limit => *value,
                "worker_queue_up" => 1.0,
                "cron_success_due_timestamp_seconds" => 2_000.0,
                _ => 0.0,
            };
            evidence.samples.sample(metric, labels, good);
        }
    }
    let (findings, fine) = apply(&evidence);
    assert_eq!(findings, []);
    assert_eq!(fine.len(), RULES.len() - absent(&evidence));
}

/// The number of parts that a service with this evidence does not have.
fn absent(evidence: &Evidence<'_>) -> usize {
    let rules = RULES.iter();
    let absent = rules.filter(
        |(_, find)| matches!(find, Find::IfMeasured(metrics, _) if !is_measured(evidence, metrics)),
    );
    absent.count()
}

#[test]
fn bad_samples_cause_one_finding() {
    let readiness = ready();
    for (samples, sentence, runbook) in CASES {
        let mut evidence = healthy(&readiness);
        for (metric, labels, value) in samples {
            evidence.samples.sample(metric, labels, *value);
        }
        let (findings, fine) = apply(&evidence);
        assert_eq!(findings.len(), 1, "{sentence}: {findings:?}");
        assert!(findings[0].what.starts_with(sentence), "{findings:?}");
        assert_eq!(findings[0].runbook, Some(runbook));
        assert_eq!(fine.len(), RULES.len() - absent(&evidence) - 1);
        assert_runbook(runbook);
    }
}

#[test]
fn unreadable_queues_have_their_error() {
    let readiness = ready();
    let mut evidence = healthy(&readiness);
    // It is also 0 once the process has stopped to read a queue.
    (evidence.samples).sample(&catalog::WORKER_QUEUE_UP, &[MAILS], 0.0);
    assert_eq!(apply(&evidence).0, []);
    let since = SystemTime::UNIX_EPOCH + Duration::from_secs(940);
    let mails = UnreadableQueue::new("mails", since, &"refused");
    evidence.unreadable.push(mails);
    let (findings, _) = apply(&evidence);
    let what = "the state of the queue mails cannot be read";
    assert_eq!(findings[0].what, what);
    assert_eq!(
        findings[0].evidence,
        [format!("for {}: refused", seconds(60.0))]
    );
    assert_eq!(findings[0].runbook, Some("WorkerQueueUnreadable"));
    assert_runbook("WorkerQueueUnreadable");
}

/// What is not known, or not there, is neither fine nor a finding.
#[test]
fn unknown_parts_are_not_fine() {
    let readiness = ready();
    let mut evidence = healthy(&readiness);
    evidence.previous = None;
    evidence.errors = None;
    let (findings, fine) = apply(&evidence);
    assert_eq!(findings, []);
    assert!(!fine.contains(&"the last process") && !fine.contains(&"new errors"));
    assert!(!fine.contains(&"connection pools") && !fine.contains(&"queues"));
}

#[test]
fn stopping_is_no_fault() {
    let draining = ReadinessReport {
        ready: false,
        text: "not ready: draining\n".to_owned(),
    };
    let mut evidence = healthy(&draining);
    evidence.is_stopping = true;
    let (findings, _) = apply(&evidence);
    assert_eq!(findings[0].severity, Severity::Note);
}

/// A gauge whose source cannot be read is NaN.
///
/// An example is the age of the oldest job while the database is locked.
#[test]
fn unknown_values_cause_no_finding() {
    let readiness = ready();
    for (samples, sentence, _) in CASES {
        for unknown in samples.iter().map(|(metric, ..)| metric.name) {
            let mut evidence = healthy(&readiness);
            for (metric, labels, value) in samples {
                let is_unknown = metric.name == unknown;
                let value = if is_unknown { f64::NAN } else { *value };
                evidence.samples.sample(metric, labels, value);
            }
            let (findings, _) = apply(&evidence);
            assert_eq!(findings, [], "{sentence}: {unknown}");
        }
    }
}

#[test]
fn states_cause_findings() {
    let readiness = ReadinessReport {
        ready: false,
        text: "not ready\ndatabase: refused\n".to_owned(),
    };
    let mut evidence = healthy(&readiness);
    evidence.telemetry = vec![("traces", "refused".to_owned())];
    evidence.previous = Some(Some("the last process was killed".to_owned()));
    evidence.why_without_file = Some("it is locked".to_owned());
    let (findings, _) = apply(&evidence);
    let file = "the recorder's file is not written, so a kill leaves nothing behind";
    let found = findings.iter().find(|finding| finding.what == file);
    assert!(found.is_some_and(|found| found.evidence == ["it is locked"]));
    evidence.has_recorder = false;
    let (findings, fine) = apply(&evidence);
    assert!(!fine.contains(&"failures") && !fine.contains(&"open requests, jobs and runs"));
    let found: Vec<_> = findings.iter().map(|finding| &*finding.what).collect();
    assert_eq!(
        found,
        [
            "the process is not ready, so it gets no traffic",
            "telemetry about traces needs attention",
            "the last process was killed",
            "the flight recorder is off, so requests, jobs and runs cannot be looked at",
        ]
    );
    assert_eq!(findings[1].evidence, ["refused"]);
    let runbooks: Vec<_> = findings.iter().map(|finding| finding.runbook).collect();
    let expected = ["ServiceWithoutTraffic", "TelemetryDropping", "ServiceDown"];
    assert_eq!(runbooks[..3], expected.map(Some));
    assert_eq!(runbooks[3], None);
    runbooks.into_iter().flatten().for_each(assert_runbook);
    let access = Access::new(IpAddr::V4(Ipv4Addr::LOCALHOST), None);
    let text = findings[0].text(1, &Commands::new(&access, &HeaderMap::new()));
    assert!(text.contains("database: refused"), "{text}");
    assert!(
        text.contains("next: curl 'localhost:9464/readyz'"),
        "{text}"
    );
}

#[test]
fn only_unrecorded_roots_are_reported() {
    let readiness = ready();
    let mut evidence = healthy(&readiness);
    let mut lose = |reason, count| {
        let metric = &catalog::RECORDER_LOSSES;
        evidence
            .samples
            .sample(metric, &[("reason", reason)], count);
        let (findings, _) = apply(&evidence);
        findings
            .into_iter()
            .map(|finding| finding.what)
            .collect::<Vec<_>>()
    };
    for reason in [
        "contention",
        "record_limit",
        "span_limit",
        "eviction",
        "error_limit",
    ] {
        assert_eq!(lose(reason, 9.0), [""; 0], "{reason}");
    }
    let found = lose("root_limit", 1.0);
    let sentence = "since the start, 1 request, job or run was not recorded, ";
    assert!(found[0].starts_with(sentence), "{found:?}");
}

/// Asserts that the book has this runbook.
#[track_caller]
fn assert_runbook(name: &str) {
    let book = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/runbooks");
    assert!(book.join(format!("{name}.md")).is_file(), "{name}");
}
