//! Lints of rules.
//!
//! They are the checks of Cloudflare's pint that apply to files, the conventions of the monitoring
//! mixins, and lints that only firstlight needs. Each lint has an example violation, so that a lint
//! without effect is detected. A rule cannot disable a lint.

mod metadata;
mod query;

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
    query::does_not_parse,
    query::merges_services,
    query::merges_entities,
    query::matches_across_services,
    query::misses_new_series,
    query::uses_single_instant,
];

/// The lints of a query that an operator runs once, during an incident.
pub(super) const AD_HOC_QUERY: &[fn(&Rule) -> Option<String>] = &[
    query::does_not_parse,
    query::merges_services,
    query::merges_entities,
    query::uses_single_instant,
];

/// All lints of rules.
pub(super) const LINTS: &[Lint] = &[
    Lint {
        name: "parses",
        check: query::does_not_parse,
        breaks: |rule| rule.expr.push('('),
    },
    Lint {
        name: "compares with a limit, or uses `unless`, if it is an alert",
        check: query::compares_nothing,
        breaks: |rule| rule.expr = "sum by (cluster, namespace, job) (up)".to_owned(),
    },
    Lint {
        name: "selects metrics that exist",
        check: query::unknown_metric,
        breaks: |rule| rule.expr = rule.expr.replace("_age_", "_aeg_"),
    },
    Lint {
        name: "takes rates of counters only",
        check: query::rate_of_non_counter,
        breaks: |rule| rule.expr = "rate(worker_queue_depth[5m]) > 0".to_owned(),
    },
    Lint {
        name: "aggregates within one service: by cluster, namespace and job",
        check: query::merges_services,
        breaks: |rule| {
            rule.expr = "max by (job, queue) (worker_queue_oldest_age_seconds) > 9".to_owned();
        },
    },
    Lint {
        name: "aggregates within one pool, process, queue, schedule or type of data",
        check: query::merges_entities,
        breaks: |rule| {
            rule.expr =
                "avg by (cluster, namespace, job) (worker_queue_oldest_age_seconds) > 9".to_owned();
        },
    },
    Lint {
        name: "matches series of the same service: on cluster, namespace and job",
        check: query::matches_across_services,
        breaks: |rule| {
            rule.expr = rule
                .expr
                .replace("on (cluster, namespace, job, queue)", "on (job, queue)");
        },
    },
    Lint {
        name: "keeps the labels of the service: cluster, namespace and job",
        check: query::drops_service_labels,
        breaks: |rule| rule.expr = "vector(time()) > 0".to_owned(),
    },
    Lint {
        name: "counts the first value of a new series",
        check: query::misses_new_series,
        breaks: |rule| {
            rule.expr =
                "sum by (cluster, namespace, job) (rate(worker_tasks_total[5m])) > 0".to_owned();
        },
    },
    Lint {
        name: "tolerates a failed scrape when it looks for new series",
        check: query::uses_single_instant,
        breaks: |rule| {
            rule.expr = "worker_tasks_total unless worker_tasks_total offset 1h".to_owned();
        },
    },
    Lint {
        name: "counts the same if the rules are loaded several times",
        check: query::counts_samples,
        breaks: |rule| {
            rule.expr = "30 * sum_over_time(slo:latency:errors_rate5m[1h]) > 9".to_owned();
        },
    },
    Lint {
        name: "uses regular expressions only where they are necessary",
        check: query::needless_pattern,
        breaks: |rule| rule.expr = "up{job=~\"orders\"} == 0".to_owned(),
    },
    Lint {
        name: "has a `for` duration, if it is an alert",
        check: |rule| {
            (rule.alert.is_some() && rule.lasting.is_none()).then(|| "no `for`".to_owned())
        },
        breaks: |rule| rule.lasting = None,
    },
    Lint {
        name: "has a severity that Alertmanager routes, if it is an alert",
        check: metadata::severity,
        breaks: |rule| drop(rule.labels.insert("severity".to_owned(), "page".to_owned())),
    },
    Lint {
        name: "pages only for symptoms",
        check: metadata::pages_without_a_symptom,
        breaks: |rule| rule.alert = Some("ProcessMemoryNearLimit".to_owned()),
    },
    Lint {
        name: "is named in CamelCase if it is an alert, and level:metric:operations otherwise",
        check: metadata::name,
        breaks: |rule| rule.alert = Some("worker_queue_stalled".to_owned()),
    },
    Lint {
        name: "has a summary of one sentence without values, if it is an alert",
        check: metadata::summary,
        breaks: |rule| annotate(rule, "summary", "{{ $value }} jobs"),
    },
    Lint {
        name: "describes the problem with labels that its query has",
        check: metadata::description,
        breaks: |rule| annotate(rule, "description", "{{ $labels.severity }} trouble."),
    },
    Lint {
        name: "links to its runbook and to a dashboard that exists, if it is an alert",
        check: metadata::links,
        breaks: |rule| annotate(rule, "dashboard_url", "https://g/d/firstlight-wroker"),
    },
];

/// Replaces an annotation of the rule.
fn annotate(rule: &mut Rule, name: &str, text: &str) {
    rule.annotations.insert(name.to_owned(), text.to_owned());
}
