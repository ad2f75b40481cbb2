//! The rules: each looks at one part, and finds what is wrong with it.

mod database;
mod failures;
mod process;
mod work;

use super::{Evidence, Finding, Severity};
use crate::{
    catalog::{self, Metric},
    recorder::RootView,
};

/// A rule, with the name of the part that it looks at.
type Rule = (&'static str, Find);

/// How a rule finds what is wrong.
#[derive(Clone, Copy)]
enum Find {
    Always(fn(&Evidence<'_>) -> Vec<Finding>),
    /// Nothing is known about the part without a flight recorder.
    IfRecorded(fn(&Evidence<'_>) -> Vec<Finding>),
    /// Without any of these metrics, the service does not have the part.
    IfMeasured(
        &'static [&'static Metric],
        fn(&Evidence<'_>) -> Vec<Finding>,
    ),
    /// Returns `None` if nothing is known about the part.
    IfKnown(fn(&Evidence<'_>) -> Option<Vec<Finding>>),
}

/// The age in seconds up to which a failure is recent.
const RECENT: f64 = 900.0;

/// All rules; the order decides between findings of the same severity.
const RULES: [Rule; 16] = [
    ("runtime", Find::Always(process::runtime)),
    ("open requests, jobs and runs", Find::IfRecorded(work::open)),
    ("failures", Find::IfRecorded(failures::failures)),
    ("new errors", Find::IfKnown(failures::new_errors)),
    (
        "connection pools",
        Find::IfMeasured(&[&catalog::DB_CLIENT_CONNECTION_LIMIT], database::pools),
    ),
    ("queues", Find::IfMeasured(QUEUE_METRICS, work::queues)),
    (
        "schedules",
        Find::IfMeasured(&[&catalog::CRON_SUCCESS_DUE], work::schedules),
    ),
    (
        "data",
        Find::IfMeasured(&[&catalog::DATA_STALENESS_BUDGET], work::data),
    ),
    ("request limit", Find::Always(process::limited)),
    ("readiness", Find::Always(process::readiness)),
    ("memory", Find::Always(process::memory)),
    ("open files", Find::Always(process::files)),
    ("the last process", Find::IfKnown(process::previous)),
    ("telemetry", Find::Always(process::telemetry)),
    ("metrics", Find::Always(process::cardinality)),
    ("flight recorder", Find::Always(process::recorder)),
];

const QUEUE_METRICS: &[&Metric] = &[
    &catalog::WORKER_QUEUE_DEPTH,
    &catalog::WORKER_QUEUE_OLDEST_AGE,
    &catalog::WORKER_QUEUE_UP,
];

/// Applies all rules.
///
/// Returns the findings, the worst first, and the parts with which nothing is wrong.
pub(super) fn apply(evidence: &Evidence<'_>) -> (Vec<Finding>, Vec<&'static str>) {
    let (mut findings, mut fine) = (Vec::new(), Vec::new());
    for (part, rule) in RULES {
        let found = match rule {
            Find::IfRecorded(_) if !evidence.has_recorder => continue,
            Find::IfMeasured(metrics, _) if !is_measured(evidence, metrics) => continue,
            Find::Always(find) | Find::IfRecorded(find) | Find::IfMeasured(_, find) => {
                find(evidence)
            }
            Find::IfKnown(find) => match find(evidence) {
                Some(found) => found,
                None => continue,
            },
        };
        if found.is_empty() {
            fine.push(part);
        }
        findings.extend(found);
    }
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    (findings, fine)
}

/// Whether any of the metrics has a sample.
fn is_measured(evidence: &Evidence<'_>, metrics: &[&Metric]) -> bool {
    let mut samples = metrics
        .iter()
        .flat_map(|metric| evidence.samples.of(metric));
    samples.next().is_some()
}

/// A number of seconds, as a person would say it.
fn seconds(seconds: f64) -> String {
    crate::admin::time::spoken((seconds.max(0.0) * 1e9) as u64)
}

/// What a root does, for the choice of a runbook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    HttpRequest,
    GrpcCall,
    Job,
    Run,
    Other,
}

impl Work {
    const ALL: [Self; 5] = [
        Self::HttpRequest,
        Self::GrpcCall,
        Self::Job,
        Self::Run,
        Self::Other,
    ];

    fn of(root: &RootView) -> Self {
        let span = root.root_span();
        let is_rpc = span.is_some_and(|span| span.attribute("rpc.system.name").is_some());
        match root.kind() {
            "request" if is_rpc => Self::GrpcCall,
            "request" => Self::HttpRequest,
            "job" => Self::Job,
            "run" => Self::Run,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests;
