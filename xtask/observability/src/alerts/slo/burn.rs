//! Burn rate alerts, one for each objective and each pair of windows.

use super::{OBJECTIVES, Objective, WINDOWS};
use crate::{
    alerts::{
        alert::{Alert, ObjectiveSource},
        board::Board,
        timing::Timing,
    },
    limits::{BURN_EVENTS, BURN_EVENTS_AT_ONCE, BURNS, Burn},
    promql::on_service,
};

/// The resolution of the subquery that counts failed requests.
///
/// It is at most the window of the recorded rate.
fn step(long: &str) -> &'static str {
    if long == "1h" { "1m" } else { WINDOWS[0] }
}

pub(super) fn alerts(timing: Timing) -> Vec<Alert> {
    let mut alerts = Vec::new();
    for objective in OBJECTIVES {
        for burn in BURNS {
            if burn.pages {
                let sources = [ObjectiveSource::Declared, ObjectiveSource::Default];
                alerts.extend(sources.map(|source| alert(objective, burn, Some(source), timing)));
            } else {
                alerts.push(alert(objective, burn, None, timing));
            }
        }
    }
    alerts
}

/// The alert of an objective and a pair of windows.
///
/// Without a `source` it is a ticket that covers declared and default objectives.
fn alert(
    objective: Objective,
    burn: Burn,
    source: Option<ObjectiveSource>,
    timing: Timing,
) -> Alert {
    let name = name(objective);
    let alert = match source {
        Some(source) => Alert::of(source, name),
        None => Alert::ticket(name),
    };
    let slo = format!("slo:{}", objective.as_str());
    let on = on_service(&[]);
    let limit = format!(
        "> {on} {} * (1 - {}:objective_ratio)",
        burn.rate,
        objective.series_prefix()
    );
    let filter = source.map(|source| source.filter(objective.series_prefix()));
    let summary = match objective {
        Objective::Availability => "Too many requests fail.",
        Objective::Grpc => "Too many gRPC calls fail.",
        Objective::Latency => "Too many requests are slow.",
    };
    let errors = format!("{slo}:errors_rate5m");
    let step = step(burn.long);
    // Sampled rates add up to a count that is not exact, so the limit is half an event lower.
    let counted = format!(
        "{} * sum_over_time({errors}[{}:{step}]) > {}",
        timing.seconds(step),
        burn.long,
        BURN_EVENTS - 0.5
    );
    // `increase()` overestimates nine events as at most 11.25, which is still below this limit of 12.
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
        .because(match source {
            Some(ObjectiveSource::Default) => "",
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

/// The comment of the rule, only on the first alert of each objective.
fn reason(objective: Objective, burn: Burn) -> &'static str {
    match objective {
        _ if burn != BURNS[0] => "",
        Objective::Availability => {
            "The last condition counts the failed requests of the long window. A subquery samples their rate once a minute, or every five \
             minutes, so that rules which are loaded several times yield the same count. Fewer than ten failures never fire, whatever \
             their ratio in a quiet night. A burst is counted completely after five minutes, so 13 failures within five minutes are enough at \
             once: `increase()` may overestimate by a quarter. A declared objective pages, and the default opens a ticket."
        }
        Objective::Grpc => "As above, for gRPC calls that failed by the fault of the server.",
        Objective::Latency => "As above, for requests that took longer than the objective allows.",
    }
}

fn description(objective: Objective, burn: Burn) -> String {
    let (requests, what) = match objective {
        Objective::Availability => ("requests", "failed"),
        Objective::Grpc => ("gRPC calls", "failed"),
        Objective::Latency => ("requests", "were slower than the objective allows"),
    };
    format!(
        "{{{{ $value | humanizePercentage }}}} of the {requests} to {{{{ $labels.job }}}} {what} in the last {}. At this rate the error \
         budget of 30 days is gone within {:.0} days.",
        burn.long,
        30.0 / burn.rate
    )
}
