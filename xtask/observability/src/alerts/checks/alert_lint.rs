//! Lints of rules.
//!
//! They are the checks of Cloudflare's pint that apply to files, the conventions of the monitoring
//! mixins, and lints that only firstlight needs. Each lint has an example violation, so that a lint
//! without effect is detected. A rule cannot disable a lint.

mod metadata;
mod query_lints;

use super::rule::Rule;

/// A lint of rules.
pub(super) struct Lint {
    /// The requirement, worded to follow `every rule`.
    pub(super) name: &'static str,
    /// Returns how a rule violates the lint, or `None`.
    pub(super) check: fn(&Rule) -> Option<String>,
    /// Changes a valid rule so that it violates the lint.
    pub(super) breaks: fn(&mut Rule),
}

/// The lints that apply to any query, also outside a rule.
pub(super) const ANY_QUERY: [fn(&Rule) -> Option<String>; 6] = [
    query_lints::does_not_parse,
    query_lints::merges_services,
    query_lints::merges_entities,
    query_lints::matches_across_services,
    query_lints::misses_new_series,
    query_lints::uses_single_instant,
];

/// The lints of a query that an operator runs once, during an incident.
pub(super) const AD_HOC_QUERY: &[fn(&Rule) -> Option<String>] = &[
    query_lints::does_not_parse,
    query_lints::merges_services,
    query_lints::merges_entities,
    query_lints::uses_single_instant,
];

/// All lints of rules.
///
/// Lints of limits, severities, annotations and `for` do not apply to recording rules. A service is the series of one
/// cluster, namespace and job.
pub(super) const LINTS: &[Lint] = &[
    Lint {
        name: "parses",
        check: query_lints::does_not_parse,
        breaks: |rule| rule.expr.push('('),
    },
    Lint {
        name: "compares with a limit or uses `unless`",
        check: query_lints::compares_nothing,
        breaks: |rule| rule.expr = "sum by (cluster, namespace, job) (up)".to_owned(),
    },
    Lint {
        name: "selects metrics that exist",
        check: query_lints::unknown_metric,
        breaks: |rule| rule.expr = rule.expr.replace("_age_", "_aeg_"),
    },
    Lint {
        name: "takes rates of counters only",
        check: query_lints::rate_of_non_counter,
        breaks: |rule| rule.expr = "rate(worker_queue_depth[5m]) > 0".to_owned(),
    },
    Lint {
        name: "aggregates within one service",
        check: query_lints::merges_services,
        breaks: |rule| {
            rule.expr = "max by (job, queue) (worker_queue_oldest_age_seconds) > 9".to_owned();
        },
    },
    Lint {
        name: "aggregates within one entity, such as a queue",
        check: query_lints::merges_entities,
        breaks: |rule| {
            rule.expr =
                "avg by (cluster, namespace, job) (worker_queue_oldest_age_seconds) > 9".to_owned();
        },
    },
    Lint {
        name: "matches series of the same service",
        check: query_lints::matches_across_services,
        breaks: |rule| {
            rule.expr = rule
                .expr
                .replace("on (cluster, namespace, job, queue)", "on (job, queue)");
        },
    },
    Lint {
        name: "keeps the labels of the service",
        check: query_lints::drops_service_labels,
        breaks: |rule| rule.expr = "vector(time()) > 0".to_owned(),
    },
    Lint {
        name: "counts the first value of a new series",
        check: query_lints::misses_new_series,
        breaks: |rule| {
            rule.expr =
                "sum by (cluster, namespace, job) (rate(worker_tasks_total[5m])) > 0".to_owned();
        },
    },
    Lint {
        name: "finds new series despite a failed scrape",
        check: query_lints::uses_single_instant,
        breaks: |rule| {
            rule.expr = "worker_tasks_total unless worker_tasks_total offset 1h".to_owned();
        },
    },
    Lint {
        name: "counts the same if loaded several times",
        check: query_lints::counts_samples,
        breaks: |rule| {
            rule.expr = "30 * sum_over_time(slo:latency:errors_rate5m[1h]) > 9".to_owned();
        },
    },
    Lint {
        name: "uses regular expressions only where needed",
        check: query_lints::needless_pattern,
        breaks: |rule| rule.expr = "up{job=~\"orders\"} == 0".to_owned(),
    },
    Lint {
        name: "has a `for` duration",
        check: |rule| {
            (rule.alert.is_some() && rule.lasting.is_none()).then(|| "no `for`".to_owned())
        },
        breaks: |rule| rule.lasting = None,
    },
    Lint {
        name: "has a severity that Alertmanager routes",
        check: metadata::severity,
        breaks: |rule| drop(rule.labels.insert("severity".to_owned(), "page".to_owned())),
    },
    Lint {
        name: "pages only for symptoms",
        check: metadata::pages_without_a_symptom,
        breaks: |rule| rule.alert = Some("ProcessMemoryNearLimit".to_owned()),
    },
    Lint {
        name: "is named as Prometheus names alerts and records",
        check: metadata::name,
        breaks: |rule| rule.alert = Some("worker_queue_stalled".to_owned()),
    },
    Lint {
        name: "has a summary of one sentence without values",
        check: metadata::summary,
        breaks: |rule| annotate(rule, "summary", "{{ $value }} jobs"),
    },
    Lint {
        name: "describes itself with labels of its query",
        check: metadata::description,
        breaks: |rule| annotate(rule, "description", "{{ $labels.severity }} trouble."),
    },
    Lint {
        name: "links to its runbook and an existing dashboard",
        check: metadata::links,
        breaks: |rule| annotate(rule, "dashboard_url", "https://g/d/firstlight-wroker"),
    },
];

/// Replaces an annotation of the rule.
fn annotate(rule: &mut Rule, name: &str, text: &str) {
    rule.annotations.insert(name.to_owned(), text.to_owned());
}
