//! The sections of the page about queries, jobs, scheduled runs and scrapes.

use std::fmt::Write as _;

use super::{
    digits::grouped,
    operations::{Costs, SERIES},
};

/// The sections as Markdown, from the counts of `cargo xtask bench --operations`.
pub(crate) fn render(costs: &Costs) -> String {
    let mut page = String::from(OPERATIONS);
    // Writing to a string cannot fail.
    let _ = write(&mut page, costs);
    page
}

fn write(page: &mut String, costs: &Costs) -> std::fmt::Result {
    let count = |name: &str, what: &str| costs.get(name).and_then(|it| it.get(what)?.as_f64());
    let shown = |name: &str, what: &str| {
        let count = count(name, what);
        count.map_or_else(|| "–".to_owned(), |count| grouped(count.round() as i64))
    };
    for (name, title) in ROWS {
        write!(page, "| {title} |")?;
        for settings in ["sampled", "unsampled", "unsampled, recorder off"] {
            let name = format!("{name}, {settings}");
            let (instructions, allocations) =
                (shown(&name, "instructions"), shown(&name, "allocations"));
            write!(page, " {instructions} | {allocations} |")?;
        }
        writeln!(
            page,
            " {} |",
            shown(&format!("{name}, bare"), "instructions")
        )?;
    }
    write!(page, "{SCRAPES}")?;
    for series in SERIES {
        for (name, title) in [
            ("rendered", "rendered"),
            ("plain", "scraped without compression"),
            ("gzip", "scraped with gzip, as Prometheus does"),
        ] {
            let name = format!("scrape, {name}, {series}");
            let each = count(&name, "instructions").map_or_else(
                || "–".to_owned(),
                |all| format!("{:.0}", all / f64::from(series)),
            );
            writeln!(
                page,
                "| {} series, {title} | {} | {each} | {} | {} |",
                grouped(series.into()),
                shown(&name, "instructions"),
                shown(&name, "allocations"),
                shown(&name, "bytes"),
            )?;
        }
    }
    Ok(())
}

/// The operations with their titles.
const ROWS: [(&str, &str); 6] = [
    ("statement", "a statement of sqlx, by its event alone"),
    (
        "repeated statement",
        "the same, ten times the same in a request, with the N+1 warning",
    ),
    (
        "query",
        "a query of SQLite in memory, on an instrumented pool",
    ),
    ("instrumented query", "the same, with `.instrumented()`"),
    ("job", "a job"),
    ("cron run", "a scheduled run"),
];

const OPERATIONS: &str = "\
## Queries, jobs and scheduled runs

What firstlight adds to one operation: instructions outside the kernel, and allocations, of all threads. `cargo xtask bench
--operations` counts them with callgrind, as the difference of two runs of the program `xtask/bench/operations`, and subtracts
the same program without telemetry (*bare*). Queries are in requests of ten, whose own cost is subtracted. A statement includes
sqlx's own event, which arises as soon as a subscriber enables it. A pool of `firstlight::sqlx::instrument_options` checks each
returned connection with one more statement, which is part of the cost of a query. A sampled operation includes the export of its
spans.

| | sampled | alloc. | unsampled | alloc. | recorder off | alloc. | bare |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
";

const SCRAPES: &str = "
## A scrape

A twentieth of the series are counters, a twentieth are gauges, and the rest are those of histograms with 15 buckets, three of
which have an exemplar. Series are counted as Prometheus counts them. Bytes are those of the whole answer. A scrape holds up no
writer: samples take no lock that a scrape holds, and a scrape copies the series of a metric in pages of 512, between which new
ones are added. A test records in the middle of a scrape.

| | instructions | each series | allocations | bytes |
| --- | ---: | ---: | ---: | ---: |
";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Costs, render};

    #[test]
    fn missing_counts_are_shown_as_such() {
        let mut costs = Costs::new();
        let counts = json!({ "instructions": 1234.4, "allocations": 5.0, "bytes": 0.0 });
        costs.insert("job, sampled".to_owned(), counts);
        let page = render(&costs);
        assert!(page.contains("| a job | 1,234 | 5 | – | – |"), "{page}");
    }
}
