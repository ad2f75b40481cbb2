//! The rules: each looks at one part, and finds what is wrong with it.

mod database;
mod process;
mod work;

use super::{Evidence, Finding, Severity};
use crate::recorder::RootView;

/// A rule, with the name of the part that it looks at.
///
/// It returns `None` if nothing is known about the part.
type Rule = (&'static str, fn(&Evidence<'_>) -> Option<Vec<Finding>>);

/// All rules; the order decides between findings of the same severity.
const RULES: [Rule; 16] = [
    ("runtime", |evidence| Some(process::runtime(evidence))),
    ("open requests, jobs and runs", |evidence| {
        Some(work::open(evidence))
    }),
    ("failures", |evidence| Some(work::failures(evidence))),
    ("new errors", work::new_errors),
    ("connection pools", |evidence| {
        Some(database::pools(evidence))
    }),
    ("queues", |evidence| Some(work::queues(evidence))),
    ("schedules", |evidence| Some(work::schedules(evidence))),
    ("data", |evidence| Some(work::data(evidence))),
    ("request limit", |evidence| Some(process::limited(evidence))),
    ("readiness", |evidence| Some(process::readiness(evidence))),
    ("memory", |evidence| Some(process::memory(evidence))),
    ("open files", |evidence| Some(process::files(evidence))),
    ("the last process", process::previous),
    ("telemetry", |evidence| Some(process::telemetry(evidence))),
    ("metrics", |evidence| Some(process::cardinality(evidence))),
    ("flight recorder", |evidence| {
        Some(process::recorder(evidence))
    }),
];

/// Applies all rules.
///
/// Returns the findings, the worst first, and the parts with which nothing is wrong.
pub(super) fn apply(evidence: &Evidence<'_>) -> (Vec<Finding>, Vec<&'static str>) {
    let (mut findings, mut fine) = (Vec::new(), Vec::new());
    for (part, rule) in RULES {
        let Some(found) = rule(evidence) else {
            continue;
        };
        if found.is_empty() {
            fine.push(part);
        }
        findings.extend(found);
    }
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    (findings, fine)
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
