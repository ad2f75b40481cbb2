//! Rules about requests, jobs, scheduled runs and cached data.

use std::{cmp::Reverse, collections::BTreeMap};

use super::{Evidence, Finding, Severity, seconds};
use crate::{
    admin::one_line::one_line,
    catalog,
    recorder::{ErrorGroup, ErrorPlace, RootView},
};

/// The age in seconds from which an open root hangs.
///
/// It is the timeout of many clients.
const HUNG: f64 = 10.0;

/// The age in seconds up to which a failure is recent.
const RECENT: f64 = 900.0;

/// The number of roots that a finding shows.
const SHOWN: usize = 3;

pub(super) fn hung(evidence: &Evidence<'_>) -> Vec<Finding> {
    let age = |root: &RootView| since(root.started, evidence.now);
    let roots = evidence.open.iter();
    let hung: Vec<_> = roots
        .filter(|root| root.ended.is_none() && age(root) >= HUNG)
        .collect();
    let Some(oldest) = hung.first() else {
        return Vec::new();
    };
    let what = format!(
        "{} open for more than {}",
        counted_roots(hung.len(), "is", "are"),
        seconds(HUNG)
    );
    let shown = hung.iter().take(SHOWN).map(|root| {
        let waits_in = root.waits_in.as_ref().map_or_else(String::new, |span| {
            let since = seconds(since(span.since, evidence.now));
            format!(", for {since} in {}", span.name)
        });
        let age = seconds(age(root));
        format!(
            "{} for {age}{waits_in} (trace {})",
            root.name, root.trace_id
        )
    });
    let finding = Finding::new(Severity::Warning, what).shown_by(shown);
    vec![finding.next(format!("/traces/{}", oldest.trace_id))]
}

pub(super) fn failures(evidence: &Evidence<'_>) -> Vec<Finding> {
    let failed = evidence.failed.iter();
    let recent: Vec<_> = failed
        .filter(|root| since(root.ended.unwrap_or(0), evidence.now) <= RECENT)
        .collect();
    let Some(last) = recent.first() else {
        return Vec::new();
    };
    let mut by_name = BTreeMap::<&str, (usize, &RootView)>::new();
    for root in &recent {
        // The list begins with the last one, which stays.
        by_name.entry(&root.name).or_insert((0, root)).0 += 1;
    }
    let mut by_name: Vec<_> = by_name.into_values().collect();
    by_name.sort_by_key(|(count, _)| Reverse(*count));
    let shown = by_name.iter().take(SHOWN).map(|(count, root)| {
        let (name, failure, id) = (&root.name, root.failure(), root.trace_id);
        format!("{count} of {name}, the last one with: {failure} (trace {id})")
    });
    let what = format!(
        "{} failed in the last {}, the last one {} ago",
        counted_roots(recent.len(), "has", "have"),
        seconds(RECENT),
        seconds(since(last.ended.unwrap_or(0), evidence.now))
    );
    let finding = Finding::new(Severity::Warning, what).shown_by(shown);
    vec![finding.next(format!("/traces/{}", last.trace_id))]
}

pub(super) fn new_errors(evidence: &Evidence<'_>) -> Vec<Finding> {
    let Some(errors) = &evidence.errors else {
        return Vec::new();
    };
    let new = |group: &&ErrorGroup| errors.is_new(group) == Some(true);
    let new: Vec<_> = errors.groups.iter().filter(new).collect();
    if new.is_empty() {
        return Vec::new();
    }
    let count = new.len();
    let what = format!("errors that the last process did not know: {count}");
    let shown = new.iter().take(SHOWN).map(|group| {
        let place = match &group.place {
            ErrorPlace::Code { file, line, .. } => format!("{file}:{line}"),
            ErrorPlace::Root(name) => name.to_string(),
        };
        let example = one_line(&group.example, 160);
        format!("{} times at {place}: {example}", group.count)
    });
    let finding = Finding::new(Severity::Warning, what).shown_by(shown);
    vec![finding.next("/errors?since=start")]
}

pub(super) fn queues(evidence: &Evidence<'_>) -> Vec<Finding> {
    let mut findings = late_queues(evidence);
    for depth in evidence.samples.of(&catalog::WORKER_QUEUE_DEPTH) {
        let (queue, jobs) = (depth.label("queue"), depth.value);
        let runbook = match depth.label("status") {
            "dead_lettered" => "WorkerDeadLetters",
            "stuck" => "WorkerJobsStuck",
            _ => continue,
        };
        if jobs > 0.0 {
            let status = depth.label("status").replace('_', "-");
            let what = format!("jobs of the queue {queue} that are {status}: {jobs}");
            let finding = Finding::new(Severity::Warning, what);
            findings.push(
                finding
                    .next("/traces?failed&route=process")
                    .runbook(runbook),
            );
        }
    }
    let unreadable = evidence.samples.of(&catalog::WORKER_QUEUE_UP);
    for up in unreadable.filter(|up| up.value == 0.0) {
        let queue = up.label("queue");
        let what = format!("the state of the queue {queue} cannot be read");
        findings.push(Finding::new(Severity::Broken, what).runbook("WorkerQueueUnreadable"));
    }
    findings
}

fn late_queues(evidence: &Evidence<'_>) -> Vec<Finding> {
    let samples = &evidence.samples;
    let ages = samples.of(&catalog::WORKER_QUEUE_OLDEST_AGE);
    let late = ages.filter_map(|age| {
        let queue = age.label("queue");
        let budget = &catalog::WORKER_QUEUE_LATENCY_BUDGET;
        let budget = samples.value_with(budget, "queue", queue)?;
        // The age is NaN while the queue cannot be read.
        let is_late = age.value > budget;
        if !is_late {
            return None;
        }
        let what = format!(
            "the oldest job of the queue {queue} has waited {}, and its budget is {}",
            seconds(age.value),
            seconds(budget)
        );
        let finding = Finding::new(Severity::Broken, what).next("/traces?open&route=process");
        Some(finding.runbook("WorkerQueueGrowing"))
    });
    late.collect()
}

pub(super) fn schedules(evidence: &Evidence<'_>) -> Vec<Finding> {
    let now = evidence.now as f64 / 1e9;
    let due = evidence.samples.of(&catalog::CRON_SUCCESS_DUE);
    let missed = due.filter(|due| due.value > 0.0 && due.value < now);
    let findings = missed.map(|due| {
        let (name, late) = (due.label("cron"), seconds(now - due.value));
        let what = format!("the schedule {name} should have succeeded {late} ago");
        Finding::new(Severity::Broken, what)
            .next("/traces?open&failed&route=cron")
            .runbook("CronRunMissed")
    });
    findings.collect()
}

pub(super) fn data(evidence: &Evidence<'_>) -> Vec<Finding> {
    let samples = &evidence.samples;
    let budgets = samples.of(&catalog::DATA_STALENESS_BUDGET);
    let stale = budgets.filter_map(|budget| {
        let name = budget.label("data_type");
        let age = samples.value_with(&catalog::DATA_SERVED_AGE, "data_type", name)?;
        let is_stale = age > budget.value;
        if !is_stale {
            return None;
        }
        let what = format!(
            "the data {name} was served {} old, and its budget is {}",
            seconds(age),
            seconds(budget.value)
        );
        Some(Finding::new(Severity::Warning, what).runbook("DataStalerThanBudget"))
    });
    stale.collect()
}

fn since(time: u64, now: u64) -> f64 {
    now.saturating_sub(time) as f64 / 1e9
}

fn counted_roots(count: usize, one: &str, several: &str) -> String {
    if count == 1 {
        format!("1 request, job or run {one}")
    } else {
        format!("{count} requests, jobs or runs {several}")
    }
}
