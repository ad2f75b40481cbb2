//! What several dashboards show of requests: the same numbers, in the same colours.

use firstlight::metrics::catalog;

use super::{Colour, Panel, Runbook, Target, Unit, query};
use crate::observability::{limits, promql::Selector};

/// Answers by class of status, each of which has its colour.
const CLASSES: [(&str, &str, Colour); 4] = [
    ("2xx", "2..", Colour::Green),
    ("3xx", "3..", Colour::Blue),
    ("4xx", "4..", Colour::Orange),
    ("5xx", "5..", Colour::Red),
];

/// Requests of the chosen services, and of the chosen route where there is one to choose.
#[derive(Debug, Clone, Copy)]
pub(super) enum Requests {
    OfService,
    OfRoute,
}

impl Requests {
    fn duration(self) -> Selector {
        let duration = query::of(&catalog::HTTP_SERVER_REQUEST_DURATION);
        match self {
            Self::OfService => duration,
            Self::OfRoute => duration.matches("http_route", "$route"),
        }
    }

    /// All of them.
    pub(super) fn all(self) -> Selector {
        self.duration().count()
    }

    /// Those whose status matches, such as `5..`.
    pub(super) fn status(self, pattern: &str) -> Selector {
        self.all().matches("http_response_status_code", pattern)
    }

    pub(super) fn rate(self) -> Panel {
        Panel::stat("Requests")
            .means("Requests per second, of any status.")
            .normally("It follows the hour of the day.")
            .otherwise(
                "A sudden drop is worse than a peak: look at what is in front of the service \
                 before you look at the service.",
            )
            .runbook(Runbook::ServiceDown)
            .unit(Unit::RequestsPerSecond)
            .nothing("no requests")
            .shows(Target::new("Requests", query::per_second(&[], &self.all())))
    }

    pub(super) fn failing(self) -> Panel {
        let urgent = limits::FAILING;
        Panel::stat("Failing now")
            .means(
                "The part of requests that were answered with 5xx. 4xx are the client's mistakes \
                 and are not in it.",
            )
            .normally("0, or so little that the budget lasts for the month.")
            .otherwise(
                "Red is as fast as the page that wakes people: at this rate the budget of a month \
                 is gone in two days.",
            )
            .runbook(Runbook::HttpAvailabilityBudgetBurn)
            .unit(Unit::Part)
            .red_from(urgent)
            .nothing("no requests")
            .shows(Target::new(
                "5xx",
                query::part(&[], &self.status("5.."), &self.all()),
            ))
    }

    pub(super) fn slowest_hundredth(self) -> Panel {
        Panel::stat("p99 now")
            .means("99 of 100 requests are faster than this.")
            .normally("Below the objective, which is where it turns red.")
            .otherwise(
                "Open the durations below, follow a dot to its trace, and see what the time went \
                 to.",
            )
            .runbook(Runbook::HttpLatencyBudgetBurn)
            .unit(Unit::Seconds)
            .red_from(limits::LATENCY_SECONDS)
            .nothing("no requests")
            .shows(Target::new(
                "p99",
                query::quantile(limits::LATENCY, &[], &self.duration()),
            ))
    }

    pub(super) fn by_class(self) -> Panel {
        let panel = Panel::stack("Requests by status")
            .means("Requests per second, by the class of their status.")
            .normally("Green is nearly all of it.")
            .otherwise(
                "Orange that grows after a release of a client is the client's; red is ours. Open \
                 the errors to see which.",
            )
            .runbook(Runbook::HttpAvailabilityBudgetBurn)
            .unit(Unit::RequestsPerSecond);
        CLASSES
            .into_iter()
            .fold(panel, |panel, (name, pattern, colour)| {
                let rate = query::per_second(&[], &self.status(pattern));
                let target = Target::new(name, query::or_zero(rate));
                let target = if name == "5xx" {
                    target.in_trouble()
                } else {
                    target
                };
                panel.shows(target).colour(name, colour)
            })
    }

    pub(super) fn failures(self) -> Panel {
        let part = |pattern: &str| query::part(&[], &self.status(pattern), &self.all());
        Panel::timeseries("Failures")
            .means(
                "The part of requests that failed: 5xx through our fault, 4xx through the \
                 client's.",
            )
            .normally("5xx is 0. 4xx has a level of its own that hardly changes.")
            .otherwise(
                "5xx above the line burns a month's budget in two days. A step in 4xx alone is a \
                 client's release, or somebody who tries doors.",
            )
            .runbook(Runbook::HttpAvailabilityBudgetBurn)
            .unit(Unit::Part)
            .red_from(limits::FAILING)
            .shows(Target::new("5xx", part("5..")).in_trouble())
            .shows(Target::new("4xx", part("4..")))
            .colour("5xx", Colour::Red)
            .colour("4xx", Colour::Orange)
    }

    pub(super) fn durations(self) -> Panel {
        let quantile = |q| query::quantile(q, &[], &self.duration());
        Panel::timeseries("Duration")
            .means(
                "How long requests take, from the first byte of the head to the last of the \
                 answer. Each dot is a request, and leads to its trace.",
            )
            .normally("The lines run in parallel, p99 below the objective.")
            .otherwise(
                "p99 alone: a few requests wait for something, follow a dot. All three: \
                 everything waits, look at the database and the runtime.",
            )
            .runbook(Runbook::HttpLatencyBudgetBurn)
            .unit(Unit::Seconds)
            .red_from(limits::LATENCY_SECONDS)
            .shows(Target::new("p50", quantile(0.5)))
            .shows(Target::new("p95", quantile(0.95)))
            .shows(Target::new("p99", quantile(0.99)))
    }

    pub(super) fn spread(self) -> Panel {
        Panel::heatmap("Duration, spread")
            .means("How many requests took how long.")
            .normally("One bright band. Two, if some requests are answered from a cache.")
            .otherwise(
                "A second band far above the first is a group of requests that waits for \
                 something. Quantiles cannot show it, this can.",
            )
            .runbook(Runbook::HttpLatencyBudgetBurn)
            .unit(Unit::Seconds)
            .shows(Target::new("{{le}}", query::buckets(&self.duration())))
    }

    pub(super) fn errors(self) -> Panel {
        let errors = self.all().is_not("error_type", "");
        let errors = query::top(10, query::per_second(&["error_type"], &errors));
        Panel::timeseries("Errors by type")
            .means(
                "Failed requests per second, by what failed: the type of the error, or the status \
                 where nothing else is known.",
            )
            .normally("None.")
            .otherwise(
                "Find the newest one by its name in the log, filtered by `error.type`; the line \
                 has the trace.",
            )
            .runbook(Runbook::HttpAvailabilityBudgetBurn)
            .unit(Unit::RequestsPerSecond)
            .shows(Target::new("{{error_type}}", query::or_none(errors, "error_type")).in_trouble())
    }
}
