//! Renders the page `benchmarks.md` of the book.

use std::fmt::Write as _;

use support::ui;

use super::{
    condition::Condition,
    crates::BuildCost,
    goals::{self, Goal},
    instructions,
    results::{CPU, Results},
    spread::Spread,
    variant::{ABSENT, BARE, OURS, Variant},
};

/// The whole page as Markdown.
pub(crate) fn render(results: &Results, costs: &[BuildCost]) -> String {
    let mut page = String::from(INTRODUCTION);
    // Writing to a string cannot fail.
    let _ = write(&mut page, results, costs);
    page
}

fn write(page: &mut String, results: &Results, costs: &[BuildCost]) -> std::fmt::Result {
    writeln!(
        page,
        "## Goals\n\n{GOALS}\n\n| variant | condition | goal | adds | the other adds | fraction | access line | |\n| --- | --- | --- | ---: | ---: | ---: | --- | --- |"
    )?;
    for goal in goals::all(results) {
        writeln!(
            page,
            "| {} | {} | at most {:.3} of {} | {:.1} µs | {:.1} µs | {:.3} | {} | {} |",
            name(goal.variant),
            goal.condition,
            goal.at_most,
            goal.peer.title,
            goal.added,
            goal.peer_added,
            goal.fraction(),
            access_line(&goal),
            if goal.reached() {
                "reached"
            } else {
                "**not reached**"
            },
        )?;
    }

    writeln!(page, "\n## What each costs to run\n\n{COLUMNS}")?;
    for condition in results.conditions() {
        writeln!(
            page,
            "\n### {condition}\n\n| | µs CPU | added | requests/s | p50 µs | p99 µs | MiB | spans |"
        )?;
        writeln!(
            page,
            "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
        )?;
        for variant in results.variants() {
            let median = |what: &str| results.median(variant, condition, what);
            let added = results
                .added(variant, condition)
                .filter(|_| !variant.is_baseline());
            writeln!(
                page,
                "| {} | {} | {} | {:.0} | {:.0} | {:.0} | {:.1} | {:.3} |",
                name(variant),
                spread(results.spread(variant, condition, CPU)),
                spread(added),
                median("requests_per_second"),
                median("p50_us"),
                median("p99_us"),
                median("resident_mib"),
                median("spans_per_request"),
            )?;
        }
    }

    emitted(page, results)?;
    builds(page, costs)?;
    writeln!(
        page,
        "\n## What was compared\n\n| | versions | set-up |\n| --- | --- | --- |"
    )?;
    for variant in results.variants() {
        let cost = costs
            .iter()
            .find(|cost| cost.variant.package == variant.package);
        let versions = cost
            .map(|cost| cost.direct.join(", "))
            .filter(|versions| !versions.is_empty());
        let versions = versions.unwrap_or_else(|| "–".to_owned());
        writeln!(
            page,
            "| {} | {versions} | {} |",
            name(variant),
            variant.what
        )?;
    }
    writeln!(
        page,
        "\n{ABSENT}\n\n{}\n\n{METHOD}\n",
        instructions::SECTIONS
    )?;
    writeln!(page, "| | |\n| --- | --- |")?;
    for (fact, value) in &results.host {
        writeln!(page, "| {fact} | {value} |")?;
    }
    writeln!(
        page,
        "| rounds | {} |\n| requests per measurement | {} |",
        results.rounds(),
        results.requests
    )
}

fn emitted(page: &mut String, results: &Results) -> std::fmt::Result {
    writeln!(page, "\n## What each emits\n\n{EMITTED}\n")?;
    writeln!(
        page,
        "| | lines | bytes a line | log records | spans | attributes | events | bytes a span | HTTP series | exemplars |"
    )?;
    writeln!(
        page,
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    )?;
    for variant in results.variants().filter(|variant| variant.title != BARE) {
        let median = |what: &str| results.median(variant, Condition::TYPICAL, what);
        writeln!(
            page,
            "| {} | {:.2} | {:.0} | {:.2} | {:.3} | {:.1} | {:.1} | {:.0} | {:.0} | {:.0} |",
            name(variant),
            median("lines_per_request"),
            median("bytes_per_line"),
            median("log_records_per_request"),
            median("spans_per_request"),
            median("attributes_per_span"),
            median("events_per_span"),
            median("bytes_per_span"),
            median("http_series"),
            median("exemplars"),
        )?;
    }
    writeln!(page, "\nOne line of each log:\n\n```json")?;
    for line in results
        .variants()
        .filter_map(|variant| results.example(variant))
    {
        writeln!(page, "{line}")?;
    }
    writeln!(page, "```")
}

fn builds(page: &mut String, costs: &[BuildCost]) -> std::fmt::Result {
    writeln!(page, "\n## What each costs to build\n\n{BUILDS}\n")?;
    writeln!(
        page,
        "| | crates | elapsed | CPU |\n| --- | ---: | ---: | ---: |"
    )?;
    for cost in costs {
        let (elapsed, processor) = (ui::seconds(cost.elapsed), ui::seconds(cost.processor));
        writeln!(
            page,
            "| {} | {} | {elapsed} | {processor} |",
            name(cost.variant),
            cost.crates
        )?;
    }
    Ok(())
}

fn name(variant: &Variant) -> String {
    if variant.title == OURS {
        format!("**{OURS}**")
    } else {
        variant.title.to_owned()
    }
}

/// Which of the two variants writes an access line.
fn access_line(goal: &Goal) -> &'static str {
    match (goal.variant.access_line, goal.peer.access_line) {
        (true, true) => "both",
        (false, false) => "neither",
        (true, false) => "only firstlight",
        (false, true) => "only the other",
    }
}

fn spread(spread: Option<Spread>) -> String {
    spread.map_or_else(|| "–".to_owned(), |spread| spread.to_string())
}

const INTRODUCTION: &str = "# Benchmarks

<!-- Generated by `cargo xtask bench --write`; manual changes are lost. -->

The cost of telemetry in a service, measured side by side with other set-ups, which [What was compared](#what-was-compared)
describes. All of them have the same small axum service (one route, a JSON answer of three fields, no database) and the same
load, in one run. To repeat it:

```console
$ cargo xtask bench            # the cost at run time: prints these tables
$ cargo xtask bench --build    # the cost at build time
$ cargo xtask bench --write    # writes this page from the last result of each
```

`cargo bench -p firstlight` measures single calls (see [Architecture](contributing/architecture.md)), and a test counts
allocations.

";

const GOALS: &str = "\
An access line is a large part of the cost of a request. By default, firstlight and oxtel write one, and the stack assembled
by hand writes none. So the row to compare with oxtel is **firstlight**, and the row to compare with the stack assembled by
hand, `by-hand`, is `firstlight-no-access-line`. If only one side of a row writes an access line, the other side does less
work. Such rows of **firstlight** are shown because they compare the defaults. *Adds* is the processor time per request that
the variant adds to `bare`, *the other adds* is that of the set-up in the goal, and *fraction* is the first divided by the
second.";

const COLUMNS: &str = "\
*µs CPU* is the processor time of the server per request, user and system, of all its threads. It is the median of all
rounds, with the lowest and the highest in brackets. *Added* is the difference from `bare` in the same round. Throughput and
latency are of 16 connections that each send their next request when they have the answer, so latency is mostly the wait for
the other 15. Memory is the resident size after the last request. *Spans* are those that arrived per request. If they are
fewer than the sampled fraction, the exporter could not keep up and dropped some, and the cost of their export is missing.";

const EMITTED: &str = "\
A cost can only be compared together with what is emitted for it. The table has counts per request at the receiver, on
standard output and in the exposition, with everything sampled and one log line by the handler. If a count of lines is not
whole, the process wrote some of the lines when it started. Events are log lines that are recorded on the span as well. Series
are those about HTTP requests, and every bucket of a histogram counts as one.";

const BUILDS: &str = "\
The number of compiled crates (`cargo tree --edges normal`, which includes procedural macros and excludes dependencies of build
scripts), and the time of one build from scratch in the `dev` profile, as after a checkout and in each run of CI. Every row
includes axum and tokio. The service and the variant are included in the times but not in the number of crates.";

const METHOD: &str = "\
## How it was measured

- Each measurement starts a new process, warms it up with a fifth of the requests, and takes its processor time before and
  after the load from the operating system's clock for that process.
- The server has one processor and one thread of the runtime. Threads that telemetry adds run on the same processor. The load,
  the reader of standard output and the receiver of the spans share another one.
- Standard output is a pipe that is read continuously, as by a container runtime. The receiver answers every export at once and
  only counts. `/metrics` is scraped once in each measurement, because some recorders defer work until a scrape.
- All variants have the same environment: `RUST_LOG=info`, OTLP as http/protobuf, the batch processor's defaults,
  `OTEL_TRACES_SAMPLER=parentbased_traceidratio`. Requests carry no `traceparent`, so each one is a new trace.
- All variants are built with the `release` profile, each by itself.
- The order of the variants changes from round to round.";
