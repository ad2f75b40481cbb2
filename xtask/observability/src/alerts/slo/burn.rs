//! The alerts on error budgets: one for each objective and each pair of windows.

use super::{OBJECTIVES, Objective, WINDOWS};
use crate::{
    alerts::{
        alert::{Alert, Promise},
        board::Board,
        timing::Timing,
    },
    limits::{BURN_EVENTS, BURN_EVENTS_AT_ONCE, BURNS, Burn},
    promql::on_service,
};

/// How far apart the samples are that failed requests are counted by: at most as far as the window of each.
fn step(long: &str) -> &'static str {
    if long == "1h" { "1m" } else { WINDOWS[0] }
}

pub(super) fn alerts(timing: Timing) -> Vec<Alert> {
    let mut alerts = Vec::new();
    for objective in OBJECTIVES {
        for burn in BURNS {
            if burn.pages {
                let promises = [Promise::Declared, Promise::Default];
                alerts
                    .extend(promises.map(|promise| alert(objective, burn, Some(promise), timing)));
            } else {
                alerts.push(alert(objective, burn, None, timing));
            }
        }
    }
    alerts
}

/// Without a `promise`, a ticket, whether it is declared or the default.
fn alert(objective: Objective, burn: Burn, promise: Option<Promise>, timing: Timing) -> Alert {
    let name = name(objective);
    let alert = match promise {
        Some(promise) => Alert::of(promise, name),
        None => Alert::ticket(name),
    };
    let slo = format!("slo:{}", objective.word());
    let on = on_service(&[]);
    let limit = format!(
        "> {on} {} * (1 - {}:objective_ratio)",
        burn.rate,
        objective.promise()
    );
    let filter = promise.map(|promise| promise.filter(objective.promise()));
    let summary = match objective {
        Objective::Availability => "Too many requests fail.",
        Objective::Grpc => "Too many gRPC calls fail.",
        Objective::Latency => "Too many requests are slow.",
    };
    let errors = format!("{slo}:errors_rate5m");
    let step = step(burn.long);
    let counted = format!(
        "{} * sum_over_time({errors}[{}:{step}]) > {}",
        timing.seconds(step),
        burn.long,
        BURN_EVENTS - 0.5
    );
    let at_once = format!(
        "{} * {errors} > {}",
        timing.seconds(WINDOWS[0]),
        BURN_EVENTS_AT_ONCE - 1.0
    );
    let mut lines = vec![
        format!("{slo}:error_ratio_rate{} {limit}", burn.long),
        format!("and {on}"),
        format!("{slo}:error_ratio_rate{} {limit}", burn.short),
        format!("and {on}"),
        format!("({at_once} or {counted})"),
    ];
    lines.extend(filter);
    let lines: Vec<_> = lines.iter().map(String::as_str).collect();
    alert
        .because(match promise {
            Some(Promise::Default) => "",
            _ => reason(objective, burn),
        })
        .when(&lines)
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
        Objective::Grpc => "GrpcAvailabilityBudgetBurn",
    }
}

/// Said once for each objective, where its first alert is.
fn reason(objective: Objective, burn: Burn) -> &'static str {
    match objective {
        _ if burn != BURNS[0] => "",
        Objective::Availability => {
            "The last condition counts the failed requests of the long window, from a rate per second that is looked at once a minute, or every five, \
             so that rules which are loaded several times count no more. Fewer than ten are no alert, whatever part of a quiet night's \
             traffic they are. It takes five minutes to count all of a burst, so 13 within five minutes are enough at once: `increase()` \
             may say a quarter too much. A declared objective pages, and the default is a ticket."
        }
        Objective::Grpc => "As above, for calls over gRPC whose status is the server's fault.",
        Objective::Latency => "As above, for requests that took longer than the objective allows.",
    }
}

fn description(objective: Objective, burn: Burn) -> String {
    let (requests, what) = match objective {
        Objective::Availability => ("requests", "failed"),
        Objective::Grpc => ("gRPC calls", "failed"),
        Objective::Latency => ("requests", "were slower than promised"),
    };
    format!(
        "{{{{ $value | humanizePercentage }}}} of the {requests} to {{{{ $labels.job }}}} {what} in the last {}. At this rate the error \
         budget of 30 days is gone within {:.0} days.",
        burn.long,
        30.0 / burn.rate
    )
}
