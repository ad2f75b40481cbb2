//! Rules about the process: its runtime, memory, files and telemetry.

use super::{Evidence, Finding, RECENT, Severity, seconds};
use crate::{catalog, runtime::LongPoll, values::counted};

/// The stall in seconds from which the runtime is blocked.
const STALLED: f64 = 1.0;

/// The time in seconds from which one poll blocks its worker.
///
/// As in the warning of the log.
const BLOCKED: f64 = 3.0;

/// The used share of the memory at which its limit is near, as in its alert.
const MEMORY: f64 = 0.9;

/// The used share of open files at which their limit is near.
///
/// As in its alert.
const OPEN_FILES: f64 = 0.8;

pub(super) fn runtime(evidence: &Evidence<'_>) -> Vec<Finding> {
    let polls = evidence.live.polls.iter();
    let stalled = evidence.samples.value(&catalog::TOKIO_SCHEDULER_STALLED);
    let finding = match stalled.filter(|stalled| *stalled >= STALLED) {
        Some(stalled) => {
            let what = format!(
                "the runtime has run no task for {}: something blocks its threads",
                seconds(stalled)
            );
            Finding::new(Severity::Broken, what).shown_by(polls.map(poll_line))
        }
        None => {
            // The other workers run the tasks, so nothing else shows a worker that is blocked alone.
            let blocking = polls.filter(|poll| poll.lasts.as_secs_f64() >= BLOCKED);
            let lines: Vec<_> = blocking.map(poll_line).collect();
            if lines.is_empty() {
                return Vec::new();
            }
            let what = format!(
                "{} in one poll for more than {}",
                counted(lines.len() as u64, "worker has been", "workers have been"),
                seconds(BLOCKED)
            );
            Finding::new(Severity::Warning, what).shown_by(lines)
        }
    };
    vec![
        finding
            .next("/traces?open")
            .runbook("RuntimeSchedulerDelay"),
    ]
}

fn poll_line(poll: &LongPoll) -> String {
    let (place, lasts) = (&poll.place, seconds(poll.lasts.as_secs_f64()));
    let (root, id) = (&place.root_name, place.trace_id);
    let span = place.span_name.as_ref();
    let span = span.map_or_else(String::new, |span| format!(" in {span}"));
    format!("{root} has been polled{span} for {lasts} (trace {id})")
}

pub(super) fn readiness(evidence: &Evidence<'_>) -> Vec<Finding> {
    if evidence.readiness.ready {
        return Vec::new();
    }
    let lines = evidence.readiness.text.lines().map(str::to_owned);
    if evidence.is_stopping {
        let what = "the process is stopping, so it gets no traffic".to_owned();
        return vec![
            Finding::new(Severity::Note, what)
                .shown_by(lines)
                .next("/traces?open"),
        ];
    }
    let what = "the process is not ready, so it gets no traffic".to_owned();
    vec![
        Finding::new(Severity::Broken, what)
            .shown_by(lines)
            .next("/readyz")
            .runbook("ServiceWithoutTraffic"),
    ]
}

/// Requests that were rejected because too many others were open.
pub(super) fn limited(evidence: &Evidence<'_>) -> Vec<Finding> {
    let last = evidence.last_rejection.map(|last| {
        let since = evidence.now.saturating_sub(last) as f64 / 1e9;
        since.max(0.0)
    });
    let Some(last) = last.filter(|since| *since <= RECENT) else {
        return Vec::new();
    };
    let limited = &catalog::SERVE_LIMITED;
    let rejected = evidence.samples.value_with(limited, "limit", "requests");
    // Whether the limit is reached at this moment is not known.
    let what = format!(
        "{} rejected since the start, the last one {} ago, because too many others were open (FIRSTLIGHT_HTTP_MAX_REQUESTS)",
        counted(
            rejected.unwrap_or_default() as u64,
            "request was",
            "requests were"
        ),
        seconds(last)
    );
    let finding = Finding::new(Severity::Warning, what);
    vec![
        finding
            .next("/traces?open")
            .runbook("HttpAvailabilityBudgetBurn"),
    ]
}

pub(super) fn memory(evidence: &Evidence<'_>) -> Vec<Finding> {
    let used = evidence.samples.value(&catalog::PROCESS_RESIDENT_MEMORY);
    let limit = evidence.samples.value(&catalog::CGROUP_MEMORY_LIMIT);
    let what = near(
        used,
        limit,
        MEMORY,
        "of its memory limit, above which it is killed",
    );
    let finding = |what| {
        Finding::new(Severity::Warning, what)
            .next("/traces?open")
            .runbook("ProcessMemoryNearLimit")
    };
    what.map(finding).into_iter().collect()
}

pub(super) fn files(evidence: &Evidence<'_>) -> Vec<Finding> {
    let open = evidence.samples.value(&catalog::PROCESS_OPEN_FDS);
    let max = evidence.samples.value(&catalog::PROCESS_MAX_FDS);
    let what = near(
        open,
        max,
        OPEN_FILES,
        "of its open files, above which connections fail",
    );
    let finding = |what| {
        Finding::new(Severity::Warning, what)
            .next("/traces?open")
            .runbook("ProcessOpenFilesNearLimit")
    };
    what.map(finding).into_iter().collect()
}

/// A sentence if `used` is at least the share `near` of `limit`.
fn near(used: Option<f64>, limit: Option<f64>, near: f64, of: &str) -> Option<String> {
    let share = used? / limit.filter(|limit| *limit > 0.0)?;
    (share >= near).then(|| format!("the process uses {:.0} % {of}", share * 100.0))
}

/// Returns `None` if the end of the last process is not known.
pub(super) fn previous(evidence: &Evidence<'_>) -> Option<Vec<Finding>> {
    let previous = evidence.previous.as_ref()?;
    let finding = |what| {
        Finding::new(Severity::Note, what)
            .next("/traces?previous")
            .runbook("ServiceDown")
    };
    Some(previous.clone().map(finding).into_iter().collect())
}

pub(super) fn telemetry(evidence: &Evidence<'_>) -> Vec<Finding> {
    let parts = evidence.telemetry.iter();
    let finding = |(part, reason): &(&'static str, String)| {
        let part = part.replace('_', " ");
        Finding::new(
            Severity::Warning,
            format!("telemetry about {part} needs attention"),
        )
        .shown_by([reason.clone()])
        .next("/telemetry")
        .runbook("TelemetryDropping")
    };
    parts.map(finding).collect()
}

pub(super) fn cardinality(evidence: &Evidence<'_>) -> Vec<Finding> {
    let overflows = evidence.samples.of(&catalog::METRICS_CARDINALITY_OVERFLOW);
    let overflows = overflows.filter(|sample| sample.value > 0.0);
    let findings = overflows.map(|sample| {
        let what = format!(
            "the metric {} has more series than its limit; the rest is in one overflow series",
            sample.label("metric")
        );
        Finding::new(Severity::Warning, what)
            .next("/telemetry")
            .runbook("MetricsCardinalityOverflow")
    });
    findings.collect()
}

pub(super) fn recorder(evidence: &Evidence<'_>) -> Vec<Finding> {
    if !evidence.has_recorder {
        let what = "the flight recorder is off, so requests, jobs and runs cannot be looked at";
        return vec![Finding::new(Severity::Note, what.to_owned())];
    }
    file(evidence).chain(unrecorded(evidence)).collect()
}

/// A file that cannot be used.
///
/// The next process will know nothing of this one.
fn file(evidence: &Evidence<'_>) -> impl Iterator<Item = Finding> {
    let why = evidence.why_without_file.clone().into_iter();
    why.map(|why| {
        let what = "the recorder's file is not written, so a kill leaves nothing behind";
        Finding::new(Severity::Warning, what.to_owned()).shown_by([why])
    })
}

fn unrecorded(evidence: &Evidence<'_>) -> Option<Finding> {
    let metric = &catalog::RECORDER_LOSSES;
    let lost = evidence.samples.value_with(metric, "reason", "root_limit");
    let roots = lost.filter(|roots| *roots > 0.0)?;
    let what = format!(
        "since the start, {} not recorded, because too many were open at once or no memory was left",
        counted(
            roots as u64,
            "request, job or run was",
            "requests, jobs or runs were"
        )
    );
    Some(Finding::new(Severity::Note, what).next("/traces?open"))
}
