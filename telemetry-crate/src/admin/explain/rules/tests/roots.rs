//! Tests of the rules about open and failed roots.

use std::time::{Duration, SystemTime};

use opentelemetry::trace::{SpanId, SpanKind, TraceId};

use super::{Finding, Severity, apply, assert_runbook, healthy, ready};
use crate::{
    catalog,
    collector::Samples as _,
    evidence::{SpanNote, SpanSink as _, SpanStart, VisitText},
    recorder::Recorder,
};

type Attributes = &'static [(&'static str, &'static str)];

/// The time of the evidence of `healthy`, in seconds after the epoch.
const NOW: u64 = 1_000;

/// The kind and the attributes of a root.
type RootKind = (SpanKind, Attributes);

const REQUEST: RootKind = (SpanKind::Server, &[]);
const CALL: RootKind = (SpanKind::Server, &[("rpc.system.name", "grpc")]);
const JOB: RootKind = (SpanKind::Consumer, &[]);
const RUN: RootKind = (SpanKind::Internal, &[("cron.name", "cleanup")]);
const OTHER: RootKind = (SpanKind::Internal, &[]);

/// The attributes of a span that is a query.
const QUERY: Attributes = &[("db.query.text", "UPDATE orders")];

/// Starts a span of this age in seconds.
fn start(
    recorder: &Recorder,
    id: u64,
    parent: Option<u64>,
    kind: &RootKind,
    age: u64,
) -> Option<SpanNote> {
    let name = if parent.is_some() { "inner" } else { "root" };
    start_named(recorder, id, parent, name, kind, age)
}

fn start_named(
    recorder: &Recorder,
    id: u64,
    parent: Option<u64>,
    name: &str,
    (kind, attributes): &RootKind,
    age: u64,
) -> Option<SpanNote> {
    recorder.start(&SpanStart {
        trace_id: TraceId::from(1),
        span_id: SpanId::from(id),
        parent: parent.map(SpanId::from),
        kind: kind.clone(),
        name,
        attributes: &|visit: VisitText<'_>| {
            for (key, value) in *attributes {
                visit(key, value, 0);
            }
        },
        time: SystemTime::UNIX_EPOCH + Duration::from_secs(NOW - age),
    })
}

/// The only finding about the roots of a recorder, if there is one.
fn found(recorder: &Recorder) -> Option<Finding> {
    let readiness = ready();
    let mut evidence = healthy(&readiness);
    evidence.open = recorder.open();
    evidence.failed = recorder.failed();
    let (mut findings, _) = apply(&evidence);
    assert!(findings.len() < 2, "{findings:#?}");
    findings.pop()
}

/// The runbook of the finding about an open root of 100 s and a span inside it.
///
/// Returns `None` without a finding.
fn hung(root: &RootKind, inner: Option<(Attributes, u64)>) -> Option<Option<&'static str>> {
    let recorder = Recorder::new(1_000_000, None);
    let _root = start(&recorder, 1, None, root, 100);
    let inner = inner.map(|(attributes, age)| {
        start(
            &recorder,
            2,
            Some(1),
            &(SpanKind::Internal, attributes),
            age,
        )
    });
    let found = found(&recorder);
    drop(inner);
    found
        .filter(|found| found.severity == Severity::Warning)
        .map(|found| {
            let sentence = "1 request, job or run has been in one span for more than 10.0 s";
            assert_eq!(found.what, sentence);
            let id = TraceId::from(1);
            assert_eq!(found.next, format!("/traces/{id}"));
            let line = format!("root for 100.0 s, for 12.0 s in inner (trace {id})");
            let line = line.replace("100.0 s", &super::super::seconds(100.0));
            assert_eq!(found.evidence, [line]);
            found.runbook
        })
}

#[test]
fn streams_and_long_work_do_not_hang() {
    for root in [REQUEST, CALL, JOB, RUN, OTHER] {
        assert_eq!(hung(&root, None), None, "{root:?}");
        // Each part is short.
        assert_eq!(hung(&root, Some((QUERY, 9))), None, "{root:?}");
    }
    for root in [JOB, RUN, OTHER] {
        assert_eq!(hung(&root, Some((&[], 12))), None, "{root:?}");
    }
}

#[test]
fn old_requests_outside_spans_are_noted() {
    for (root, age, is_noted) in [
        (REQUEST, 61, true),
        (CALL, 61, true),
        (REQUEST, 59, false),
        (JOB, 61, false),
    ] {
        let recorder = Recorder::new(1_000_000, None);
        let _root = start(&recorder, 1, None, &root, age);
        let found = found(&recorder);
        assert_eq!(found.is_some(), is_noted, "{root:?} {age}");
        let Some(found) = found else { continue };
        let sentence = "1 request is open for more than 60.0 s and in no span inside: ";
        let sentence = sentence.replace("60.0 s", &super::super::seconds(60.0));
        assert!(found.what.starts_with(&sentence), "{}", found.what);
        assert_eq!(found.severity, Severity::Note);
        assert_eq!(found.evidence.len(), 1);
    }
}

#[test]
fn long_spans_inside_hang() {
    let latency = Some("HttpLatencyBudgetBurn");
    for (root, inner, runbook) in [
        (REQUEST, &[][..], latency),
        (REQUEST, QUERY, latency),
        (CALL, QUERY, None),
        (JOB, QUERY, Some("WorkerJobsStuck")),
        (RUN, QUERY, Some("CronRunMissed")),
        (OTHER, &[("server.address", "bank")], None),
    ] {
        assert_eq!(hung(&root, Some((inner, 12))), Some(runbook), "{root:?}");
        runbook.into_iter().for_each(assert_runbook);
    }
}

#[test]
fn failures_have_the_runbook_of_their_kind() {
    for (root, runbook) in [
        (REQUEST, Some("HttpAvailabilityBudgetBurn")),
        (CALL, Some("GrpcAvailabilityBudgetBurn")),
        (JOB, Some("WorkerAttemptsFailing")),
        (RUN, Some("CronRunMissed")),
        (OTHER, None),
    ] {
        let recorder = Recorder::new(1_000_000, None);
        if let Some(note) = start(&recorder, 1, None, &root, 100) {
            note.fail("gone");
            note.end(SystemTime::UNIX_EPOCH + Duration::from_secs(NOW - 1));
        }
        let found = found(&recorder).map(|found| found.runbook);
        assert_eq!(found, Some(runbook), "{root:?}");
        runbook.into_iter().for_each(assert_runbook);
    }
}

/// The alerts differ by kind, so each needs a finding that names its runbook.
#[test]
fn rare_kinds_have_a_finding_of_their_own() {
    let recorder = Recorder::new(1_000_000, None);
    let roots = [
        (1, "GET /", REQUEST),
        (2, "bank/Pay", CALL),
        (3, "bank/Pay", CALL),
        (4, "process charges", JOB),
    ];
    for (id, name, root) in roots {
        if let Some(note) = start_named(&recorder, id, None, name, &root, 100) {
            note.fail("gone");
            note.end(SystemTime::UNIX_EPOCH + Duration::from_secs(NOW - id));
        }
    }
    let readiness = ready();
    let mut evidence = healthy(&readiness);
    evidence.failed = recorder.failed();
    let (findings, _) = apply(&evidence);
    let found = findings
        .into_iter()
        .map(|found| (found.what, found.runbook));
    let within = super::super::seconds(900.0);
    let expected = [
        // The kind that fails most is first.
        ("2 gRPC calls have", 2.0, "GrpcAvailabilityBudgetBurn"),
        ("1 request has", 1.0, "HttpAvailabilityBudgetBurn"),
        ("1 attempt of a job has", 4.0, "WorkerAttemptsFailing"),
    ];
    let expected = expected.map(|(what, ago, runbook)| {
        let ago = super::super::seconds(ago);
        let number = what.split(' ').next().unwrap_or_default();
        let what = format!(
            "{what} failed in the last {within}, {number} in the last minute, the last one {ago} ago"
        );
        (what, Some(runbook))
    });
    assert_eq!(found.collect::<Vec<_>>(), expected);
}

#[test]
fn failures_of_further_names_are_counted() {
    let recorder = Recorder::new(1_000_000, None);
    for (id, name) in ["a", "b", "c", "d", "e"].into_iter().enumerate() {
        let name = format!("GET /{name}");
        fail(&recorder, id as u64 + 1, &name, "gone");
    }
    let found = found(&recorder).map(|found| found.evidence);
    let evidence = found.unwrap_or_default();
    assert_eq!(evidence.len(), 4, "{evidence:#?}");
    assert_eq!(evidence[3], "and of 2 more: /traces?failed");
}

/// Not the last failure, which may be of another cause.
#[test]
fn next_is_about_the_most_frequent_name() {
    let recorder = Recorder::new(1_000_000, None);
    for (id, name) in [(1, "GET /b"), (2, "GET /a"), (3, "GET /a")] {
        fail(&recorder, id, name, "gone");
    }
    let next = found(&recorder).map(|found| found.next);
    assert_eq!(next, Some(format!("/traces/{}", TraceId::from(2))));
}

/// An earlier storm must not hide what fails now.
#[test]
fn next_is_about_what_fails_now() {
    let recorder = Recorder::new(1_000_000, None);
    for id in 1..=5 {
        fail_at(&recorder, id, "before", "gone", NOW - 70);
    }
    fail(&recorder, 6, "now", "gone");
    let found = found(&recorder);
    let Some(found) = found else {
        unreachable!("a finding");
    };
    let sentence = "6 attempts of jobs have failed in the last 15 min, 1 in the last minute, ";
    assert!(found.what.starts_with(sentence), "{}", found.what);
    assert_eq!(found.next, format!("/traces/{}", TraceId::from(6)));
    assert!(found.evidence[0].starts_with("1 of now, the last one 1.0 s ago with: "));
    assert!(found.evidence[1].starts_with("5 of before, the last one 70.0 s ago with: "));
}

/// The oldest one must not hide behind those that wait for it.
#[test]
fn hanging_roots_are_counted_by_name() {
    let recorder = Recorder::new(1_000_000, None);
    let mut open = Vec::new();
    // The first one is the oldest.
    for (id, name) in ["z", "a", "b", "a", "c", "d", "a"].into_iter().enumerate() {
        let (id, age) = (2 * id as u64 + 1, 100 - id as u64);
        open.push(start_named(&recorder, id, None, name, &REQUEST, age));
        let query = (SpanKind::Client, QUERY);
        open.push(start_named(
            &recorder,
            id + 1,
            Some(id),
            "inner",
            &query,
            50,
        ));
    }
    let found = found(&recorder).map(|found| found.evidence);
    let evidence = found.unwrap_or_default();
    let starts = [
        "z for ",
        "3 of a, the oldest for ",
        "b for ",
        "and of 2 more: /traces?open",
    ];
    assert_eq!(evidence.len(), starts.len(), "{evidence:#?}");
    for (line, start) in evidence.iter().zip(starts) {
        assert!(line.starts_with(start), "{evidence:#?}");
    }
}

#[test]
fn rejected_requests_name_their_limit() {
    let readiness = ready();
    let found = |last_rejection| {
        let mut evidence = healthy(&readiness);
        evidence.last_rejection = last_rejection;
        let limit = [("limit", "requests")];
        evidence
            .samples
            .sample(&catalog::SERVE_LIMITED, &limit, 7.0);
        apply(&evidence).0.pop().map(|finding| finding.what)
    };
    assert_eq!(found(None), None);
    // Longer ago than failures are shown.
    assert_eq!(found(Some((NOW - 901) * 1_000_000_000)), None);
    let what = found(Some((NOW - 3) * 1_000_000_000)).unwrap_or_default();
    let ago = super::super::seconds(3.0);
    let start = format!("7 requests were rejected since the start, the last one {ago} ago");
    assert!(what.starts_with(&start), "{what}");
}

/// A job that failed later and is tried again shows nothing about a dead letter.
#[test]
fn dead_letters_show_their_own_attempt() {
    let recorder = Recorder::new(1_000_000, None);
    let readiness = ready();
    let shown = |recorder: &Recorder| {
        let mut evidence = healthy(&readiness);
        evidence.failed = recorder.failed();
        let labels = [("queue", "charges"), ("status", "dead_lettered")];
        let depth = &catalog::WORKER_QUEUE_DEPTH;
        evidence.samples.sample(depth, &labels, 1.0);
        let (findings, _) = apply(&evidence);
        let mut findings = findings.into_iter();
        let found = findings.find(|found| found.runbook == Some("WorkerDeadLetters"));
        found.map(|found| found.evidence).unwrap_or_default()
    };
    fail(&recorder, 1, "process charges", "timeout");
    let none = "no attempt that is still in memory did it; the runbook shows how to list them";
    assert_eq!(shown(&recorder), [none]);
    let reason = "job charge: dead-lettered after 1 attempt: declined";
    fail(&recorder, 2, "process charges", reason);
    fail(&recorder, 3, "process charges", "timeout");
    let [line] = &*shown(&recorder) else {
        unreachable!("one line is shown");
    };
    assert!(
        line.starts_with("process charges failed 1.0 s ago with: "),
        "{line}"
    );
    assert!(line.contains(reason), "{line}");
}

/// Adds a job of this name that has failed a second ago.
fn fail(recorder: &Recorder, id: u64, name: &str, reason: &str) {
    fail_at(recorder, id, name, reason, NOW - 1);
}

fn fail_at(recorder: &Recorder, id: u64, name: &str, reason: &str, time: u64) {
    let note = recorder.start(&SpanStart {
        trace_id: TraceId::from(u128::from(id)),
        span_id: SpanId::from(id),
        parent: None,
        kind: SpanKind::Consumer,
        name,
        attributes: &|_: VisitText<'_>| {},
        time: SystemTime::UNIX_EPOCH + Duration::from_secs(time - 1),
    });
    if let Some(note) = note {
        note.fail(reason);
        note.end(SystemTime::UNIX_EPOCH + Duration::from_secs(time));
    }
}
