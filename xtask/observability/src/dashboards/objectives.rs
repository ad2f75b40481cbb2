//! Panels of service level objectives, which the overview and `slo` share.
//!
//! The rules in `docs/alerts` record the series.

use super::{Panel, Target, Unit, query};
use crate::{
    limits,
    promql::{self, SERVICE, on_service},
};

/// The latency objective of each service.
const SECONDS: &str = "slo:latency:objective_seconds";
/// The latency objective of each service, with its bucket in the label `le`.
const BUCKET: &str = "slo:latency:objective_bucket_seconds";

/// An objective with recorded series `slo:availability:…` or `slo:latency:…`.
#[derive(Debug, Clone, Copy)]
pub(super) enum Objective {
    Availability,
    Latency,
}

impl Objective {
    /// The name of the objective in the names of series.
    fn as_str(self) -> &'static str {
        match self {
            Self::Availability => "availability",
            Self::Latency => "latency",
        }
    }

    pub(super) fn runbook(self) -> &'static str {
        match self {
            Self::Availability => "HttpAvailabilityBudgetBurn",
            Self::Latency => "HttpLatencyBudgetBurn",
        }
    }

    /// The ratio of requests that must be good.
    pub(super) fn objective(self) -> String {
        self.series("objective_ratio")
    }

    /// The duration within which a response counts as fast.
    pub(super) fn seconds() -> String {
        promql::max(&SERVICE, query::recorded(SECONDS))
    }

    /// The fast responses, by the labels `by`.
    ///
    /// `buckets` is a query by `le`. The result has its values in the bucket of the objective.
    pub(super) fn fast(by: &[&str], buckets: &str) -> String {
        let fast = format!(
            "{} and {} {}",
            promql::whole_bounds(buckets),
            on_service(&["le"]),
            query::recorded(BUCKET)
        );
        promql::sum(by, fast)
    }

    /// The ratio of the 30-day error budget that is left.
    pub(super) fn left(self) -> String {
        self.series("error_budget_remaining_ratio")
    }

    /// The burn rate over a window.
    pub(super) fn burn(self, window: &str) -> String {
        let errors = self.series(&format!("error_ratio_rate{window}"));
        format!("{errors} / {} (1 - {})", on_service(&[]), self.objective())
    }

    /// The ratio of requests within 30 days that were good.
    pub(super) fn kept(self) -> String {
        format!(
            "1 - (1 - {}) * {} (1 - {})",
            self.left(),
            on_service(&[]),
            self.objective()
        )
    }

    fn series(self, what: &str) -> String {
        query::recorded(&format!("slo:{}:{what}", self.as_str())).to_string()
    }
}

/// The minimum over all services.
fn lowest(of: String) -> String {
    promql::min(&[], of)
}

pub(super) fn availability() -> Panel {
    Panel::stat("Availability, 30 days")
        .means(
            "The part of requests of the last 30 days that did not fail; of several \
             services, the worst.",
        )
        .normally(
            "Above the service's objective. Below it, the error budget beside this panel is red.",
        )
        .otherwise(
            "The error budget beside this panel shows how much is left. The dashboard of \
             objectives shows when it was used up.",
        )
        .runbook("HttpAvailabilityBudgetBurn")
        .unit(Unit::Part)
        .no_value("no rules")
        .shows(Target::new(
            "Availability",
            lowest(Objective::Availability.kept()),
        ))
        .leads_to("Open the objectives", "firstlight-slo", "")
}

pub(super) fn availability_budget() -> Panel {
    budget("Error budget left", Objective::Availability, "fail")
}

pub(super) fn latency_budget() -> Panel {
    budget("Latency budget left", Objective::Latency, "be slow")
}

fn budget(title: &str, objective: Objective, may: &str) -> Panel {
    Panel::stat(title)
        .means(&format!(
            "The part that is left of the requests that may {may} within 30 days; of several \
             services, the least."
        ))
        .normally("Above 0. A budget that stays near 100 % allows for more frequent releases.")
        .otherwise("Below 0 the objective is not met: release only fixes.")
        .runbook(objective.runbook())
        .unit(Unit::Part)
        .signed()
        .red_below(limits::BUDGET_LEFT)
        .no_value("no rules")
        .shows(Target::new("Left", lowest(objective.left())))
        .leads_to("Open the objectives", "firstlight-slo", "")
}
