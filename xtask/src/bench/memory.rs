//! Resident memory with many series or spans, or with a hanging collector.

use std::fmt::Write as _;

use anyhow::{Context as _, ensure};
use serde_json::{Map, Value, json};
use support::ui;

use super::{
    build,
    condition::Condition,
    server_run::{Report, ServerRun},
    variant::{BY_HAND, OURS, OURS_WITHOUT_RECORDER, OXTEL, VARIANTS, Variant},
};

/// A state of a service.
struct State {
    title: &'static str,
    /// The requests after the warm-up.
    requests: u64,
    series: u32,
    open_spans: u32,
    collector_hangs: bool,
}

const IDLE: State = State {
    title: "idle",
    requests: 200,
    series: 0,
    open_spans: 0,
    collector_hangs: false,
};

const STATES: [State; 5] = [
    IDLE,
    State {
        title: "10,000 series",
        series: 10_000,
        ..IDLE
    },
    State {
        title: "100,000 open spans",
        open_spans: 100_000,
        ..IDLE
    },
    State {
        title: "100,000 requests",
        requests: 100_000,
        ..IDLE
    },
    State {
        title: "100,000 requests, the collector hangs",
        requests: 100_000,
        collector_hangs: true,
        ..IDLE
    },
];

/// The variants whose memory is measured.
const TITLES: [&str; 4] = [OURS, OURS_WITHOUT_RECORDER, BY_HAND, OXTEL];

/// Resident memory in MiB by state and variant, all and without pages of files.
pub(crate) fn measure() -> anyhow::Result<Map<String, Value>> {
    let is_measured = |variant: &&Variant| TITLES.contains(&variant.title);
    let variants: Vec<_> = VARIANTS.iter().filter(is_measured).collect();
    build::all(&variants)?;
    let mut memory = Map::new();
    for state in &STATES {
        let step = ui::Step::start(state.title, "each set-up in turn");
        for variant in &variants {
            step.doing(variant.title);
            let resident = resident(variant, state)
                .with_context(|| format!("{}, {}", variant.title, state.title))?;
            memory.insert(key(state, variant.title), resident);
        }
        step.done("");
    }
    Ok(memory)
}

fn key(state: &State, title: &str) -> String {
    format!("{}, {title}", state.title)
}

fn resident(variant: &'static Variant, state: &State) -> anyhow::Result<Value> {
    let mut arguments = vec![
        format!("--series={}", state.series),
        format!("--open-spans={}", state.open_spans),
    ];
    if state.collector_hangs {
        arguments.push("--hanging-collector".to_owned());
    }
    let run = ServerRun {
        variant,
        condition: Condition::TYPICAL,
        warm_up: WARM_UP,
        requests: state.requests,
        arguments: &arguments,
        under: &[],
    };
    let report = run.report()?;
    // A server that cannot end because of the collector reports only its memory.
    if !state.collector_hangs {
        expect(&run, &report, state)?;
    }
    let [all, anonymous] = ["resident_mib", "anonymous_mib"].map(|what| report.number(what));
    ensure!(anonymous > 0.0, "the report has no resident memory");
    Ok(json!([all, anonymous]))
}

/// Fails if the server has not held what the state says.
fn expect(run: &ServerRun<'_>, report: &Report, state: &State) -> anyhow::Result<()> {
    let requests = (run.warm_up + run.requests) as f64;
    // The receiver gets each span when it is closed. A queue may be full under load.
    let of_requests = if state.requests == IDLE.requests {
        1.0
    } else {
        0.5
    };
    let spans = (of_requests * requests + f64::from(state.open_spans)) / requests;
    run.expect(report, spans, f64::from(run.condition.lines))?;
    let series = report.number("series");
    ensure!(
        series >= f64::from(state.series),
        "found {series} series in the exposition, expected {} or more",
        state.series
    );
    Ok(())
}

/// The section of the page.
pub(crate) fn render(memory: &Map<String, Value>) -> String {
    let mut page = format!("{INTRODUCTION}| | {} |\n", TITLES.join(" | "));
    let _ = writeln!(page, "| --- |{}", " ---: |".repeat(TITLES.len()));
    for state in &STATES {
        let cells = TITLES.map(|title| {
            let resident = memory.get(&key(state, title));
            resident.and_then(cell).unwrap_or_else(|| "–".to_owned())
        });
        // Writing to a string cannot fail, here and above.
        let _ = writeln!(page, "| {} | {} |", state.title, cells.join(" | "));
    }
    page
}

fn cell(resident: &Value) -> Option<String> {
    let (all, anonymous) = (resident.get(0)?.as_f64()?, resident.get(1)?.as_f64()?);
    Some(format!("{all:.1} ({anonymous:.1})"))
}

/// The requests before those of the state.
const WARM_UP: u64 = 100;

const INTRODUCTION: &str = "\
## Memory

Resident memory of the server in MiB after the load, measured by `cargo xtask bench --memory`. In brackets is the part that is not
from files, which is heap and stacks; the other part is mostly the code of the program and of the C library. All states have
everything sampled, one log line a request, and one scrape. *Idle* is after 300 requests. Series are 10,000 sets of labels of the
`metrics` macros, 9,000 of them counters and gauges and 1,000 histograms, recorded once. In the exposition a histogram is about 17
lines of firstlight, 13 of oxtel, and 9 of `by-hand`, whose exporter makes summaries by default. Each open span has two fields and
is the root of a sampled trace. The receiver gets all 100,000 when they are closed, or there would be no result.

The collector that hangs accepts connections and never answers. Spans wait in a queue of 2,048, the default of OpenTelemetry, and
the rest is lost. firstlight says so in a warning when the first span is lost, in `otel_sdk_processor_span_processed_total` by
reason, and by the error of the shutdown, with the number of lost spans (`honors_deadline_and_names_losses` is a test of it). The
flight recorder takes up to 8 MiB, which the others do not have.

";

#[cfg(test)]
mod tests {
    use super::{Map, json, render};

    #[test]
    fn missing_states_are_shown_as_such() {
        let mut memory = Map::new();
        memory.insert("idle, firstlight".to_owned(), json!([9.875, 1.5]));
        let page = render(&memory);
        assert!(page.contains("| idle | 9.9 (1.5) | – | – | – |"), "{page}");
    }
}
