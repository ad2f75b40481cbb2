//! The dashboard `firstlight: overview`.

use firstlight::metrics::catalog;

use super::{
    Color, Column, Dashboard, Panel, Row, Target, Unit, http_panels::Requests, objectives, query,
};
use crate::{
    limits,
    promql::{self, Selector, on_service, service_labels},
};

pub(super) fn dashboard() -> Dashboard {
    Dashboard::new(
        "overview",
        "firstlight: overview",
        "Are users affected, and where?",
        &Selector::of(&catalog::BUILD_INFO),
    )
    .row(services())
    .row(impact())
    .row(requests())
    .row(routes())
    .row(causes())
    .row(logs_and_versions())
}

/// One row per service, so that an unhealthy one stands out among many.
fn services() -> Row {
    const SERVICES: Requests = Requests::OfService;
    let by = service_labels(&[]);
    let firing = Selector::foreign("ALERTS")
        .is("alertstate", "firing")
        .matches("severity", "critical|warning")
        .of_selected_services();
    let table = Panel::table("Services")
        .means(
            "Each service: its burn rates of failed and of slow requests, its firing alerts, its load, \
             and its instances that are up. A burn rate is how many times faster than allowed the \
             error budget burns.",
        )
        .normally("No value is red.")
        .otherwise("Click on the red service: the dashboard then shows only that service.")
        .runbook("HttpAvailabilityBudgetBurn")
        .runbook("HttpLatencyBudgetBurn")
        .runbook("ServiceDown")
        .by_service()
        .column(
            Column::new("Failing", Unit::Count, SERVICES.failing_of_budget(&[]))
                .red_from(limits::BURNS[0].rate),
        )
        .column(
            Column::new("Too slow", Unit::Count, SERVICES.slow_of_budget(&[]))
                .red_from(limits::BURNS[0].rate),
        )
        .column(
            Column::new(
                "Alerts",
                Unit::Count,
                format!("count by ({}) ({firing})", by.join(", ")),
            )
            .in_trouble(),
        )
        .column(Column::new(
            "Requests",
            Unit::RequestsPerSecond,
            query::per_second(&by, &SERVICES.all()),
        ))
        .column(
            Column::new("Instances up", Unit::Count, promql::sum(&by, up()))
                .red_below(limits::AT_LEAST_ONE),
        )
        .leads_to("Open this service", "firstlight-overview", "");
    Row::new("Which service?").line([table])
}

fn impact() -> Row {
    Row::new("Are users affected?").line([
        Requests::OfService.failing(),
        Requests::OfService.too_slow(),
        objectives::availability(),
        objectives::availability_budget(),
        objectives::latency_budget(),
        Requests::OfService.rate(),
        instances(),
        alerts(),
    ])
}

/// `up` of each instance that exported `build_info` within the time range.
///
/// The whole range counts, because an instance that is down exports nothing now.
fn up() -> String {
    format!(
        "{} and {} last_over_time({}[$__range])",
        query::foreign("up"),
        on_service(&["instance"]),
        query::selected(&catalog::BUILD_INFO),
    )
}

pub(super) fn instances() -> Panel {
    let up = up();
    Panel::stat("Instances up")
        .means("Processes of a service that Prometheus reaches; of several services, the fewest.")
        .normally("As many as were deployed.")
        .otherwise(
            "0: the service is down. Fewer than deployed: the dashboard of the runtime shows \
             restarts and memory.",
        )
        .runbook("ServiceDown")
        .runbook("ServiceAbsent")
        .unit(Unit::Count)
        .red_below(limits::AT_LEAST_ONE)
        .shows(Target::new(
            "Up",
            promql::min(&[], promql::sum(&service_labels(&[]), up)),
        ))
}

fn alerts() -> Panel {
    let firing = Selector::foreign("ALERTS")
        .is("alertstate", "firing")
        .matches("severity", "critical|warning")
        .of_selected_services();
    Panel::stat("Firing alerts")
        .means("Firing alerts of the selected services together, both pages and tickets.")
        .normally("0.")
        .otherwise(
            "Red lines in the graphs below mark when alerts began to fire. Hover over a line to \
             see the name of the alert, which is also the name of its runbook.",
        )
        .unit(Unit::Count)
        .red_from(limits::ABOVE_ZERO)
        .shows(Target::new(
            "Firing",
            query::or_zero(format!("count({firing})")),
        ))
}

fn requests() -> Row {
    Row::new("What do users see?")
        .line([
            Requests::OfService.by_class(),
            Requests::OfService.failures(),
            active(),
        ])
        .line([
            Requests::OfService.durations(),
            Requests::OfService.spread(),
            Requests::OfService.errors(),
        ])
        .line([limited()])
}

fn limited() -> Panel {
    Panel::timeseries("Open connections and reached limits")
        .means(
            "Open connections of each service, and how often each of its limits has ended a \
             connection or a request in the time range.",
        )
        .normally("A few connections for each client. Limits are rarely reached.")
        .otherwise(
            "`body_timeout`, `header_timeout` and `write_timeout` rise: clients are slow. \
             `requests`, `connections` and `body_memory` rise: there are too many at once. \
             `invalid_head` and `header_size` rise: hyper rejects the requests of clients, often \
             scanners.",
        )
        .unit(Unit::Count)
        .shows(Target::new(
            &query::legend("open"),
            query::top(
                10,
                promql::sum(
                    &service_labels(&[]),
                    query::selected(&catalog::SERVE_OPEN_CONNECTIONS),
                ),
            ),
        ))
        .shows(Target::new(
            &query::legend("{{limit}}"),
            query::top(
                10,
                query::in_range(
                    &service_labels(&["limit"]),
                    &query::selected(&catalog::SERVE_LIMITED),
                ),
            ),
        ))
}

fn active() -> Panel {
    let active = query::selected(&catalog::HTTP_SERVER_ACTIVE_REQUESTS);
    Panel::stack("Requests being served")
        .means("Requests of all services together that have begun and not ended, by method.")
        .normally("Requests per second times their duration: 100 per second of 50 ms each are 5.")
        .otherwise(
            "The number only grows: requests hang. Look for an exhausted pool, or a dependency \
             that does not answer.",
        )
        .runbook("HttpLatencyBudgetBurn")
        .unit(Unit::Count)
        .shows(Target::new(
            "{{http_request_method}}",
            promql::sum(&["http_request_method"], active),
        ))
}

fn routes() -> Row {
    const ROUTE: &[&str] = &["cluster", "namespace", "job", "http_route"];
    let duration = query::selected(&catalog::HTTP_SERVER_REQUEST_DURATION);
    let all = Requests::OfService.all();
    let ratio = |some| query::ratio(ROUTE, &some, &all);
    let time = duration.clone().sum();
    let share = format!(
        "{} / {} group_left () ({} > 0)",
        query::per_second(ROUTE, &time),
        on_service(&[]),
        query::per_second(&service_labels(&[]), &time),
    );
    let table = Panel::table("Routes")
        .means(
            "Each route's load, failures and duration, and its burn rates of failed and of slow \
             requests. Click on a route for its own dashboard. Requests that no route matched are in \
             the row without a route.",
        )
        .normally("No value is red.")
        .otherwise(
            "Click on the red route. If all routes are red, they have a common cause: see the row \
             below.",
        )
        .runbook("HttpAvailabilityBudgetBurn")
        .runbook("HttpLatencyBudgetBurn")
        .by_service()
        .by("http_route", "Route")
        .column(Column::new(
            "Requests",
            Unit::RequestsPerSecond,
            query::per_second(ROUTE, &all),
        ))
        .column(
            Column::new(
                "Failing, of budget",
                Unit::Count,
                Requests::OfService.failing_of_budget(&["http_route"]),
            )
            .red_from(limits::BURNS[0].rate),
        )
        .column(
            Column::new(
                "Too slow, of budget",
                Unit::Count,
                Requests::OfService.slow_of_budget(&["http_route"]),
            )
            .red_from(limits::BURNS[0].rate),
        )
        .column(Column::new("Failed", Unit::Part, ratio(Requests::OfService.failed())).in_trouble())
        .column(Column::new("4xx", Unit::Part, ratio(Requests::OfService.status("4.."))))
        .column(Column::new(
            "p95",
            Unit::Seconds,
            query::quantile(0.95, ROUTE, &duration),
        ))
        .column(Column::new("Share of time", Unit::Part, share))
        .leads_to(
            "Open this route",
            "firstlight-route",
            "&var-route=${__data.fields.Route}",
        );
    Row::new("Which routes are affected?").line([table])
}

fn causes() -> Row {
    Row::new("What is the cause?")
        .line([database(), pool(), queues()])
        .line([
            super::runtime::busy(),
            super::process_panels::processor(),
            super::process_panels::memory_part(),
        ])
}

fn database() -> Panel {
    let statements = query::selected(&catalog::DB_CLIENT_OPERATION_DURATION).sum();
    let requests = query::selected(&catalog::HTTP_SERVER_REQUEST_DURATION).sum();
    let share = format!(
        "({} or 0 * {all}) / ({all} > 0)",
        query::per_second(&service_labels(&[]), &statements),
        all = query::per_second(&service_labels(&[]), &requests),
    );
    Panel::timeseries("Database time per request time")
        .means(
            "Seconds spent in statements per second spent in requests. Statements of jobs count as \
             well, and each of several concurrent statements counts, so the value may exceed 100 \
             %.",
        )
        .normally("Each service has its own level, often about 50 %.")
        .otherwise(
            "Rises together with the durations of requests: the database is the cause. If only the \
             durations rise, it is not.",
        )
        .runbook("HttpLatencyBudgetBurn")
        .unit(Unit::Part)
        .shows(Target::new(query::SERVICE_LEGEND, query::top(10, share)))
        .leads_to("Open the database", "firstlight-database", "")
}

fn pool() -> Panel {
    super::pool::wait("").leads_to("Open the database", "firstlight-database", "")
}

fn queues() -> Panel {
    super::worker::age_of_budget("").leads_to(
        "Open the worker",
        "firstlight-worker",
        "&var-queue=${__field.labels.queue}",
    )
}

fn logs_and_versions() -> Row {
    Row::new("Which errors are logged, and which versions run?").line([log_lines(), versions()])
}

pub(super) fn log_lines() -> Panel {
    let lines = query::per_second(&["level"], &query::selected(&catalog::LOGGING_EVENTS));
    Panel::stack("Log lines by level")
        .means("Log lines per second of all services together, including dropped lines.")
        .normally("`info` follows the number of requests. `error` is 0.")
        .otherwise(
            "Search the log for `level=ERROR` at the time of the peak. Many `debug` lines: the log \
             filter was changed and not reset.",
        )
        .runbook("HttpAvailabilityBudgetBurn")
        .unit(Unit::EventsPerSecond)
        .shows(Target::new("{{level}}", lines))
        .color("error", Color::Red)
        .color("warn", Color::Orange)
        .color("info", Color::Green)
        .color("debug", Color::Blue)
        .color("trace", Color::Purple)
}

fn versions() -> Panel {
    let build = query::selected(&catalog::BUILD_INFO);
    let of = service_labels(&["version", "revision", "firstlight_version"]);
    let restarts = format!(
        "sum by ({}) (changes({}[$__range]) * {} group_left (version, revision, firstlight_version) {build})",
        of.join(", "),
        query::selected(&catalog::PROCESS_START_TIME),
        on_service(&["instance"]),
    );
    Panel::table("Versions running")
        .means(
            "Each running version, its number of instances, and their restarts within the time \
             range.",
        )
        .normally("One version per service, two during a deploy. No restarts.")
        .otherwise(
            "Two versions for a long time: a deploy hangs. Restarts without a deploy: the process \
             is killed or panics; check its memory.",
        )
        .runbook("ServiceDown")
        .by_service()
        .by("version", "Version")
        .by("revision", "Revision")
        .by("firstlight_version", "firstlight")
        .column(Column::new(
            "Instances",
            Unit::Count,
            format!("count by ({}) ({build})", of.join(", ")),
        ))
        .column(Column::new("Restarts", Unit::Count, restarts))
}
