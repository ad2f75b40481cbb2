//! What every rule must be: the checks of Cloudflare's pint that apply to files, the conventions of the monitoring mixins, and
//! ours.
//!
//! Each brings a way to break it, so that one that objects to nothing is found out. There are no exclusions.

mod query;
mod words;

use super::rule::Rule;

/// One thing that is true of every rule.
pub(super) struct Lint {
    /// Ends a sentence that begins with `every rule`.
    pub(super) name: &'static str,
    /// What is wrong.
    pub(super) objects: fn(&Rule) -> Option<String>,
    /// Makes it wrong.
    pub(super) breaks: fn(&mut Rule),
}

/// Those that hold for a query that is no rule as well.
pub(super) const OF_ANY_QUERY: [fn(&Rule) -> Option<String>; 6] = [
    query::does_not_parse,
    query::adds_up_services,
    query::adds_up_things,
    query::matches_services,
    query::misses_births,
    query::compares_with_an_instant,
];

/// What holds of a query that a person asks once, while something goes on.
pub(super) const OF_A_LOOK: &[fn(&Rule) -> Option<String>] = &[
    query::does_not_parse,
    query::adds_up_services,
    query::adds_up_things,
    query::compares_with_an_instant,
];

/// All of them.
pub(super) const LINTS: &[Lint] = &[
    Lint {
        name: "parses",
        objects: query::does_not_parse,
        breaks: |rule| rule.expr.push('('),
    },
    Lint {
        name: "compares with a limit, or asks what is not there, if it is an alert",
        objects: query::compares_nothing,
        breaks: |rule| rule.expr = "sum by (cluster, namespace, job) (up)".to_owned(),
    },
    Lint {
        name: "asks for metrics that exist",
        objects: query::unknown_metric,
        breaks: |rule| rule.expr = rule.expr.replace("_age_", "_aeg_"),
    },
    Lint {
        name: "takes rates of counters, and of nothing else",
        objects: query::rate_of_no_counter,
        breaks: |rule| rule.expr = "rate(worker_queue_depth[5m]) > 0".to_owned(),
    },
    Lint {
        name: "adds up one service only: by cluster, namespace and job",
        objects: query::adds_up_services,
        breaks: |rule| {
            rule.expr = "max by (job, queue) (worker_queue_oldest_age_seconds) > 9".to_owned();
        },
    },
    Lint {
        name: "adds up one thing only: no two pools, processes, queues, schedules or types of data",
        objects: query::adds_up_things,
        breaks: |rule| {
            rule.expr =
                "avg by (cluster, namespace, job) (worker_queue_oldest_age_seconds) > 9".to_owned();
        },
    },
    Lint {
        name: "matches a service with itself: on cluster, namespace and job",
        objects: query::matches_services,
        breaks: |rule| {
            rule.expr = rule
                .expr
                .replace("on (cluster, namespace, job, queue)", "on (job, queue)");
        },
    },
    Lint {
        name: "says whose it is, by cluster, namespace and job",
        objects: query::loses_the_service,
        breaks: |rule| rule.expr = "vector(time()) > 0".to_owned(),
    },
    Lint {
        name: "counts with what a new series begins with",
        objects: query::misses_births,
        breaks: |rule| {
            rule.expr =
                "sum by (cluster, namespace, job) (rate(worker_tasks_total[5m])) > 0".to_owned();
        },
    },
    Lint {
        name: "takes no failed scrape for a birth",
        objects: query::compares_with_an_instant,
        breaks: |rule| {
            rule.expr = "worker_tasks_total unless worker_tasks_total offset 1h".to_owned();
        },
    },
    Lint {
        name: "counts no more where rules are loaded several times",
        objects: query::counts_samples,
        breaks: |rule| {
            rule.expr = "30 * sum_over_time(slo:latency:errors_rate5m[1h]) > 9".to_owned();
        },
    },
    Lint {
        name: "has regular expressions only where a value would not do",
        objects: query::needless_pattern,
        breaks: |rule| rule.expr = "up{job=~\"orders\"} == 0".to_owned(),
    },
    Lint {
        name: "says how long it must be so, if it is an alert",
        objects: |rule| {
            (rule.alert.is_some() && rule.lasting.is_none()).then(|| "no `for`".to_owned())
        },
        breaks: |rule| rule.lasting = None,
    },
    Lint {
        name: "has a severity that Alertmanager routes, if it is an alert",
        objects: words::severity,
        breaks: |rule| drop(rule.labels.insert("severity".to_owned(), "page".to_owned())),
    },
    Lint {
        name: "pages only for symptoms",
        objects: words::pages_without_a_symptom,
        breaks: |rule| rule.alert = Some("ProcessMemoryNearLimit".to_owned()),
    },
    Lint {
        name: "is called in CamelCase if it is an alert, and level:metric:operations if it records",
        objects: words::name,
        breaks: |rule| rule.alert = Some("worker_queue_stalled".to_owned()),
    },
    Lint {
        name: "has a summary that is one sentence without values, if it is an alert",
        objects: words::summary,
        breaks: |rule| annotate(rule, "summary", "{{ $value }} jobs"),
    },
    Lint {
        name: "describes what is wrong by labels that its query has",
        objects: words::description,
        breaks: |rule| annotate(rule, "description", "{{ $labels.severity }} trouble."),
    },
    Lint {
        name: "names its runbook and a dashboard that is there, if it is an alert",
        objects: words::links,
        breaks: |rule| annotate(rule, "dashboard_url", "https://g/d/firstlight-wroker"),
    },
];

/// Another annotation in the place of the rule's own.
fn annotate(rule: &mut Rule, name: &str, text: &str) {
    rule.annotations.insert(name.to_owned(), text.to_owned());
}
