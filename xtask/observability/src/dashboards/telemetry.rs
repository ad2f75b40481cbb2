//! Two rows about the telemetry itself, on the dashboard of the runtime.

use firstlight::metrics::catalog::{self, Metric};

use super::{
    Color, Column, Panel, Row, Target, Unit, flight_recorder, overview,
    query::{self, INSTANCE, foreign},
};
use crate::{
    limits,
    promql::{self, SERVICE, Selector, service_labels},
};

/// Lost spans, log records and log lines per second, by the labels `by`.
///
/// Spans and log records are lost when they are dropped or not delivered, and log lines when they
/// are dropped.
fn losses(by: &[&str]) -> [(&'static str, String); 5] {
    let lost = |counter: &Selector| {
        let lost = query::per_second(by, counter);
        if by.is_empty() {
            query::or_zero(lost)
        } else {
            query::or_zero_each(lost)
        }
    };
    let failed = |metric: &Metric| lost(&query::selected(metric).is_not("error_type", ""));
    [
        (
            "spans dropped",
            failed(&catalog::OTEL_SDK_PROCESSOR_SPAN_PROCESSED),
        ),
        (
            "spans not delivered",
            failed(&catalog::OTEL_SDK_EXPORTER_SPAN_EXPORTED),
        ),
        (
            "log records dropped",
            failed(&catalog::OTEL_SDK_PROCESSOR_LOG_PROCESSED),
        ),
        (
            "log records not delivered",
            failed(&catalog::OTEL_SDK_EXPORTER_LOG_EXPORTED),
        ),
        (
            "log lines dropped",
            lost(&query::selected(&catalog::LOGGING_EVENTS_DROPPED)),
        ),
    ]
}

pub(super) fn lost() -> Panel {
    let all = losses(&[]).map(|(_, rate)| format!("({rate})")).join(" + ");
    Panel::stat("Telemetry lost")
        .means(
            "Spans, log records and log lines per second that were dropped or not delivered, of \
             all services together.",
        )
        .normally("0.")
        .otherwise(
            "While the value is above 0, errors may be missing in traces and logs. The row about \
             traces and logs shows what is lost and where.",
        )
        .runbook("TelemetryDropping")
        .unit(Unit::EventsPerSecond)
        .red_from(limits::ABOVE_ZERO)
        .shows(Target::new("Lost", all).in_trouble())
}

pub(super) fn health() -> Row {
    Row::new("Are traces and logs complete?")
        .line([lost_over_time(), exported(), unsampled_failures(), queues()])
        .line([overview::log_lines(), checks(), streams(), freshness()])
        .line(flight_recorder::panels())
}

fn lost_over_time() -> Panel {
    let panel = Panel::timeseries("Telemetry lost, by cause")
        .means(
            "Spans, log records and log lines per second that were dropped because a queue or a \
             pipe was full, those that the collector did not accept, log lines that were truncated, \
             and snapshots that were not written to the recorder's file in time.",
        )
        .normally("0.")
        .otherwise(
            "Not delivered: the collector is down, or rejects them. Dropped: more is produced than \
             can be sent; sample, or log less. Truncated: a value or a log line was too long; the \
             line is marked. Recorder snapshots: the disk of the recorder's file is slow or full.",
        )
        .runbook("TelemetryDropping")
        .unit(Unit::EventsPerSecond)
        .red_from(limits::ABOVE_ZERO);
    let cut = query::per_second(
        &SERVICE,
        &query::selected(&catalog::LOGGING_EVENTS_TRUNCATED),
    );
    let late = query::per_second(
        &SERVICE,
        &query::selected(&catalog::RECORDER_SNAPSHOTS_LOST),
    );
    let of_each = losses(&SERVICE).into_iter();
    let of_each = of_each.chain([
        ("log lines truncated", query::or_zero_each(cut)),
        ("recorder snapshots lost", query::or_zero_each(late)),
    ]);
    of_each.fold(panel, |panel, (name, rate)| {
        panel.shows(Target::new(&query::legend(name), rate).in_trouble())
    })
}

fn exported() -> Panel {
    let delivered = |metric: &Metric| {
        let delivered = query::selected(metric).is("error_type", "");
        query::or_zero_each(query::per_second(&SERVICE, &delivered))
    };
    Panel::timeseries("Telemetry delivered")
        .means(
            "Spans, log records and data points per second that the collector accepted. 0 for what \
             is not exported over OTLP.",
        )
        .normally("The number of spans follows the number of requests and the sampling.")
        .otherwise("Falls to 0: exports fail, or nothing is sampled.")
        .runbook("TelemetryDropping")
        .unit(Unit::EventsPerSecond)
        .shows(Target::new(
            &query::legend("spans"),
            delivered(&catalog::OTEL_SDK_EXPORTER_SPAN_EXPORTED),
        ))
        .shows(Target::new(
            &query::legend("log records"),
            delivered(&catalog::OTEL_SDK_EXPORTER_LOG_EXPORTED),
        ))
        .shows(Target::new(
            &query::legend("data points"),
            delivered(&catalog::OTEL_SDK_EXPORTER_METRIC_DATA_POINT_EXPORTED),
        ))
}

fn unsampled_failures() -> Panel {
    let roots = |results: &str| {
        let roots = query::selected(&catalog::TRACE_FAILED_ROOTS).matches("result", results);
        query::or_zero_each(query::per_second(&SERVICE, &roots))
    };
    Panel::timeseries("Failures that were not sampled")
        .means(
            "Failed requests, jobs and scheduled runs per second that the sampler did not choose, \
             with `FIRSTLIGHT_TRACE_FAILURES`. 0 without it.",
        )
        .normally("All are exported.")
        .otherwise(
            "Not exported: there are more failures than the limit. Those that are exported are \
             chosen by their trace id, so that all services choose the same traces.",
        )
        .unit(Unit::EventsPerSecond)
        .shows(Target::new(&query::legend("exported"), roots("exported")))
        .shows(Target::new(
            &query::legend("not exported"),
            roots("other_trace|over_limit"),
        ))
}

fn queues() -> Panel {
    let fill = |size: &Metric, capacity: &Metric| {
        let fill = format!("{} / {}", query::selected(size), query::selected(capacity));
        query::or_zero_each(promql::max(&SERVICE, fill))
    };
    Panel::timeseries("Export queues, of their capacity")
        .means(
            "How full the queues of spans and log records are; of several instances, the fullest. \
             0 for what is not exported over OTLP.",
        )
        .normally("Near 0.")
        .otherwise(
            "Rises: the collector is slow. What does not fit is dropped and counted, and does not \
             slow down requests.",
        )
        .runbook("TelemetryDropping")
        .unit(Unit::Part)
        .shows(Target::new(
            &query::legend("spans"),
            fill(
                &catalog::OTEL_SDK_PROCESSOR_SPAN_QUEUE_SIZE,
                &catalog::OTEL_SDK_PROCESSOR_SPAN_QUEUE_CAPACITY,
            ),
        ))
        .shows(Target::new(
            &query::legend("log records"),
            fill(
                &catalog::OTEL_SDK_PROCESSOR_LOG_QUEUE_SIZE,
                &catalog::OTEL_SDK_PROCESSOR_LOG_QUEUE_CAPACITY,
            ),
        ))
}

fn checks() -> Panel {
    let checks = promql::increase(&query::selected(&catalog::FIRSTLIGHT_CHECKS), query::WINDOW);
    let checks = promql::sum(INSTANCE, checks);
    Panel::timeseries("Checks of the telemetry")
        .means("How often the telemetry of a process was checked.")
        .normally("As often as deploys run the check, which may be never.")
        .otherwise(
            "The number does not indicate a fault. Run the program with `check-telemetry`: it \
             reports what works and what does not.",
        )
        .runbook("TelemetryDropping")
        .unit(Unit::Count)
        .shows(Target::new(
            &query::legend("{{instance}}"),
            query::or_none_each(checks, "instance"),
        ))
}

fn streams() -> Panel {
    let cut = query::in_range(
        &service_labels(&["limit"]),
        &query::selected(&catalog::ADMIN_STREAMS_CUT_OFF),
    );
    Panel::timeseries("Streams of the admin listener cut off")
        .means(
            "Streams of the admin listener, such as followed log lines, whose client did not keep \
             up and was disconnected. The service was not slowed down.",
        )
        .normally("None, also while streams are read.")
        .otherwise(
            "`queue`: the service writes more than the client's connection takes; narrow the \
             request. `write_timeout`: the client is stopped, or its network is gone.",
        )
        .unit(Unit::Count)
        .shows(Target::new(
            &query::legend("{{limit}}"),
            query::top(10, cut),
        ))
}

fn freshness() -> Panel {
    let newest = promql::max(
        INSTANCE,
        query::firstlight_only(format!("timestamp({})", foreign("up"))),
    );
    Panel::timeseries("Time since the last scrape")
        .means("How long ago Prometheus last scraped each instance.")
        .normally("Below the scrape interval.")
        .otherwise(
            "Grows: Prometheus no longer scrapes the instance, and the other panels are out of \
             date.",
        )
        .runbook("ServiceDown")
        .unit(Unit::Seconds)
        .shows(Target::new(
            &query::legend("{{instance}}"),
            query::top(10, format!("time() - {newest}")),
        ))
}

pub(super) fn metrics() -> Row {
    Row::new("Are metrics complete?")
        .line([series(), scrapes(), rejected()])
        .line([resources()])
}

fn series() -> Panel {
    let samples = promql::max(
        INSTANCE,
        query::firstlight_only(foreign("scrape_samples_scraped")),
    );
    Panel::timeseries("Series")
        .means("Series in the exposition of each instance.")
        .normally("Constant, once every route has been called.")
        .otherwise(
            "The number only grows: a label has too many values. The panel of rejected metrics \
             names the metric.",
        )
        .runbook("MetricsCardinalityOverflow")
        .unit(Unit::Count)
        .shows(Target::new(
            &query::legend("{{instance}}"),
            query::top(10, samples),
        ))
}

fn scrapes() -> Panel {
    let duration = promql::max(
        INSTANCE,
        query::firstlight_only(foreign("scrape_duration_seconds")),
    );
    Panel::timeseries("Duration of scrapes")
        .means("How long a scrape of an instance takes.")
        .normally("Milliseconds.")
        .otherwise("Rises with the number of series, and while the runtime is blocked.")
        .runbook("MetricsCardinalityOverflow")
        .unit(Unit::Seconds)
        .shows(Target::new(
            &query::legend("{{instance}}"),
            query::top(10, duration),
        ))
}

fn rejected() -> Panel {
    let most = |by: &'static str, metric: &Metric| {
        let each = query::per_second(&service_labels(&[by]), &query::selected(metric));
        query::or_none_each(each, by)
    };
    let over = most("metric", &catalog::METRICS_CARDINALITY_OVERFLOW);
    let samples = most("metric", &catalog::METRICS_SAMPLES_DROPPED);
    let uses = most("reason", &catalog::METRICS_REJECTED);
    Panel::timeseries("Rejected metrics and samples")
        .means(
            "Uses per second of series beyond a metric's cardinality limit, samples that were negative or \
             not finite, and uses of metrics that were rejected.",
        )
        .normally("None.")
        .otherwise(
            "Over the limit: a label has too many values, such as an id; remove it. Until then, \
             new values go to one overflow series, so sums stay correct.",
        )
        .runbook("MetricsCardinalityOverflow")
        .unit(Unit::EventsPerSecond)
        .red_from(limits::ABOVE_ZERO)
        .shows(Target::new(&query::legend("over the limit: {{metric}}"), over).in_trouble())
        .shows(Target::new(&query::legend("negative or not finite: {{metric}}"), samples).in_trouble())
        .shows(Target::new(&query::legend("rejected: {{reason}}"), uses).in_trouble())
        .shades("over the limit: none", Color::Green)
        .shades("negative or not finite: none", Color::Green)
        .shades("rejected: none", Color::Green)
}

fn resources() -> Panel {
    let by: &[&str] = &[
        "cluster",
        "namespace",
        "job",
        "instance",
        "service_name",
        "service_version",
        "service_instance_id",
        "deployment_environment_name",
    ];
    Panel::table("Resource attributes")
        .means(
            "The resource attributes of each instance, from `target_info`: its spans and log records \
             have the same.",
        )
        .normally("Every instance has a version and an environment.")
        .otherwise(
            "`unknown_service` or no version: set `OTEL_SERVICE_NAME` and \
             `OTEL_RESOURCE_ATTRIBUTES`.",
        )
        .by_service()
        .by("instance", "Instance")
        .by("service_name", "Name")
        .by("service_version", "Version")
        .by("service_instance_id", "Instance id")
        .by("deployment_environment_name", "Environment")
        .column(Column::new(
            "Resources",
            Unit::Count,
            promql::sum(by, query::selected(&catalog::TARGET_INFO)),
        ))
}
