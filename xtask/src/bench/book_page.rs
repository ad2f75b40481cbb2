//! Renders the page `benchmarks.md` of the book.

use std::fmt::Write as _;

use serde_json::{Map, Value};
use support::ui;

use super::{
    chart,
    condition::Condition,
    crates::BuildCost,
    feature_crates, goals, hand_counts, instruction_sections,
    instructions::Counts,
    memory,
    operations::Costs,
    operations_page,
    results::{CPU, Results},
    spread::Spread,
    variant::{ABSENT, BARE, OURS, Variant},
};

/// The results that the page shows.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) times: Results,
    pub(crate) counts: Counts,
    pub(crate) builds: Vec<BuildCost>,
    pub(crate) features: Value,
    pub(crate) operations: Costs,
    pub(crate) memory: Map<String, Value>,
}

/// The whole page as Markdown.
///
/// # Errors
///
/// If a count of instructions is missing.
pub(crate) fn render(measured: &Measured) -> anyhow::Result<String> {
    let Measured {
        times,
        counts,
        builds,
        features,
        operations,
        memory,
    } = measured;
    let mut page = format!("{INTRODUCTION}![{}]({CHART})\n\n", chart::ALTERNATIVE);
    instruction_sections::goals(&mut page, &goals::all(counts)?);
    instruction_sections::counts(&mut page, counts)?;
    run_times(&mut page, times)?;
    operations_page::operations(&mut page, operations);
    operations_page::scrapes(&mut page, operations);
    writeln!(page, "{}", memory::render(memory))?;
    emitted(&mut page, times)?;
    self::builds(&mut page, builds)?;
    feature_crates::render(&mut page, features)?;
    set_ups(&mut page, times, builds)?;
    page.push_str(hand_counts::LEFT);
    operations_page::lower_limit(&mut page, operations);
    method(&mut page, times)?;
    Ok(page)
}

fn run_times(page: &mut String, results: &Results) -> std::fmt::Result {
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
    writeln!(page)
}

fn set_ups(page: &mut String, results: &Results, costs: &[BuildCost]) -> std::fmt::Result {
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
    writeln!(page, "\n{ABSENT}\n")
}

fn method(page: &mut String, results: &Results) -> std::fmt::Result {
    writeln!(page, "{METHOD}\n")?;
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
    writeln!(page, "## What each emits\n\n{EMITTED}\n")?;
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

pub(super) fn name(variant: &Variant) -> String {
    if variant.title == OURS {
        format!("**{OURS}**")
    } else {
        variant.title.to_owned()
    }
}

fn spread(spread: Option<Spread>) -> String {
    spread.map_or_else(|| "–".to_owned(), |spread| spread.to_string())
}

/// The chart, as named in the page.
pub(crate) const CHART: &str = "images/benchmarks.svg";

const INTRODUCTION: &str = "# Benchmarks

<!-- Generated by `cargo xtask bench --write`; manual changes are lost. -->

The cost of telemetry in a service, measured side by side with other set-ups, which [What was compared](#what-was-compared)
describes. All of them have the same small axum service (one route, a JSON answer of three fields, no database) and the same
load, in one run. To repeat it:

```console
$ cargo xtask bench --instructions    # instructions per request, judged by the goals; needs valgrind
$ cargo xtask bench                   # processor time per request
$ cargo xtask bench --operations      # instructions of a query, a job, a scheduled run, a scrape; needs valgrind
$ cargo xtask bench --memory          # resident memory with many series and spans, and with a hanging collector
$ cargo xtask bench --build           # crates, by feature as well, and build time
$ cargo xtask bench --write           # writes this page and its chart from the last result of each
```

`cargo bench -p firstlight` measures single calls (see [Architecture](contributing/architecture.md)), and a test counts
allocations.

";

const COLUMNS: &str = "\
*µs CPU* is the processor time of the server per request, user and system, of all its threads. It is the median of all rounds,
with the lowest and the highest in brackets. *Added* is the difference from `bare` in the same round. Throughput and latency
are of 16 connections that each send their next request when they have the answer, so latency is mostly the wait for the other
15. It also includes work of the kernel that telemetry causes only indirectly: the clients of a server that is slower than
`bare` sleep while they wait, and the server has to wake them with each answer. Memory is the resident size after the last
request. *Spans* are those that arrived per request. If they are fewer than the sampled fraction, the exporter could not keep
up and dropped some, and the cost of their export is missing.";

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
