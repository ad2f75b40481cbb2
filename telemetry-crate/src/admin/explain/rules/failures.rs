//! Rules about what has failed: requests, jobs and runs, and errors.

use std::{cmp::Reverse, collections::HashMap};

use super::{
    Evidence, Finding, RECENT, Severity, Work, seconds,
    work::{SHOWN, at_least, before, further, since},
};
use crate::{
    admin::one_line::one_line,
    recorder::{ErrorGroup, RootList, RootView},
    values::counted,
};

/// The age in seconds up to which a failure shows what fails now.
const NOW: f64 = 60.0;

/// Failed roots, with a finding for each kind of work.
///
/// Each kind has a runbook of its own. The kind that fails most at the moment is first.
pub(super) fn failures(evidence: &Evidence<'_>) -> Vec<Finding> {
    let names = failed_names(evidence);
    let kinds = Work::ALL.into_iter().map(|work| {
        let of_kind = names.iter().filter(|name| Work::of(&name.last) == work);
        (work, of_kind.collect::<Vec<_>>())
    });
    let mut kinds: Vec<_> = kinds.filter(|(_, names)| !names.is_empty()).collect();
    kinds.sort_by_key(|(_, names)| Reverse(names.iter().map(|name| name.now).sum::<usize>()));
    let findings = kinds.iter();
    let findings = findings.filter_map(|(work, names)| failures_of(*work, names, evidence));
    findings.collect()
}

/// The failures of the roots of one name.
struct FailedName {
    /// All that are recent.
    recent: usize,
    /// Those of the last minute.
    now: usize,
    last: RootView,
}

/// The names of recent failures.
///
/// Those that fail most at the moment are first: an earlier storm must not hide what fails now.
fn failed_names(evidence: &Evidence<'_>) -> Vec<FailedName> {
    let failed = recent_failures(evidence);
    let (now, _) = failed
        .ended_since(before(evidence.now, NOW))
        .by_name(usize::MAX);
    let now: HashMap<_, _> = now
        .into_iter()
        .map(|(count, root)| (root.name, count))
        .collect();
    let (recent, _) = failed.by_name(usize::MAX);
    let names = recent.into_iter().map(|(recent, last)| FailedName {
        recent,
        now: now.get(&last.name).copied().unwrap_or_default(),
        last,
    });
    let mut names: Vec<_> = names.collect();
    names.sort_by_key(|name| Reverse((name.now, name.recent)));
    names
}

/// A finding about the failed roots of a kind.
fn failures_of(work: Work, names: &[&FailedName], evidence: &Evidence<'_>) -> Option<Finding> {
    let first = names.first()?;
    let ago = |root: &RootView| seconds(since(root.ended.unwrap_or(0), evidence.now));
    let shown = names.iter().take(SHOWN).map(|name| {
        let root = &name.last;
        let (count, ago, id) = (name.recent, ago(root), root.trace_id);
        let (name, failure) = (&root.name, root.failure());
        format!("{count} of {name}, the last one {ago} ago with: {failure} (trace {id})")
    });
    let others = names.len().saturating_sub(SHOWN);
    let shown = shown.chain(further(others, "/traces?failed"));
    let recent: usize = names.iter().map(|name| name.recent).sum();
    let now: usize = names.iter().map(|name| name.now).sum();
    let last = names
        .iter()
        .max_by_key(|name| name.last.ended)
        .map_or(&first.last, |name| &name.last);
    let (one, several) = match work {
        Work::HttpRequest => ("request has", "requests have"),
        Work::GrpcCall => ("gRPC call has", "gRPC calls have"),
        Work::Job => ("attempt of a job has", "attempts of jobs have"),
        Work::Run => ("scheduled run has", "scheduled runs have"),
        Work::Other => ("root span has", "root spans have"),
    };
    let what = format!(
        "{}{} failed in the last {}, {} in the last minute, the last one {} ago",
        at_least(evidence, &["root_limit", "eviction"]),
        counted(recent as u64, one, several),
        seconds(RECENT),
        if now == 0 {
            "none".to_owned()
        } else {
            now.to_string()
        },
        ago(last)
    );
    let runbook = match work {
        Work::HttpRequest => Some("HttpAvailabilityBudgetBurn"),
        Work::GrpcCall => Some("GrpcAvailabilityBudgetBurn"),
        Work::Job => Some("WorkerAttemptsFailing"),
        Work::Run => Some("CronRunMissed"),
        Work::Other => None,
    };
    let finding = Finding::new(Severity::Warning, what).shown_by(shown);
    let next = format!("/traces/{}", first.last.trace_id);
    Some(finding.next(next).runbook(runbook))
}

fn recent_failures(evidence: &Evidence<'_>) -> RootList {
    evidence.failed.ended_since(before(evidence.now, RECENT))
}

/// Errors that are new, or that failed roots do not show.
///
/// Returns `None` if it is not known which errors are new, and failed roots show them all.
pub(super) fn new_errors(evidence: &Evidence<'_>) -> Option<Vec<Finding>> {
    let errors = evidence.errors.as_ref()?;
    let is_known = errors.knows_last_process();
    let failed = recent_failures(evidence);
    let is_listed = |group: &&ErrorGroup| match errors.is_new(group) {
        Some(is_new) => is_new,
        // An error outside of requests, jobs and runs is shown by nothing else.
        None => !group.trace_id.is_some_and(|trace| failed.has_trace(trace)),
    };
    let new: Vec<_> = errors.groups.iter().filter(is_listed).collect();
    if new.is_empty() {
        return (is_known || errors.groups.is_empty()).then(Vec::new);
    }
    let count = new.len();
    let has_panicked = new.iter().any(|group| &*group.error_type == "panic");
    let (severity, what) = if is_known {
        let what = format!("errors that the last process did not know: {count}");
        (Severity::Warning, what)
    } else {
        let what = format!(
            "errors outside of failed requests, jobs and runs since the start, of which some may be new: {count}"
        );
        let severity = if has_panicked {
            Severity::Warning
        } else {
            Severity::Note
        };
        (severity, what)
    };
    let shown = new.iter().take(SHOWN).map(|group| {
        let example = one_line(&group.example, 160);
        let times = counted(group.count, "time", "times");
        format!("{times} at {}: {example}", group.place)
    });
    let finding = Finding::new(severity, what).shown_by(shown);
    Some(vec![finding.next("/errors?since=start")])
}
