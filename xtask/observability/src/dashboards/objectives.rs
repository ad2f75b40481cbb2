//! The service level objectives as single numbers, which the overview and the page about objectives share.
//!
//! The series are recorded by the rules in `docs/alerts`.

use super::{Panel, Target, Unit, query};
use crate::{
    limits,
    promql::{self, SERVICE, on_service},
};

/// How long an answer may take.
const SECONDS: &str = "slo:latency:objective_seconds";
/// The same with the label of the bucket that it falls in.
const BUCKET: &str = "slo:latency:objective_bucket_seconds";

/// What the rules record: `slo:availability:…` and `slo:latency:…`.
#[derive(Debug, Clone, Copy)]
pub(super) enum Objective {
    Availability,
    Latency,
}

impl Objective {
    /// The word in the names of its series.
    fn word(self) -> &'static str {
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

    /// The part of requests that must be good.
    pub(super) fn objective(self) -> String {
        self.series("objective_ratio")
    }

    /// How long an answer may take that is fast enough.
    pub(super) fn seconds() -> String {
        promql::max(&SERVICE, query::recorded(SECONDS))
    }

    /// Of what is counted per bucket, what is in the bucket of the answers that are fast enough.
    pub(super) fn fast(by: &[&str], buckets: &str) -> String {
        let fast = format!(
            "{} and {} {}",
            promql::whole_bounds(buckets),
            on_service(&["le"]),
            query::recorded(BUCKET)
        );
        promql::sum(by, fast)
    }

    /// The part of the month's budget that is left.
    pub(super) fn left(self) -> String {
        self.series("error_budget_remaining_ratio")
    }

    /// How many times faster than allowed the budget burns, over a window.
    pub(super) fn burn(self, window: &str) -> String {
        let errors = self.series(&format!("error_ratio_rate{window}"));
        format!("{errors} / {} (1 - {})", on_service(&[]), self.objective())
    }

    /// The part of requests that were good within 30 days.
    pub(super) fn kept(self) -> String {
        format!(
            "1 - (1 - {}) * {} (1 - {})",
            self.left(),
            on_service(&[]),
            self.objective()
        )
    }

    fn series(self, what: &str) -> String {
        query::recorded(&format!("slo:{}:{what}", self.word())).to_string()
    }
}

/// The smallest of all services.
fn worst(of: String) -> String {
    promql::min(&[], of)
}

pub(super) fn availability() -> Panel {
    Panel::stat("Availability, 30 days")
        .means(
            "The part of requests of the last 30 days that did not fail; of several \
             services, the worst.",
        )
        .normally("Above the service's objective. The budget beside it turns red where it is not.")
        .otherwise(
            "The budget beside it says how much is lost; the page about objectives says when.",
        )
        .runbook("HttpAvailabilityBudgetBurn")
        .unit(Unit::Part)
        .nothing("no rules")
        .shows(Target::new(
            "Availability",
            worst(Objective::Availability.kept()),
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
            "What is left of the requests that may {may} within 30 days; \
             of several services, the least."
        ))
        .normally(
            "Above 0 at the end of 30 days. A budget that is never touched means that releases \
             could be bolder.",
        )
        .otherwise("Below 0 the objective is broken: stop releasing what is not a repair.")
        .runbook(objective.runbook())
        .unit(Unit::Part)
        .signed()
        .red_below(limits::BUDGET_LEFT)
        .nothing("no rules")
        .shows(Target::new("Left", worst(objective.left())))
        .leads_to("Open the objectives", "firstlight-slo", "")
}
