//! The dashboard `firstlight: objectives`.

use firstlight::metrics::catalog;

use super::{
    Column, Dashboard, Panel, Row, Target, Unit, http_panels::Requests, objectives::Objective,
    query,
};
use crate::{
    failed::good_requests,
    limits,
    promql::{self, Selector, service_labels},
};

/// The short and long windows of the alerts, without duplicates.
const WINDOWS: [&str; 7] = ["5m", "30m", "1h", "2h", "6h", "1d", "3d"];

pub(super) fn dashboard() -> Dashboard {
    Dashboard::new(
        "slo",
        "firstlight: objectives",
        "Are the objectives met, and how fast is the error budget used up?",
        &Selector::of(&catalog::BUILD_INFO),
    )
    .from("now-7d")
    .row(summary())
    .row(objective("Availability", Objective::Availability))
    .row(objective("Latency", Objective::Latency))
    .row(causes())
}

fn summary() -> Row {
    Row::new("Are the objectives met?").line([services()])
}

fn services() -> Panel {
    Panel::table("Services")
        .means(
            "Each service: what is left of its error budgets, the results of the last 30 days, and \
             its objectives.",
        )
        .normally("No value is red.")
        .otherwise(
            "A red service does not meet its objective: release only fixes. The rows below show \
             the cause.",
        )
        .runbook("HttpAvailabilityBudgetBurn")
        .runbook("HttpLatencyBudgetBurn")
        .by_service()
        .column(
            Column::new(
                "Availability budget left",
                Unit::Part,
                Objective::Availability.left(),
            )
            .red_below(limits::BUDGET_LEFT),
        )
        .column(Column::new(
            "Availability",
            Unit::Part,
            Objective::Availability.kept(),
        ))
        .column(Column::new(
            "Availability objective",
            Unit::Part,
            Objective::Availability.objective(),
        ))
        .column(
            Column::new("Latency budget left", Unit::Part, Objective::Latency.left())
                .red_below(limits::BUDGET_LEFT),
        )
        .column(Column::new(
            "Fast enough",
            Unit::Part,
            Objective::Latency.kept(),
        ))
        .column(Column::new(
            "Fast enough, objective",
            Unit::Part,
            Objective::Latency.objective(),
        ))
        .leads_to("Open the overview", "firstlight-overview", "")
}

fn objective(title: &str, objective: Objective) -> Row {
    Row::new(title).line([budget(title, objective), burn(title, objective)])
}

fn budget(title: &str, objective: Objective) -> Panel {
    Panel::timeseries(&format!("{title}: budget left"))
        .means(
            "The part that is left of the requests that may fail or be slow within 30 days. It \
             recovers when such requests are older than 30 days.",
        )
        .normally("Above 0, and slowly changing.")
        .otherwise(
            "A sudden drop: an incident. Check what was deployed when it began. Below 0 the \
             objective is not met.",
        )
        .runbook(objective.runbook())
        .unit(Unit::Part)
        .signed()
        .red_below(limits::BUDGET_LEFT)
        .shows(Target::new(query::SERVICE_LEGEND, objective.left()))
}

fn burn(title: &str, objective: Objective) -> Panel {
    let panel = Panel::timeseries(&format!("{title}: burn rate"))
        .means(
            "How many times faster than allowed the budget is used up, over windows of different \
             length. At 1 it lasts for exactly 30 days.",
        )
        .normally("Below 1.")
        .otherwise(
            "An alert fires when a long window and its short one are both above a line: the upper \
             two lines are pages, the lower two are tickets.",
        )
        .runbook(objective.runbook())
        .unit(Unit::Count);
    let panel = limits::BURNS.iter().fold(panel, |panel, burn| {
        if burn.pages {
            panel.red_from(burn.rate)
        } else {
            panel.orange_from(burn.rate)
        }
    });
    WINDOWS.into_iter().fold(panel, |panel, window| {
        panel.shows(Target::new(
            &format!("{} {window}", query::SERVICE_LEGEND),
            objective.burn(window),
        ))
    })
}

fn causes() -> Row {
    Row::new("What used up the error budget?").line([routes(), alerts()])
}

fn routes() -> Panel {
    const ROUTE: &[&str] = &["cluster", "namespace", "job", "http_route"];
    let requests = Requests::OfService;
    let (all, failed) = (requests.all(), requests.failed());
    let zero = format!("0 * {}", query::in_range(ROUTE, &all));
    let failures = format!("{} or {zero}", query::in_range(ROUTE, &failed));
    let good = good_requests(all);
    let buckets = good_requests(query::selected(&catalog::HTTP_SERVER_REQUEST_DURATION).bucket());
    let buckets = query::in_range(&[ROUTE, &["le"]].concat(), &buckets);
    let slow = format!(
        "{} - {}",
        query::in_range(ROUTE, &good),
        Objective::fast(ROUTE, &buckets)
    );
    Panel::table("Requests that used up the budget")
        .means(
            "Requests within the time range that failed, and those that took longer than the \
             objective allows, by route.",
        )
        .normally("Few, and spread over the routes.")
        .otherwise("Begin with the first row: the route with the most failed requests.")
        .runbook("HttpAvailabilityBudgetBurn")
        .runbook("HttpLatencyBudgetBurn")
        .by_service()
        .by("http_route", "Route")
        .column(Column::new("Failed", Unit::Count, failures).in_trouble())
        .column(Column::new("Too slow", Unit::Count, slow).in_trouble())
        .leads_to(
            "Open this route",
            "firstlight-route",
            "&var-route=${__data.fields.Route}",
        )
}

fn alerts() -> Panel {
    let by = &service_labels(&["alertname", "severity", "alertstate"]);
    let alerts = Selector::foreign("ALERTS").of_selected_services();
    Panel::table("Alerts")
        .means(
            "Alerts of the chosen services that are pending or fire, with the number of their \
             series.",
        )
        .normally("No rows.")
        .otherwise("Follow the runbook with the name of the alert.")
        .by_service()
        .by("alertname", "Alert")
        .by("severity", "Severity")
        .by("alertstate", "State")
        .column(Column::new("Series", Unit::Count, promql::sum(by, alerts)).in_trouble())
}
