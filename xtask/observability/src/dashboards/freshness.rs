//! The dashboard `firstlight: freshness`.

use firstlight::metrics::catalog::{self, Metric};

use super::{Color, Column, Dashboard, Panel, Row, Target, Unit, Variable, query};
use crate::{
    limits,
    promql::{self, Selector, on_service, service_labels},
};

/// The labels of a type of data, which belongs to one service.
const TYPE: &[&str] = &["cluster", "namespace", "job", "data_type"];

pub(super) fn dashboard() -> Dashboard {
    Dashboard::new(
        "freshness",
        "firstlight: freshness",
        "Is the served data as fresh as declared?",
        &Selector::of(&catalog::DATA_STALENESS_BUDGET),
    )
    .variable(Variable::of(
        "data_type",
        "Data",
        "data_type",
        &catalog::DATA_STALENESS_BUDGET,
    ))
    .row(now())
    .row(over_time())
}

fn selected(metric: &Metric) -> Selector {
    query::selected(metric).matches("data_type", "$data_type")
}

/// Reads that the cache answered, or that shared the answer of another read.
fn cached() -> Selector {
    selected(&catalog::DATA_READS).matches("result", "cache|shared")
}

/// Reads without an answer.
fn unanswered() -> Selector {
    selected(&catalog::DATA_READS).matches("result", "refused|failed")
}

/// The age at the 99th percentile.
///
/// The alert fires if more than [`limits::STALE_READS_RATIO`] of the reads, the remaining 1 %, are
/// too old.
fn oldest_age() -> String {
    let quantile = 1.0 - limits::STALE_READS_RATIO;
    query::quantile(quantile, TYPE, &selected(&catalog::DATA_SERVED_AGE))
}

/// The ratio of the age to the staleness budget.
///
/// Data that only its source may answer has a budget of 0 and no ratio.
fn age_of_budget() -> String {
    let age = oldest_age();
    let budget = promql::max(TYPE, selected(&catalog::DATA_STALENESS_BUDGET));
    format!("{age} / {} ({budget} > 0)", on_service(&["data_type"]))
}

fn now() -> Row {
    Row::new("Is the served data as fresh as declared?")
        .line([oldest(), hits(), unanswered_ratio()])
        .line([types()])
}

fn oldest() -> Panel {
    Panel::bar_gauge("Age served, of its budget")
        .means(
            "The age of answers at the 99th percentile, as a part of the staleness budget of their \
             data.",
        )
        .normally("Below 100 %.")
        .otherwise(
            "Above 100 %, users see data that is older than declared: the refresh fails, or the \
             replica lags.",
        )
        .runbook("DataStalerThanBudget")
        .unit(Unit::Part)
        .red_from(limits::FULLY_USED)
        .no_value("no reads")
        .shows(Target::new(
            &query::legend("{{data_type}}"),
            age_of_budget(),
        ))
}

fn hits() -> Panel {
    let ratio = query::ratio(TYPE, &cached(), &selected(&catalog::DATA_READS));
    Panel::bar_gauge("Answered from the cache")
        .means("The part of reads that caused no read of the source.")
        .normally("Depends on the staleness budget: a longer budget allows for more hits.")
        .otherwise(
            "A drop means load on the source. After a deploy it is normal, because the cache is \
             empty.",
        )
        .unit(Unit::Part)
        .no_value("no reads")
        .shows(Target::new(&query::legend("{{data_type}}"), ratio))
}

fn unanswered_ratio() -> Panel {
    let ratio = query::ratio(TYPE, &unanswered(), &selected(&catalog::DATA_READS));
    Panel::bar_gauge("Not answered")
        .means(
            "The part of reads without an answer: the source failed, or the replica was too far \
             behind.",
        )
        .normally("0.")
        .otherwise(
            "`refused`: a replica lags; wait, or read from the primary. `failed`: the source \
             returned an error; see the dashboard of the database.",
        )
        .runbook("DataStalerThanBudget")
        .unit(Unit::Part)
        .no_value("no reads")
        .shows(Target::new(&query::legend("{{data_type}}"), ratio))
}

fn types() -> Panel {
    let age = |q| query::quantile(q, TYPE, &selected(&catalog::DATA_SERVED_AGE));
    let reads = query::per_second(TYPE, &selected(&catalog::DATA_READS));
    Panel::table("Data")
        .means(
            "Each type of data: how often it is read, how old it is when it is served, and how \
             old it may be. A budget of 0 means that only the source may answer.",
        )
        .normally("p99 is below the budget.")
        .otherwise("Click on the red type of data.")
        .runbook("DataStalerThanBudget")
        .by_service()
        .by("data_type", "Data")
        .column(Column::new("Of budget", Unit::Part, age_of_budget()).red_from(limits::FULLY_USED))
        .column(Column::new("Reads", Unit::OperationsPerSecond, reads))
        .column(Column::new("Age, p50", Unit::Seconds, age(0.5)))
        .column(Column::new("Age, p99", Unit::Seconds, age(0.99)))
        .column(Column::new(
            "Budget",
            Unit::Seconds,
            promql::max(TYPE, selected(&catalog::DATA_STALENESS_BUDGET)),
        ))
        .leads_to(
            "Only this data",
            "firstlight-freshness",
            "&var-data_type=${__data.fields.Data}",
        )
}

fn over_time() -> Row {
    Row::new("Since when?")
        .line([ages(), spread()])
        .line([results(), failures()])
}

fn ages() -> Panel {
    let age = query::top(10, oldest_age());
    Panel::timeseries("Age of served data, p99")
        .means("How old answers are, and how old they may be.")
        .normally("Each line below its budget.")
        .otherwise(
            "Above the budget: the refresh fails, or the replica lags. See the graph of reads \
             without an answer.",
        )
        .runbook("DataStalerThanBudget")
        .unit(Unit::Seconds)
        .shows(Target::new(&query::legend("{{data_type}}"), age))
        .shows(Target::new(
            &query::legend("{{data_type}} budget"),
            query::top(
                10,
                promql::max(TYPE, selected(&catalog::DATA_STALENESS_BUDGET)),
            ),
        ))
        .shades("budget", Color::Purple)
}

fn spread() -> Panel {
    Panel::heatmap("Age, spread")
        .means("The distribution of the age of answers, of all chosen types together.")
        .normally("A band that reaches up to the budget.")
        .otherwise("Choose one type of data first: several budgets make several bands.")
        .runbook("DataStalerThanBudget")
        .unit(Unit::Seconds)
        .shows(Target::new(
            "{{le}}",
            query::buckets(&selected(&catalog::DATA_SERVED_AGE)),
        ))
}

fn results() -> Panel {
    let reads = query::per_second(&["result"], &selected(&catalog::DATA_READS));
    Panel::stack("Reads by where the answer came from")
        .means(
            "Reads per second of all chosen types together: from the cache, from the source, \
             shared with another read of the source, from a replica, refused, or failed.",
        )
        .normally("Most reads are `cache`.")
        .otherwise(
            "`source` grows and `cache` shrinks: entries expire faster than they are used, or the \
             cache is too small.",
        )
        .unit(Unit::OperationsPerSecond)
        .shows(Target::new("{{result}}", reads))
        .color("cache", Color::Green)
        .color("shared", Color::Green)
        .color("source", Color::Blue)
        .color("replica", Color::Purple)
        .color("refused", Color::Orange)
        .color("failed", Color::Red)
}

fn failures() -> Panel {
    let by = ["data_type", "result"];
    let failed = query::top(10, query::per_second(&service_labels(&by), &unanswered()));
    let failed = query::joined(&by, failed);
    Panel::timeseries("Reads without an answer")
        .means("Reads per second that failed or were refused, by type of data.")
        .normally("None.")
        .otherwise("The log has the source's error, with `data_type` as a field.")
        .runbook("DataStalerThanBudget")
        .unit(Unit::OperationsPerSecond)
        .shows(Target::new("{{series}}", query::or_none(failed, "series")).in_trouble())
}
