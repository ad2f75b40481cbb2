//! Tests of the rules on states of a process.
//!
//! `tests/process/admin/explain.rs` and `tests/queries/explain.rs` cause what the rules look for. Here are the values at which a
//! rule finds nothing.

use std::{fs, path::Path};

use super::{Evidence, RULES, apply};
use crate::{
    admin::recent::Live,
    catalog::{self, Metric},
    collector::Samples as _,
    metrics::SampleList,
    readiness::ReadinessReport,
    recorder::RootList,
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

const POOL: Label = ("db_client_connection_pool_name", "orders");

const CASES: [Case; 12] = [
    (
        &[(&catalog::TOKIO_SCHEDULER_STALLED, &[], 4.2)],
        "the runtime has run no task for 4.2 s",
        "RuntimeSchedulerDelay",
    ),
    (
        &[
            (&catalog::DB_CLIENT_CONNECTION_LIMIT, &[POOL], 10.0),
            (
                &catalog::DB_CLIENT_CONNECTION_COUNT,
                &[POOL, ("db_client_connection_state", "used")],
                10.0,
            ),
        ],
        "the pool orders is exhausted: 10 of 10",
        "DatabasePoolExhausted",
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
        &[(&catalog::WORKER_QUEUE_UP, &[MAILS], 0.0)],
        "the state of the queue mails cannot be read",
        "WorkerQueueUnreadable",
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

/// Each rule is caused in a real process.
#[test]
fn rules_are_caused() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let files = [
        "process/admin/explain.rs",
        "process/admin/explain/cgroup.rs",
        "queries/explain.rs",
    ];
    let causes = files.map(|file| fs::read_to_string(tests.join(file)).unwrap_or_default());
    for (part, _) in RULES {
        let named = format!("\"{part}\"");
        let is_caused = causes.iter().any(|text| text.contains(&named));
        assert!(
            is_caused,
            "no test of {files:?} causes a finding about {part}"
        );
    }
}

fn ready() -> ReadinessReport {
    ReadinessReport {
        ready: true,
        text: "ready\n".to_owned(),
    }
}

/// The state of a process with which nothing is wrong, 1,000 s after the epoch.
fn healthy(readiness: &ReadinessReport) -> Evidence<'_> {
    Evidence {
        now: 1_000_000_000_000,
        samples: SampleList::default(),
        open: RootList::default(),
        failed: RootList::default(),
        has_recorder: true,
        live: Live::default(),
        errors: None,
        readiness,
        telemetry: Vec::new(),
        previous: None,
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
                "db_client_connection_limit"
                    | "worker_queue_latency_budget_seconds"
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
    assert_eq!(fine.len(), RULES.len());
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
        assert_eq!(fine.len(), RULES.len() - 1);
        let book = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/runbooks");
        assert!(book.join(format!("{runbook}.md")).is_file(), "{runbook}");
    }
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
    evidence.previous = Some("the last process was killed".to_owned());
    evidence.has_recorder = false;
    let (findings, _) = apply(&evidence);
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
    let text = findings[0].text(1, "localhost:9464");
    assert!(text.contains("database: refused"), "{text}");
    assert!(
        text.contains("next: curl 'localhost:9464/readyz'"),
        "{text}"
    );
}
