//! The alerts on error budgets: one for each objective and each pair of windows.

use super::{INTERVAL, Objective, over};
use crate::observability::{
    alerts::{alert::Alert, board::Board, timing::Timing},
    limits::{BURN_EVENTS, BURNS, Burn},
};

pub(super) fn alerts(timing: Timing) -> Vec<Alert> {
    let of = |objective| {
        BURNS
            .into_iter()
            .map(move |burn| alert(objective, burn, timing))
    };
    of(Objective::Availability)
        .chain(of(Objective::Latency))
        .collect()
}

fn alert(objective: Objective, burn: Burn, timing: Timing) -> Alert {
    let name = name(objective);
    let alert = if burn.pages {
        Alert::page(name)
    } else {
        Alert::ticket(name)
    };
    let slo = format!("slo:{}", objective.word());
    let limit = format!("> on (job) {} * (1 - {slo}:objective_ratio)", burn.rate);
    let events = over(&format!("{slo}:errors_rate5m"), burn.long);
    let summary = match objective {
        Objective::Availability => "Too many requests fail.",
        Objective::Latency => "Too many requests are slow.",
    };
    alert
        .because(reason(objective, burn))
        .when(&[
            &format!("{slo}:error_ratio_rate{} {limit}", burn.long),
            "and on (job)",
            &format!("{slo}:error_ratio_rate{} {limit}", burn.short),
            "and on (job)",
            &format!("{} * {events} >= {BURN_EVENTS}", timing.seconds(INTERVAL)),
        ])
        .lasting(burn.wait)
        .label("long", burn.long)
        .label("short", burn.short)
        .summary(summary)
        .description(description(objective, burn))
        .on(Board::Slo)
}

pub(super) fn name(objective: Objective) -> &'static str {
    match objective {
        Objective::Availability => "HttpAvailabilityBudgetBurn",
        Objective::Latency => "HttpLatencyBudgetBurn",
    }
}

/// Said once for each objective, where its first alert is.
fn reason(objective: Objective, burn: Burn) -> &'static str {
    match objective {
        _ if burn != BURNS[0] => "",
        Objective::Availability => {
            "The last condition counts the failed requests of the long window: the rate is per second, and there is a sample of it every \
             30 s. Fewer than five wake nobody, whatever part of a quiet night's traffic they are."
        }
        Objective::Latency => "As above, for requests that took longer than the objective allows.",
    }
}

fn description(objective: Objective, burn: Burn) -> String {
    let what = match objective {
        Objective::Availability => "failed",
        Objective::Latency => "were slower than promised",
    };
    format!(
        "{{{{ $value | humanizePercentage }}}} of the requests to {{{{ $labels.job }}}} {what} in the last {}. At this rate the error \
         budget of 30 days is gone within {:.0} days.",
        burn.long,
        30.0 / burn.rate
    )
}
