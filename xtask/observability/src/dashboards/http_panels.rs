//! Panels of HTTP requests, which several dashboards share.

use firstlight::metrics::catalog;

use super::{Color, Panel, Target, Unit, objectives::Objective, query};
use crate::{
    failed::{failed_requests, good_requests},
    limits,
    promql::{self, Selector, on_service, service_labels},
};

/// Classes of status: legend, pattern of the status, and color.
const CLASSES: [(&str, &str, Color); 5] = [
    ("2xx", "2..", Color::Green),
    ("3xx", "3..", Color::Blue),
    ("4xx", "4..", Color::Orange),
    ("5xx", "5..", Color::Red),
    ("no status", "", Color::Yellow),
];

/// The requests that the panels show, as selected by the dashboard's variables.
#[derive(Debug, Clone, Copy)]
pub(super) enum Requests {
    /// All requests of the selected services.
    OfService,
    /// Requests of the selected routes.
    OfRoute,
}

impl Requests {
    fn duration(self) -> Selector {
        let duration = query::selected(&catalog::HTTP_SERVER_REQUEST_DURATION);
        match self {
            Self::OfService => duration,
            Self::OfRoute => duration.matches("http_route", "$route"),
        }
    }

    /// All requests.
    pub(super) fn all(self) -> Selector {
        self.duration().count()
    }

    /// Requests that the service failed, with or without a status.
    pub(super) fn failed(self) -> Selector {
        failed_requests(self.all())
    }

    /// Requests whose status matches a pattern such as `4..`.
    pub(super) fn status(self, pattern: &str) -> Selector {
        self.all().matches("http_response_status_code", pattern)
    }

    pub(super) fn rate(self) -> Panel {
        Panel::stat("Requests")
            .means(
                "Requests per second with any status, of all selected services and routes \
                 together.",
            )
            .normally("Follows the time of day.")
            .otherwise(
                "A sudden drop: requests do not reach the service. Check clients and load \
                 balancers before the service.",
            )
            .runbook("ServiceDown")
            .unit(Unit::RequestsPerSecond)
            .no_value("no requests")
            .shows(Target::new("Requests", query::per_second(&[], &self.all())))
    }

    /// The labels that identify a service, or one of its routes.
    fn labels(self) -> Vec<&'static str> {
        service_labels(self.route_labels())
    }

    fn route_labels(self) -> &'static [&'static str] {
        match self {
            Self::OfService => &[],
            Self::OfRoute => &["http_route"],
        }
    }

    /// The legend of one of several series of a service or a route.
    pub(super) fn legend(self, series: &str) -> String {
        match self {
            Self::OfService => query::legend(series),
            Self::OfRoute => query::legend(&format!("{{{{http_route}}}} {series}")),
        }
    }

    /// Requests per second, by service or by route.
    pub(super) fn each(self, requests: &Selector) -> String {
        query::per_second(&self.labels(), requests)
    }

    /// The burn rate of failed requests, by service and the labels `parts`.
    pub(super) fn failing_of_budget(self, parts: &[&'static str]) -> String {
        let failing = query::ratio(&service_labels(parts), &self.failed(), &self.all());
        format!("{failing} {}", of_budget(Objective::Availability))
    }

    /// The burn rate of slow requests, by service and the labels `parts`.
    pub(super) fn slow_of_budget(self, parts: &[&'static str]) -> String {
        let by = service_labels(parts);
        // The latency objective leaves out failed requests.
        let good = good_requests(self.all());
        let buckets = good_requests(self.duration().bucket());
        let per_bucket = promql::sum(
            &[by.as_slice(), &["le"]].concat(),
            promql::rate(&buckets, query::WINDOW),
        );
        let fast = Objective::fast(&by, &per_bucket);
        let total = query::per_second(&by, &good);
        format!(
            "(1 - {fast} / ({total} > 0)) {}",
            of_budget(Objective::Latency)
        )
    }

    pub(super) fn failing(self) -> Panel {
        Panel::stat("Failing now")
            .means(
                "The burn rate: how many times more requests fail (5xx, panics, answers that break \
                 off) than the objective of their service allows. Of several services or routes, \
                 the highest. 4xx are errors of the client and do not count.",
            )
            .normally("Below 1: the budget lasts for 30 days.")
            .otherwise(
                "From the red value on, the alert pages: at this burn rate the budget of 30 days \
                 is used up within two days.",
            )
            .runbook("HttpAvailabilityBudgetBurn")
            .unit(Unit::Count)
            .red_from(limits::BURNS[0].rate)
            .no_value("no requests, or no rules")
            .shows(Target::new(
                "Times the budget",
                promql::max(&[], self.failing_of_budget(self.route_labels())),
            ))
    }

    pub(super) fn too_slow(self) -> Panel {
        Panel::stat("Too slow now")
            .means(
                "The burn rate: how many times more requests are too slow than the objective of their \
                 service allows. Of several services or routes, the highest.",
            )
            .normally("Below 1: the budget lasts for 30 days.")
            .otherwise(
                "In the graph of durations below, click on the dot of a slow request to open its \
                 trace.",
            )
            .runbook("HttpLatencyBudgetBurn")
            .unit(Unit::Count)
            .red_from(limits::BURNS[0].rate)
            .no_value("no requests, or no rules")
            .shows(Target::new(
                "Times the budget",
                promql::max(&[], self.slow_of_budget(self.route_labels())),
            ))
    }

    pub(super) fn by_class(self) -> Panel {
        let panel = Panel::stack("Requests by status")
            .means(
                "Requests per second by the class of their status, of all selected services and \
                 routes together. Requests that ended before their answer began have no status: \
                 the client disconnected, or the service aborted the request.",
            )
            .normally("Nearly all requests are 2xx.")
            .otherwise(
                "More 4xx after a release of a client: the client is the cause. 5xx: the service \
                 is the cause. The graph of errors shows the types of 5xx and of missing statuses, \
                 and the graph of failures shows which service fails.",
            )
            .runbook("HttpAvailabilityBudgetBurn")
            .unit(Unit::RequestsPerSecond);
        CLASSES
            .into_iter()
            .fold(panel, |panel, (name, pattern, color)| {
                let rate = query::per_second(&[], &self.status(pattern));
                let target = Target::new(name, query::or_zero(rate));
                let target = if name == "5xx" {
                    target.in_trouble()
                } else {
                    target
                };
                panel.shows(target).color(name, color)
            })
    }

    pub(super) fn failures(self) -> Panel {
        let ratio =
            |some: Selector| query::top(10, query::ratio(&self.labels(), &some, &self.all()));
        Panel::timeseries("Failures")
            .means(
                "The part of requests that the service failed (5xx, panics, answers that break \
                 off), and the part with 4xx, which are errors of the client. Of many, the ten \
                 with the most.",
            )
            .normally("Failed is 0. 4xx hardly changes.")
            .otherwise(
                "Failed above the service's line: the budget of 30 days is used up within two \
                 days. A step in 4xx alone: a release of a client, or a client that scans for \
                 paths.",
            )
            .runbook("HttpAvailabilityBudgetBurn")
            .unit(Unit::Part)
            .shows(Target::new(&self.legend("failed"), ratio(self.failed())).in_trouble())
            .shows(Target::new(&self.legend("4xx"), ratio(self.status("4.."))))
            .shows(Target::new(
                &query::legend("pages from"),
                query::top(
                    10,
                    format!(
                        "{} * (1 - {})",
                        limits::BURNS[0].rate,
                        Objective::Availability.objective()
                    ),
                ),
            ))
            .shades("pages from", Color::Purple)
            .shades("failed", Color::Red)
            .shades("4xx", Color::Orange)
    }

    pub(super) fn durations(self) -> Panel {
        let quantile = |q| query::top(10, query::quantile(q, &self.labels(), &self.duration()));
        Panel::timeseries("Duration")
            .means(
                "How long requests take, from the end of their head to the last byte of the \
                 answer. Each dot is a request, and links to its trace.",
            )
            .normally("p99 is below the service's objective.")
            .otherwise(
                "Only p99 rises: a few requests are slow; click on a dot to open its trace. All \
                 three rise: see the dashboards of the database and of the runtime.",
            )
            .runbook("HttpLatencyBudgetBurn")
            .unit(Unit::Seconds)
            .shows(Target::new(&self.legend("p50"), quantile(0.5)))
            .shows(Target::new(&self.legend("p95"), quantile(0.95)))
            .shows(Target::new(&self.legend("p99"), quantile(0.99)))
            .shows(Target::new(
                &query::legend("objective"),
                query::top(10, Objective::seconds()),
            ))
            .shades("objective", Color::Purple)
    }

    pub(super) fn spread(self) -> Panel {
        Panel::heatmap("Duration, spread")
            .means(
                "The distribution of the durations, of all selected services and routes together.",
            )
            .normally("One bright band, or two if some requests are answered from a cache.")
            .otherwise(
                "A second band far above the first: a group of requests waits for something. \
                 Quantiles do not show such a group.",
            )
            .runbook("HttpLatencyBudgetBurn")
            .unit(Unit::Seconds)
            .shows(Target::new("{{le}}", query::buckets(&self.duration())))
    }

    pub(super) fn errors(self) -> Panel {
        let by = service_labels(&["error_type"]);
        let errors = query::per_second(&by, &self.failed());
        Panel::timeseries("Errors by type")
            .means(
                "Failed requests per second, by the type of the error, or by the status if the \
                 type is unknown.",
            )
            .normally("None.")
            .otherwise("Filter the log by `error.type`. Each log line has the id of its trace.")
            .runbook("HttpAvailabilityBudgetBurn")
            .unit(Unit::RequestsPerSecond)
            .shows(
                Target::new(
                    &query::legend("{{error_type}}"),
                    query::or_none_each(errors, "error_type"),
                )
                .in_trouble(),
            )
    }
}

/// The end of a query that divides a ratio of bad requests by the allowed ratio.
///
/// The result of the query is a burn rate.
fn of_budget(objective: Objective) -> String {
    format!(
        "/ {} group_left () (1 - {})",
        on_service(&[]),
        objective.objective()
    )
}
