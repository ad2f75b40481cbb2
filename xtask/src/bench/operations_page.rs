//! The sections of the page about operations, scrapes and the lower limit.

use std::fmt::Write as _;

use super::{
    digits::{grouped, rounded},
    instruction_sections::verdict,
    operations::{Costs, SERIES},
};

/// The section about spans, events, queries, jobs and scheduled runs.
pub(super) fn operations(page: &mut String, costs: &Costs) {
    page.push_str(OPERATIONS);
    // Writing to a string cannot fail, here and below.
    for (name, title) in ROWS {
        let _ = write!(page, "| {title} |");
        for settings in ["sampled", "unsampled", "unsampled, recorder off"] {
            let name = format!("{name}, {settings}");
            let instructions = shown(costs, &name, "instructions");
            let allocations = shown(costs, &name, "allocations");
            let _ = write!(page, " {instructions} | {allocations} |");
        }
        let bare = shown(costs, &format!("{name}, bare"), "instructions");
        let _ = writeln!(page, " {bare} |");
    }
    page.push_str(STATEMENT_GOALS);
    for (settings, before) in STATEMENTS_BEFORE {
        let now = count(costs, &format!("statement, {settings}"), "instructions");
        let (adds, result) = now.map_or(("–".to_owned(), "–"), |now| {
            (rounded(now), verdict(2.0 * now <= before))
        });
        let before = rounded(before);
        let _ = writeln!(page, "| {settings} | {before} | {adds} | {result} |");
    }
    page.push_str(STATEMENT_PARTS);
    let difference = |with: &str, without: &str| {
        let count = |name| count(costs, name, "instructions");
        let difference = count(with).zip(count(without)).map(|(a, b)| a - b);
        difference.map_or_else(|| "–".to_owned(), rounded)
    };
    let span = difference("span, unsampled", "span, unsampled, recorder off");
    let event = difference(
        "held event, unsampled",
        "held event, unsampled, recorder off",
    );
    let failures = difference(
        "request with traced failures, unsampled",
        "request, unsampled",
    );
    let _ = writeln!(
        page,
        "\nOf these, the flight recorder takes the difference of two columns. Each further span with one field costs about {span} \
         instructions\nof it. An event with two fields that is held and not logged costs about {event}, most of it for \
         formatting;\n`FIRSTLIGHT_LOG_ON_FAILURE` and `FIRSTLIGHT_RECORDER_FILTER` hold such events. With \
         `FIRSTLIGHT_TRACE_FAILURES`,\nan unsampled request costs {failures} more.\n"
    );
}

/// The section about scrapes.
pub(super) fn scrapes(page: &mut String, costs: &Costs) {
    page.push_str(SCRAPES);
    for series in SERIES {
        for (name, title) in [
            ("rendered", "rendered"),
            ("plain", "scraped without compression"),
            ("gzip", "scraped with gzip, as by Prometheus"),
        ] {
            let name = format!("scrape, {name}, {series}");
            let each = count(costs, &name, "instructions").map_or_else(
                || "–".to_owned(),
                |all| grouped((all / f64::from(series)).round() as i64),
            );
            let _ = writeln!(
                page,
                "| {} series, {title} | {} | {each} | {} | {} |",
                grouped(series.into()),
                shown(costs, &name, "instructions"),
                shown(costs, &name, "allocations"),
                shown(costs, &name, "bytes"),
            );
        }
    }
    page.push('\n');
}

/// The section about spans that are not exported.
pub(super) fn lower_limit(page: &mut String, costs: &Costs) {
    page.push_str(LIMIT);
    for (name, title) in LIMIT_ROWS {
        let instructions = shown(costs, name, "instructions");
        let allocations = shown(costs, name, "allocations");
        let _ = writeln!(page, "| {title} | {instructions} | {allocations} |");
    }
    page.push_str(LIMIT_REASONS);
}

fn count(costs: &Costs, name: &str, what: &str) -> Option<f64> {
    costs.get(name)?.get(what)?.as_f64()
}

fn shown(costs: &Costs, name: &str, what: &str) -> String {
    let count = count(costs, name, what);
    count.map_or_else(|| "–".to_owned(), |count| grouped(count.round() as i64))
}

/// The operations with their titles.
const ROWS: [(&str, &str); 10] = [
    ("request", "a request, with its access line"),
    (
        "request with traced failures",
        "the same, with `FIRSTLIGHT_TRACE_FAILURES`",
    ),
    ("span", "a further span with one field"),
    (
        "held event",
        "an event at `debug`, with `FIRSTLIGHT_RECORDER_FILTER=debug`",
    ),
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
    ("job", "an attempt at a job"),
    ("cron run", "a scheduled run"),
];

const OPERATIONS: &str = "\
## What one operation costs

What firstlight adds to one operation: instructions outside the kernel, and allocations (*alloc.*), of all threads. `cargo xtask
bench --operations` counts them with callgrind, as the difference of two runs of the program `xtask/bench/operations`, and
subtracts the same program without telemetry (*bare*). It calls the router in its own process, without a socket.

- Spans, events, statements and queries are in requests of ten, whose own cost is subtracted. A sampled operation includes the
  export of its spans.
- A statement includes sqlx's own event, which sqlx formats as soon as a subscriber enables it; [the lower limit](#the-lower-limit)
  has its cost. A pool of
  `firstlight::sqlx::instrument_options` checks each returned connection with one more statement, which is part of the cost of a
  query. sqlx runs SQLite in a thread of its own, for which a query waits, so its counts differ by up to 5 % between runs; the
  others differ by less than 1 %.
- A job is one attempt through `firstlight::jobs::Queue`, without a store. A scheduled run is one of 50 that are due each second,
  in firstlight's scheduler with its store in memory, on the real clock; the scheduler itself, without telemetry, is its *bare*.

| | sampled | alloc. | unsampled | alloc. | recorder off | alloc. | bare |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
";

/// What a statement added on 2026-11-29, by the settings of telemetry.
///
/// They were counted in the same way, at the checkout a855b6b5.
const STATEMENTS_BEFORE: [(&str, f64); 3] = [
    ("sampled", 33_112.0),
    ("unsampled", 13_947.0),
    ("unsampled, recorder off", 8_165.0),
];

const STATEMENT_GOALS: &str = "
The goal for a statement is half of what it added on 2026-11-29, at the checkout a855b6b5, with sqlx's own event in both:

| a statement | added then | adds | half |
| --- | ---: | ---: | --- |
";

/// The parts of an unsampled statement: self costs, counted on 2026-11-30.
const STATEMENT_PARTS: &str = "
Of an unsampled statement, 3,100 are sqlx's own event. Of the other 5,400, `tracing` takes 800 to ask for the event three times and
to dispatch it, reading its fields and finding the parsed statement 700, counting it in its request 500, its histogram 300, and its
record 1,100. The rest is `malloc`, `free`, `memcpy` and thread-locals. (By callgrind's self costs on 2026-11-30.)
";

const SCRAPES: &str = "\
## What a scrape costs

A twentieth of the series are counters, a twentieth are gauges, and the rest are those of histograms with 15 buckets, three of
which have an exemplar. Series are counted as Prometheus counts them. *Rendered* is OpenMetrics in memory. The scrapes are from
the admin listener with the headers of Prometheus 3, and are answered in OpenMetrics 1.0; their bytes are those of the whole
answer.

A scrape holds up no sample, which takes no lock that a scrape holds. A scrape copies the series of a metric in pages of 512, and
renders them without a lock. Only the first sample of a new series may have to wait, while a page is copied, some 20 µs. In `writers_do_not_wait_for_a_scrape` another thread records a
new metric, a new series and a sample in the middle of a scrape, which waits for it; in `samples_do_not_wait_for_a_scrape` a
sample finds its exemplar locked.

| | instructions | each series | allocations | bytes |
| --- | ---: | ---: | ---: | ---: |
";

/// The counts of spans without firstlight, with their titles.
const LIMIT_ROWS: [(&str, &str); 5] = [
    (
        "limit, registry",
        "`Registry` alone, one span of three fields: created, entered, exited, closed",
    ),
    (
        "limit, entered once",
        "`Registry` and `tracing-opentelemetry` with the SDK's tracer, the same span, entered once, not sampled",
    ),
    ("limit, entered twice", "the same, entered twice"),
    (
        "limit, filtered",
        "the same, entered twice, with a filter, which a layer needs unless it is the only layer of its subscriber",
    ),
    (
        "limit, statement",
        "the event of one statement of sqlx, which `Registry` enables and ignores",
    ),
];

const LIMIT: &str = "\
## The lower limit

What a span that is not sampled, and an event of sqlx, take without firstlight. `cargo xtask bench --operations` counts it, too. The layer of
`tracing-opentelemetry` has the settings of firstlight's, without attributes of its own.

| | instructions | allocations |
| --- | ---: | ---: |
";

const LIMIT_REASONS: &str = "
The fourth row is the part of an unsampled request that arises before firstlight does any work, and it cannot be avoided.
`tracing-opentelemetry` asks the sampler when the span is first entered. Before that, it copies the attributes, makes a builder
for them, and puts both in a box with a lock.

Asking the sampler earlier and creating no span would be cheaper, but wrong. The context of an unsampled span is propagated, so
that other services do not sample the trace either, and log lines take their ids from it. Other crates also read
`tracing-opentelemetry`'s data in the span. A layer that creates this data later or never would split their traces.

The span is entered twice because a service may do work both when it is called and when its future is polled. A handler that waits
n times is entered n more times.

";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Costs, lower_limit, operations, scrapes};

    #[test]
    fn missing_counts_are_shown_as_such() {
        let mut costs = Costs::new();
        for (name, instructions) in [
            ("job, sampled", 1_234.4),
            ("statement, unsampled", 6_000.0),
            ("span, unsampled", 5_350.0),
            ("span, unsampled, recorder off", 4_000.0),
        ] {
            let counts = json!({ "instructions": instructions, "allocations": 5.0 });
            costs.insert(name.to_owned(), counts);
        }
        let mut page = String::new();
        operations(&mut page, &costs);
        scrapes(&mut page, &costs);
        lower_limit(&mut page, &costs);
        for text in [
            "| an attempt at a job | 1,234 | 5 | – | – | – | – | – |",
            "with one field costs about 1,400 instructions",
            "an unsampled request costs – more.",
            "| unsampled | 13,900 | 6,000 | reached |",
            "| sampled | 33,100 | – | – |",
            "| 10,000 series, rendered | – | – | – | – |",
            "| the same, entered twice | – | – |",
        ] {
            assert!(page.contains(text), "{text}\n{page}");
        }
    }
}
