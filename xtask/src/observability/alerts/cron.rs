//! Scheduled work: what did not happen, and what happens all at once.

pub(super) mod drills;

use firstlight::metrics::catalog::{
    CRON_EXPECTED_DURATION, CRON_LAST_SUCCESS, CRON_RUNNING, CRON_RUNS, CRON_SCHEDULE_INTERVAL,
};

use super::{alert::Alert, board::Board, group::Group};
use crate::observability::{
    limits::{CRON_INTERVALS, HERD_RUNS},
    promql::{SERVICE, Selector, max, of_service, on_service, sum},
};

pub(super) fn group() -> Group {
    Group::new("firstlight-cron").alerts([run_missed(), thundering_herd()])
}

fn run_missed() -> Alert {
    let by = of_service(&["cron"]);
    let on = on_service(&["cron"]);
    let last = Selector::of(&CRON_LAST_SUCCESS);
    let own = max(&of_service(&["instance", "cron"]), &last);
    let shared = sum(
        &by,
        Selector::of(&CRON_RUNS).is("outcome", "skipped_elsewhere"),
    );
    let latest = max(&by, &last);
    let interval = max(&by, Selector::of(&CRON_SCHEDULE_INTERVAL));
    let expected = max(&by, Selector::of(&CRON_EXPECTED_DURATION));
    Alert::ticket("CronRunMissed")
        .because("One run may fail, and the next one makes up for it. Interval and duration are the schedule's own, and the last success comes from its store, so that a deploy is no miss. Of a schedule that replicas share, the latest success counts: they leave ticks to each other, which says that they share it. Otherwise each instance has to succeed itself.")
        .when(&[
            "time() - (",
            &format!("  {own} unless {on} {shared} > 0"),
            "  or",
            &format!("  {latest} and {on} {shared} > 0"),
            ")",
            &format!("> {on} group_left ()"),
            &format!("({CRON_INTERVALS} * {interval} + {on} {expected})"),
        ])
        .lasting("1m")
        .summary("A scheduled job has not succeeded for two intervals.")
        .description("{{ $labels.cron }} of {{ $labels.job }} last succeeded {{ $value | humanizeDuration }} ago{{ with $labels.instance }} in {{ . }}{{ end }}.")
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
