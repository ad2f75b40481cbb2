//! The dashboard `firstlight: scheduled work`.

use firstlight::metrics::catalog::{self, Metric};

use super::{Color, Column, Dashboard, Panel, Row, Target, Unit, Variable, query};
use crate::{
    limits,
    promql::{self, SERVICE, Selector, service_labels},
};

const CRON: &[&str] = &["cluster", "namespace", "job", "cron"];

pub(super) fn dashboard() -> Dashboard {
    Dashboard::new(
        "cron",
        "firstlight: scheduled work",
        "Did all scheduled jobs run, and not all at once?",
        &Selector::of(&catalog::CRON_SCHEDULE_INTERVAL),
    )
    .variable(Variable::of(
        "cron",
        "Schedule",
        "cron",
        &catalog::CRON_SCHEDULE_INTERVAL,
    ))
    .from("now-24h")
    .row(now())
    .row(runs())
    .row(herd())
}

fn selected(metric: &Metric) -> Selector {
    query::selected(metric).matches("cron", "$cron")
}

/// The maximum over all replicas of a service, by schedule.
fn largest(metric: &Metric) -> String {
    promql::max(&service_labels(&["cron"]), selected(metric))
}

/// Seconds since a success was due, or a negative value before that.
fn overdue(by: &[&str]) -> String {
    format!(
        "time() - {}",
        promql::min(by, selected(&catalog::CRON_SUCCESS_DUE))
    )
}

fn now() -> Row {
    Row::new("Did all scheduled jobs run?")
        .line([most_overdue(), failed(), running(), missed()])
        .line([schedules()])
}

fn most_overdue() -> Panel {
    Panel::stat("Most overdue")
        .means(
            "The time since a run should have succeeded, for the most overdue schedule. A success \
             is due by the end of the second run after the last success, so one run may fail. A \
             negative value is the time that is left.",
        )
        .normally("Below 0.")
        .otherwise(
            "Two runs in a row failed or did not start. The table below shows the schedule and its \
             last success.",
        )
        .runbook("CronRunMissed")
        .unit(Unit::Seconds)
        .red_from(limits::ABOVE_ZERO)
        .no_value("no schedules")
        .shows(Target::new("Overdue", overdue(&[])))
}

fn failed() -> Panel {
    let failed =
        selected(&catalog::CRON_RUNS).matches("outcome", "failed|timed_out|interrupted|taken_over");
    Panel::stat("Runs that failed")
        .means(
            "Runs within the time range that began and did not succeed, of all schedules together.",
        )
        .normally("0.")
        .otherwise(
            "A single failed run is no problem if the next one succeeds. The log lines of a run \
             have the field `cron`.",
        )
        .runbook("CronRunMissed")
        .unit(Unit::Count)
        .shows(Target::new("Failed", query::or_zero(query::in_range(&[], &failed))).in_trouble())
}

fn running() -> Panel {
    Panel::stat("Running now")
        .means("Runs in progress in one service; of several services, the most.")
        .normally("0 or 1.")
        .otherwise(
            "Nearly as many as schedules: they start in the same minute. Give each schedule its \
             own minute, or a jitter.",
        )
        .runbook("CronThunderingHerd")
        .unit(Unit::Count)
        .red_from(limits::HERD_RUNS)
        .shows(Target::new(
            "Running",
            promql::max(&[], promql::sum(&SERVICE, selected(&catalog::CRON_RUNNING))),
        ))
}

fn missed() -> Panel {
    let missed =
        selected(&catalog::CRON_RUNS).matches("outcome", "missed|skipped_store|skipped_overlap");
    Panel::stat("Ticks without a run")
        .means(
            "Ticks within the time range at which nothing ran, of all schedules together: no \
             process ran, the store was down, or the previous run had not ended. Ticks that \
             another replica took do not count.",
        )
        .normally("0.")
        .otherwise(
            "`skipped_overlap`: the run takes longer than its interval. `missed`: no process was \
             running.",
        )
        .runbook("CronRunMissed")
        .unit(Unit::Count)
        .shows(Target::new("Missed", query::or_zero(query::in_range(&[], &missed))).in_trouble())
}

fn schedules() -> Panel {
    let runs = |outcome: &str| {
        let runs = selected(&catalog::CRON_RUNS).matches("outcome", outcome);
        query::in_range(&service_labels(&["cron"]), &runs)
    };
    Panel::table("Schedules")
        .means(
            "Each schedule: how overdue it is, when it last succeeded and runs next, how long between \
             runs, how long the last run took and how long it may take, and the runs within the time \
             range.",
        )
        .normally("Overdue is below 0, and the last duration below the expected one.")
        .otherwise(
            "Overdue, and runs failed: read their log lines. Overdue without any run: no scheduler \
             runs, or none holds the lease.",
        )
        .runbook("CronRunMissed")
        .by_service()
        .by("cron", "Schedule")
        .column(
            Column::new(
                "Overdue",
                Unit::Seconds,
                overdue(&service_labels(&["cron"])),
            )
            .red_from(limits::ABOVE_ZERO),
        )
        .column(Column::new(
            "Last success",
            Unit::Since,
            query::milliseconds(largest(&catalog::CRON_LAST_SUCCESS)),
        ))
        .column(Column::new(
            "Next run",
            Unit::Since,
            query::milliseconds(promql::min(
                &service_labels(&["cron"]),
                selected(&catalog::CRON_NEXT_RUN),
            )),
        ))
        .column(Column::new(
            "Interval",
            Unit::Seconds,
            largest(&catalog::CRON_SCHEDULE_INTERVAL),
        ))
        .column(Column::new(
            "Last took",
            Unit::Seconds,
            largest(&catalog::CRON_LAST_DURATION),
        ))
        .column(Column::new(
            "Expected",
            Unit::Seconds,
            largest(&catalog::CRON_EXPECTED_DURATION),
        ))
        .column(Column::new("Succeeded", Unit::Count, runs("ok")))
        .column(
            Column::new(
                "Failed",
                Unit::Count,
                runs("failed|timed_out|interrupted|taken_over"),
            )
            .in_trouble(),
        )
        .leads_to(
            "Only this schedule",
            "firstlight-cron",
            "&var-cron=${__data.fields.Schedule}",
        )
}

fn runs() -> Row {
    Row::new("When did jobs run, and with which outcome?")
        .line([timeline()])
        .line([durations(), outcomes()])
}

fn timeline() -> Panel {
    Panel::state_timeline("Runs")
        .means("When each schedule ran.")
        .normally("Short bars at regular intervals.")
        .otherwise(
            "Bars of several schedules begin at the same time: the runs compete for the same \
             resources. A bar fills its interval: runs are skipped.",
        )
        .runbook("CronThunderingHerd")
        .unit(Unit::Count)
        .word(0.0, "idle", Color::Blue)
        .word(1.0, "running", Color::Green)
        .shows(Target::new(
            &query::legend("{{cron}}"),
            promql::max(CRON, selected(&catalog::CRON_RUNNING)),
        ))
}

fn durations() -> Panel {
    let longest = |metric| query::top(10, promql::max(CRON, selected(metric)));
    Panel::timeseries("Duration of the last run")
        .means(
            "How long the last run took, regardless of its outcome, and how long it is expected to \
             take.",
        )
        .normally("Constant, and below the expected duration.")
        .otherwise(
            "Grows with the data: process the data in batches, before the duration reaches the \
             interval.",
        )
        .runbook("CronRunMissed")
        .unit(Unit::Seconds)
        .shows(Target::new(
            &query::legend("{{cron}}"),
            longest(&catalog::CRON_LAST_DURATION),
        ))
        .shows(Target::new(
            &query::legend("{{cron}} expected"),
            longest(&catalog::CRON_EXPECTED_DURATION),
        ))
        .shades("expected", Color::Purple)
}

fn outcomes() -> Panel {
    let ticks = promql::sum(
        &["outcome"],
        promql::increase(&selected(&catalog::CRON_RUNS), query::WINDOW),
    );
    Panel::stack("Ticks by outcome")
        .means(
            "The outcomes of the ticks of all schedules together. Each replica counts each tick: \
             one runs the job, and the others count `skipped_elsewhere`.",
        )
        .normally("`ok` and `skipped_elsewhere`.")
        .otherwise(
            "`failed` and `timed_out`: read the run's log lines. `skipped_store`: the store was \
             down. `missed`: no process was running.",
        )
        .runbook("CronRunMissed")
        .unit(Unit::Count)
        .shows(Target::new("{{outcome}}", ticks))
        .color("ok", Color::Green)
        .color("skipped_elsewhere", Color::Blue)
        .color("skipped_overlap", Color::Orange)
        .color("failed", Color::Red)
        .color("timed_out", Color::Red)
}

fn herd() -> Row {
    Row::new("Do jobs start all at once?").line([concurrent_runs(), delays(), delay_spread()])
}

fn concurrent_runs() -> Panel {
    let operations = query::selected(&catalog::DB_CLIENT_OPERATION_DURATION).count();
    Panel::timeseries("Runs at the same time, and the database")
        .means("Concurrent runs of each service, and its statements per second.")
        .normally("One run at a time, without an effect on the statements.")
        .otherwise(
            "Above the line, too many runs start at once: give each schedule its own minute, or a \
             jitter, to spread the load.",
        )
        .runbook("CronThunderingHerd")
        .unit(Unit::Count)
        .red_from(limits::HERD_RUNS)
        .shows(Target::new(
            &query::legend("runs"),
            query::top(10, promql::sum(&SERVICE, selected(&catalog::CRON_RUNNING))),
        ))
        .shows(Target::new(
            &query::legend("statements per second"),
            query::or_zero_each(query::per_second(&SERVICE, &operations)),
        ))
}

fn delays() -> Panel {
    let delay = selected(&catalog::CRON_START_DELAY);
    Panel::timeseries("Delay of starts, p95")
        .means("How long after their tick runs start: the jitter, and any further wait.")
        .normally("At most the jitter, which is 5 minutes by default.")
        .otherwise("Longer than the jitter: the store was slow, or the runtime was blocked.")
        .runbook("CronThunderingHerd")
        .unit(Unit::Seconds)
        .shows(Target::new(
            &query::legend("{{cron}}"),
            query::top(10, query::quantile(0.95, CRON, &delay)),
        ))
}

fn delay_spread() -> Panel {
    Panel::heatmap("Delay of starts, spread")
        .means("The distribution of the time from tick to start, of all schedules together.")
        .normally("Spread over the whole jitter.")
        .otherwise(
            "All in one row: there is no jitter, and runs of the same minute start in the same \
             second.",
        )
        .runbook("CronThunderingHerd")
        .unit(Unit::Seconds)
        .shows(Target::new(
            "{{le}}",
            query::buckets(&selected(&catalog::CRON_START_DELAY)),
        ))
}
