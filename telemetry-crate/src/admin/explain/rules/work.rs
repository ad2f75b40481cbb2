//! Rules about requests, jobs, scheduled runs and cached data.

use super::{Evidence, Finding, Severity, Work, seconds};
use crate::{catalog, proto::nanos, recorder::RootView, values::counted};

/// The time in one span in seconds from which an open root hangs.
///
/// It is the timeout of many clients.
const HUNG: f64 = 10.0;

/// The age in seconds from which a request outside any span inside is shown.
const UNSEEN: f64 = 60.0;

/// The ratio of a latency budget from which a queue has grown, as in its alert.
const GROWN: f64 = 0.5;

/// The age in seconds from which a job of an unknown queue is forgotten.
///
/// As in its alert.
const FORGOTTEN: f64 = 900.0;

/// The ratio of old reads from which data is stale, as in its alert.
const STALE: f64 = 0.01;

/// The number of roots that a finding shows.
pub(super) const SHOWN: usize = 3;

/// Requests, jobs and runs that wait, as far as their spans show it.
pub(super) fn open(evidence: &Evidence<'_>) -> Vec<Finding> {
    hung(evidence).into_iter().chain(unseen(evidence)).collect()
}

fn hung(evidence: &Evidence<'_>) -> Option<Finding> {
    let old = evidence.open.open_since(before(evidence.now, HUNG));
    let hung = old.that(|root| hangs(root, evidence.now));
    let oldest = hung.first(1).roots.pop()?;
    let what = format!(
        "{}{} in one span for more than {}",
        at_least(evidence, &["root_limit"]),
        counted_roots(hung.count(), "has been", "have been"),
        seconds(HUNG)
    );
    // The oldest one is often the cause, and the others wait for it.
    let (by_name, others) = hung.by_name_of_first(SHOWN);
    let shown = by_name.into_iter().map(|(count, root)| {
        let waits_in = root.waits_in.as_ref().map_or_else(String::new, |span| {
            let since = seconds(since(span.since, evidence.now));
            format!(", for {since} in {}", span.name)
        });
        let (oldest, id) = (oldest_of(count, &root, evidence.now), root.trace_id);
        format!("{oldest}{waits_in} (trace {id})")
    });
    let shown = shown.chain(further(others, "/traces?open"));
    let next = format!("/traces/{}", oldest.trace_id);
    let runbook = match Work::of(&oldest) {
        Work::HttpRequest => Some("HttpLatencyBudgetBurn"),
        Work::Job => Some("WorkerJobsStuck"),
        Work::Run => Some("CronRunMissed"),
        Work::GrpcCall | Work::Other => None,
    };
    let finding = Finding::new(Severity::Warning, what).shown_by(shown);
    Some(finding.next(next).runbook(runbook))
}

/// Old requests that are in no span inside.
///
/// They may wait, such as for a lock or a channel. Or their response is a stream, so this is only a note.
fn unseen(evidence: &Evidence<'_>) -> Option<Finding> {
    let old = evidence.open.open_since(before(evidence.now, UNSEEN));
    let unseen =
        old.that(|root| root.ended.is_none() && is_request(root) && root.waits_in.is_none());
    let oldest = unseen.first(1).roots.pop()?;
    let (count, age) = (unseen.count(), seconds(UNSEEN));
    let verb = if count == 1 { "is" } else { "are" };
    let what = format!(
        "{}{} {verb} open for more than {age} and in no span inside: they wait in code without spans, or their responses are streams",
        at_least(evidence, &["root_limit"]),
        counted(count as u64, "request", "requests"),
    );
    let (by_name, others) = unseen.by_name(SHOWN);
    let shown = by_name.into_iter().map(|(count, root)| {
        let oldest = oldest_of(count, &root, evidence.now);
        format!("{oldest} (trace {})", root.trace_id)
    });
    let shown = shown.chain(further(others, "/traces?open"));
    let finding = Finding::new(Severity::Note, what).shown_by(shown);
    Some(finding.next(format!("/traces/{}", oldest.trace_id)))
}

/// The age of the oldest of `count` roots of a name.
fn oldest_of(count: usize, oldest: &RootView, now: u64) -> String {
    let (name, age) = (&oldest.name, seconds(since(oldest.started, now)));
    match count {
        1 => format!("{name} for {age}"),
        _ => format!("{count} of {name}, the oldest for {age}"),
    }
}

/// Where the roots of further names are listed.
pub(super) fn further(names: usize, list: &str) -> Option<String> {
    (names > 0).then(|| format!("and of {names} more: {list}"))
}

fn is_request(root: &RootView) -> bool {
    matches!(Work::of(root), Work::HttpRequest | Work::GrpcCall)
}

/// Whether the deepest open span of a root has been open for too long.
///
/// The age of the root is no evidence: a job may take hours, and the response of a request may be a stream. So a span
/// inside must be open. In a job or a run it must be a query or a call to another server, because their own parts may take
/// long as well.
fn hangs(root: &RootView, now: u64) -> bool {
    root.waits_in.as_ref().is_some_and(|span| {
        let is_long = span.since <= before(now, HUNG);
        is_long && (is_request(root) || span.about.is_some())
    })
}

/// Words before a count that roots may be missing from, for one of these reasons.
pub(super) fn at_least(evidence: &Evidence<'_>, reasons: &[&str]) -> &'static str {
    let metric = &catalog::RECORDER_LOSSES;
    let lost = |reason: &&str| evidence.samples.value_with(metric, "reason", reason);
    let is_lost = reasons.iter().filter_map(lost).any(|count| count > 0.0);
    if is_lost { "at least " } else { "" }
}

pub(super) fn queues(evidence: &Evidence<'_>) -> Vec<Finding> {
    let mut findings = late_queues(evidence);
    for depth in evidence.samples.of(&catalog::WORKER_QUEUE_DEPTH) {
        let (queue, jobs) = (depth.label("queue"), depth.value);
        if jobs.is_nan() || jobs <= 0.0 {
            continue;
        }
        let what = |status| format!("jobs of the queue {queue} that are {status}: {jobs}");
        findings.push(match depth.label("status") {
            "dead_lettered" => Finding::new(Severity::Warning, what("dead-lettered"))
                .shown_by([last_dead_letter(evidence, queue)])
                .next("/traces?failed&route=process")
                .runbook("WorkerDeadLetters"),
            // No process works on them, so no root is about them.
            "stuck" => Finding::new(Severity::Warning, what("stuck"))
                .next("/traces?open&route=process")
                .runbook("WorkerJobsStuck"),
            _ => continue,
        });
    }
    // Not by `worker_queue_up`, which is 0 as well once the process has stopped to read a queue.
    for unreadable in &evidence.unreadable {
        let what = format!("the state of the queue {} cannot be read", unreadable.queue);
        let since = since(nanos(unreadable.since), evidence.now);
        let why = format!("for {}: {}", seconds(since), unreadable.reason);
        let finding = Finding::new(Severity::Broken, what).shown_by([why]);
        // Its connections show whether the pool is the cause.
        let finding = finding.next("/traces?open");
        findings.push(finding.runbook("WorkerQueueUnreadable"));
    }
    findings
}

/// The last attempt of this process that dead-lettered a job of a queue.
fn last_dead_letter(evidence: &Evidence<'_>, queue: &str) -> String {
    let name = format!("process {queue}");
    // As the line at the end of an attempt has it.
    let dead_lettered = |root: &RootView| root.failure().contains("dead-lettered after");
    let attempts = evidence.failed.of_name(&name);
    match attempts.that(dead_lettered).first(1).roots.first() {
        Some(root) => failed(root, evidence.now),
        None => "no attempt that is still in memory did it; the runbook shows how to list them"
            .to_owned(),
    }
}

fn failed(root: &RootView, now: u64) -> String {
    let ago = seconds(since(root.ended.unwrap_or(0), now));
    let (name, failure, id) = (&root.name, root.failure(), root.trace_id);
    format!("{name} failed {ago} ago with: {failure} (trace {id})")
}

fn late_queues(evidence: &Evidence<'_>) -> Vec<Finding> {
    let samples = &evidence.samples;
    let ages = samples.of(&catalog::WORKER_QUEUE_OLDEST_AGE);
    let late = ages.filter_map(|age| {
        let (queue, age) = (age.label("queue"), age.value);
        let budget = &catalog::WORKER_QUEUE_LATENCY_BUDGET;
        // The age is NaN while the queue cannot be read.
        let (severity, why, runbook) = match samples.value_with(budget, "queue", queue) {
            Some(budget) if age > budget => (
                Severity::Broken,
                format!("longer than its budget of {}", seconds(budget)),
                "WorkerQueueStalled",
            ),
            Some(budget) if age > budget * GROWN => (
                Severity::Warning,
                format!("more than half of its budget of {}", seconds(budget)),
                "WorkerQueueGrowing",
            ),
            // A queue without a budget is not declared by this process.
            None if age > FORGOTTEN => (
                Severity::Warning,
                "and no worker of this process knows this queue".to_owned(),
                "WorkerQueueUnknown",
            ),
            _ => return None,
        };
        let waited = seconds(age);
        let what = format!("the oldest job of the queue {queue} has waited {waited}, {why}");
        let finding = Finding::new(severity, what)
            .shown_by(roots_of(evidence, &format!("process {queue}")))
            .next("/traces?open&failed&route=process");
        Some(finding.runbook(runbook))
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
            .shown_by(roots_of(evidence, &format!("cron {name}")))
            .next("/traces?open&failed&route=cron")
            .runbook("CronRunMissed")
    });
    findings.collect()
}

pub(super) fn data(evidence: &Evidence<'_>) -> Vec<Finding> {
    let samples = &evidence.samples;
    let budgets = samples.of(&catalog::DATA_STALENESS_BUDGET);
    // Data without a budget always comes from its source.
    let budgets = budgets.filter(|budget| budget.value > 0.0);
    let stale = budgets.filter_map(|budget| {
        let name = budget.label("data_type");
        let age = &catalog::DATA_SERVED_AGE;
        let older = samples.above(age, ("data_type", name), budget.value)?;
        if older.count as f64 <= older.all as f64 * STALE {
            return None;
        }
        let what = format!(
            "of {} reads of the data {name} since the start, {} were older than its budget of {}",
            older.all,
            older.count,
            seconds(budget.value)
        );
        let last = older.last.map(|last| {
            let ago = seconds(since(last.recorded * 1_000_000, evidence.now));
            let (age, id) = (seconds(last.value), last.trace_id);
            format!("one was {age} old, {ago} ago (trace {id})")
        });
        let finding = Finding::new(Severity::Warning, what).shown_by(last);
        // A source that takes longer than the budget is the usual cause.
        Some(finding.next("/traces?slow").runbook("DataStalerThanBudget"))
    });
    stale.collect()
}

/// The open roots of this name, and the last failed one, one line each.
fn roots_of(evidence: &Evidence<'_>, name: &str) -> Vec<String> {
    let open = evidence.open.of_name(name).first(SHOWN).roots;
    let open = open.iter().map(|root| {
        let lasts = seconds(since(root.started, evidence.now));
        let waits_in = root.waits_in.as_ref();
        let waits_in = waits_in.map_or_else(String::new, |span| format!(" in {}", span.name));
        format!(
            "{name} runs for {lasts}{waits_in} (trace {})",
            root.trace_id
        )
    });
    let last = evidence.failed.of_name(name).first(1).roots;
    let last = last.iter().map(|root| failed(root, evidence.now));
    open.chain(last).collect()
}

pub(super) fn since(time: u64, now: u64) -> f64 {
    now.saturating_sub(time) as f64 / 1e9
}

/// The time that was so many seconds before `now`.
pub(super) fn before(now: u64, seconds: f64) -> u64 {
    now.saturating_sub((seconds * 1e9) as u64)
}

fn counted_roots(count: usize, one: &str, several: &str) -> String {
    if count == 1 {
        format!("1 request, job or run {one}")
    } else {
        format!("{count} requests, jobs or runs {several}")
    }
}
