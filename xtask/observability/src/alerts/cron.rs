//! Scheduled work: what did not happen, and what happens all at once.

pub(super) mod alert_tests;

use firstlight::metrics::catalog::{CRON_RUNNING, CRON_SUCCESS_DUE};

use super::{alert::Alert, board::Board, group::Group};
use crate::{
    limits::HERD_RUNS,
    promql::{SERVICE, Selector, min, of_service, sum},
};

pub(super) fn group() -> Group {
    Group::new("firstlight-cron").alerts([run_missed(), thundering_herd()])
}

fn run_missed() -> Alert {
    let due = min(&of_service(&["cron"]), Selector::of(&CRON_SUCCESS_DUE));
    Alert::ticket("CronRunMissed")
        .because("One run may fail, and the next one makes up for it. When it is due follows the schedule's own calendar, and is counted over restarts from the last success or, without one, from the first start. Replicas of a shared store agree; where each has its own, the one that fails is the earliest.")
        .when(&[&format!("time() - {due} > 0")])
        .lasting("1m")
        .summary("A scheduled job has not succeeded twice in a row.")
        .description("{{ $labels.cron }} of {{ $labels.job }} should have succeeded {{ $value | humanizeDuration }} ago.")
        .on(Board::Cron)
}

fn thundering_herd() -> Alert {
    let running = sum(&SERVICE, Selector::of(&CRON_RUNNING));
    Alert::ticket("CronThunderingHerd")
        .because("Runs that start together meet the database together. The spread of the schedules is meant to prevent it.")
        .when(&[&format!("max_over_time({running}[10m:30s]) >= {HERD_RUNS}")])
        .lasting("1m")
        .summary("Scheduled jobs run all at once.")
        .description("{{ $value }} scheduled runs of {{ $labels.job }} were under way at the same time.")
        .on(Board::Cron)
}
