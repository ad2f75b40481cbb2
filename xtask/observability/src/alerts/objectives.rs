//! Service level objectives: the file in which users declare them, and its rules.

use firstlight::metrics::catalog::HTTP_SERVER_REQUEST_DURATION;

use super::{group::Group, recording::Record, slo};
use crate::{
    limits,
    promql::{self, SERVICE, Selector, firstlight_build_info, on_service},
};

/// Every service with firstlight that was seen within a day.
pub(super) const SEEN: &str = "service:firstlight:seen1d";
/// The services of [`SEEN`], and all services that Prometheus has targets of.
const KNOWN: &str = "service:target:known";

const AVAILABILITY: &str = "availability:declared_objective_ratio";
const LATENCY: &str = "latency:declared_objective_ratio";
const SECONDS: &str = "latency:declared_objective_seconds";
/// The latency objective of each service, with the bucket that contains it.
pub(super) const BUCKET: &str = "slo:latency:objective_bucket_seconds";

/// The group of defaults, with a commented-out declaration.
pub(super) fn group() -> Group {
    let example = example("orders").map(|record| record.label("namespace", "production"));
    about().example(example).records(defaults())
}

/// The group of defaults alone, for services that declare their objectives in files of their own.
pub(super) fn defaults_alone() -> Group {
    Group::new(NAME)
        .about(
            "The objectives of services that declare none, until a day after they were last seen. Alerts on them are tickets. A \
             service declares its objectives in its own rules.",
        )
        .records(defaults())
}

/// The group in which `jobs` declare the default objectives.
pub(super) fn declaring(jobs: &[&'static str]) -> Group {
    let declaration = |job: &'static str| {
        [
            declared(job, AVAILABILITY, limits::AVAILABILITY),
            declared(job, LATENCY, limits::LATENCY),
        ]
    };
    let declared: Vec<_> = jobs.iter().copied().flat_map(declaration).collect();
    about().records(declared).records(defaults())
}

const NAME: &str = "firstlight-objectives";

fn about() -> Group {
    Group::new(NAME).about(format!(
        "The objectives of each service. Only declared objectives page. To declare objectives, uncomment the rules and set the job. \
         {MEANING} Every other service with firstlight has the defaults below, until a day after it was last seen. Alerts on \
         defaults are tickets."
    ))
}

/// What the rules of a declaration mean.
pub(super) const MEANING: &str = "The rules declare the ratio of requests that must not fail (0.9995 allows for 22 minutes of outage a month), the ratio of \
     the other requests that must be fast, and the seconds within which a request is fast. A declaration with a namespace, a cluster, or both applies to the service there, and \
     one with the job alone to all services of that job. If several apply, the most specific one is used, and the strictest \
     of equally specific ones. Seconds are measured by the buckets of http_server_request_duration_seconds, 0.005, 0.01, \
     0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5 and 10. A value between two bounds is rounded up, and above \
     the last bound no request is slow. ServiceAbsent fires if a declared job has no target, for as long as it is declared.";

/// Declarations of objectives that are stricter than the defaults.
pub(super) fn example(job: &'static str) -> [Record; 3] {
    [
        declared(job, AVAILABILITY, 0.9995),
        declared(job, LATENCY, 0.995),
        declared(job, SECONDS, 0.5),
    ]
}

/// The declaration of one objective of a job.
fn declared(job: &'static str, objective: &str, value: f64) -> Record {
    Record::named(format!("slo:{objective}"))
        .expr(&[&format!("vector({value})")])
        .label("job", job)
}

/// The objectives of each service: declared, or else the default.
fn defaults() -> [Record; 3] {
    let or = format!("or {}", on_service(&[]));
    [
        Record::named("slo:availability:objective_ratio")
            .because(
                "The declared objective, or the default, which allows for 43 minutes of outage a month.",
            )
            .expr(&[
                "slo:availability:service_declared_objective_ratio",
                &or,
                &format!("{} * {SEEN}", limits::AVAILABILITY),
            ]),
        Record::named("slo:latency:objective_ratio").expr(&[
            "slo:latency:service_declared_objective_ratio",
            &or,
            &format!("{} * {SEEN}", limits::LATENCY),
        ]),
        Record::named("slo:latency:objective_seconds").expr(&[
            "slo:latency:service_declared_objective_seconds",
            &or,
            &format!("{} * {SEEN}", limits::LATENCY_SECONDS),
        ]),
    ]
}

/// The group of known services and their declared objectives.
pub(super) fn known() -> Group {
    let by = SERVICE.join(", ");
    let on = on_service(&[]);
    Group::new("firstlight-services")
        .about(
            "The known services, and the declared objectives of each: for all services of a job, or for the one in a namespace, in a \
             cluster, or in both. A declaration without a matching service makes ServiceAbsent fire.",
        )
        .every(slo::INTERVAL)
        .records([
            Record::named(SEEN)
                .because("Includes services that are down. A build_info without firstlight_version comes from a foreign exporter.")
                .expr(&[&format!("group by ({by}) (last_over_time({}[1d]))", firstlight_build_info())]),
            Record::named(KNOWN).expr(&[
                SEEN,
                &format!("or {on}"),
                &format!("group by ({by}) ({})", Selector::foreign("up")),
            ]),
            resolved(AVAILABILITY, promql::max),
            resolved(LATENCY, promql::max),
            resolved(SECONDS, promql::min),
        ])
        .records(buckets())
}

/// Assigns the latency objective of each service to a bucket.
///
/// Each bucket has its own rule, because PromQL cannot look up a bucket by a value.
fn buckets() -> impl Iterator<Item = Record> {
    let bounds = HTTP_SERVER_REQUEST_DURATION.buckets.unwrap_or_default();
    let lower = std::iter::once(0.0).chain(bounds.iter().copied());
    let seconds = promql::max(&SERVICE, "slo:latency:objective_seconds");
    let last = bounds.last().copied().unwrap_or_default();
    let within = lower.zip(bounds).map({
        let seconds = seconds.clone();
        move |(lower, upper)| {
            Record::named(BUCKET)
                .expr(&[&format!("{seconds} > {lower} <= {upper}")])
                .label("le", upper.to_string())
        }
    });
    let above = Record::named(BUCKET)
        .expr(&[&format!("{seconds} > {last}")])
        .label("le", "+Inf");
    within.chain([above])
}

/// The declared objective of each service, from the most specific declaration.
///
/// The series of declarations are named `declared_objective`, and the result is named
/// `service_declared_objective`. The series `objective` is the effective one: the result, or else
/// the default.
/// Declarations may differ in labels that do not identify a service. `strictest` combines such
/// declarations.
fn resolved(objective: &str, strictest: fn(&[&str], String) -> String) -> Record {
    let series = format!("slo:{objective}");
    let name = series.replace("declared", "service_declared");
    let declared = |which: &str| strictest(&SERVICE, format!("{series}{{{which}}}"));
    let or = format!("or {}", on_service(&[]));
    let levels = [
        ("cluster=\"\",namespace!=\"\"", "namespace, job"),
        ("cluster!=\"\",namespace=\"\"", "cluster, job"),
        ("cluster=\"\",namespace=\"\"", "job"),
    ];
    let mut lines = vec![declared("cluster!=\"\",namespace!=\"\"")];
    for (which, on) in levels {
        lines.push(or.clone());
        lines.push(format!(
            "{KNOWN} * on ({on}) group_left () {}",
            declared(which)
        ));
        lines.push(or.clone());
        lines.push(format!("{} unless on ({on}) {KNOWN}", declared(which)));
    }
    let lines: Vec<_> = lines.iter().map(String::as_str).collect();
    Record::named(name).expr(&lines)
}
