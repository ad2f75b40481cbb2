//! Checks that parsers accept the exposition of any metric names and samples.
//!
//! Most names differ only in suffixes that the formats reserve. Each name is used as every kind of metric, before and after
//! every other use. The parsers are the reference implementations in Python and, through promtool, Prometheus' own.

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, ensure};
use firstlight::{
    TelemetryConfig,
    metrics::Format,
    testing::{Capture, capture},
};
use support::{Cases, command, paths, tools};

/// Names that parsers may confuse with a part of another metric.
///
/// `target` conflicts with `target_info`, and the last name with a histogram of the library.
const NAMES: [&str; 12] = [
    "a",
    "a_total",
    "a_created",
    "a_info",
    "a_bucket",
    "a_count",
    "a_sum",
    "a_gsum",
    "a_total_total",
    "a_created_total",
    "target",
    "http_server_request_duration_seconds_created",
];

/// Names of aliases.
///
/// Some are free, and parsers may confuse the others with a part of a metric in [`NAMES`].
const ALIASES: [&str; 6] = ["b", "b_total", "b_count", "a", "a_created", "a_total_total"];

/// The use of a name as a kind, encoded as `3 * name + kind`.
///
/// Kind 0 is a counter, 1 a gauge and 2 a histogram.
type Use = usize;
/// The number of different uses.
const USES: Use = 3 * NAMES.len();

pub(super) fn cases(cases: &mut Cases) {
    cases.check("exposition: parsers accept any names and samples", || {
        let expositions = paths::fresh("exposition")?;
        let pairs = (0..USES).flat_map(|one| (0..USES).map(move |other| vec![one, other]));
        for uses in pairs.chain(sequences(300)) {
            write(&expositions, &uses)?;
        }
        for metric in ["a", "a_total", "a_count"] {
            for alias in ALIASES {
                for each in 0..USES {
                    write_aliased(&expositions, (metric, alias), each)?;
                }
            }
        }
        for format in [Format::OpenMetrics, Format::Text] {
            let file = format!("samples.{}", extension(format));
            fs::write(expositions.join(file), samples(format))?;
        }
        let mut python = tools::prometheus_client()?;
        python.arg(paths::root().join("xtask/observability/src/exposition.py"));
        let rejected = command::run_quietly(python.arg(&expositions))?;
        ensure!(rejected.is_empty(), "{rejected}");
        let promtool = tools::prometheus()?.promtool;
        let folder = paths::fresh("exposition-promtool")?;
        for uses in sequences(40) {
            promtool_accepts(&promtool, &folder, &uses)?;
        }
        Ok(())
    });
}

/// Pseudorandom sequences of eight uses, the same in every run.
fn sequences(count: usize) -> impl Iterator<Item = Vec<Use>> {
    let mut state: u64 = 1;
    let mut next = move || {
        // Knuth's linear congruential generator (MMIX).
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % USES
    };
    (0..count).map(move |_| (0..8).map(|_| next()).collect())
}

/// The exposition after one sample for each of `uses`, in this order.
fn exposition(uses: &[Use], format: Format) -> String {
    exposition_of(&capture(), uses, format)
}

fn exposition_of(capture: &Capture, uses: &[Use], format: Format) -> String {
    for each in uses {
        let name = NAMES[each / 3];
        match each % 3 {
            0 => metrics::counter!(name).increment(1),
            1 => metrics::gauge!(name).set(1.0),
            _ => metrics::histogram!(name).record(1.0),
        }
    }
    capture.metrics().render(format)
}

/// The exposition after extreme samples: negative, not finite, too large.
fn samples(format: Format) -> String {
    let capture = capture();
    for name in NAMES {
        for value in [
            -1.0,
            -0.0,
            f64::MAX,
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
        ] {
            metrics::gauge!(format!("{name}_of_gauge")).set(value);
            metrics::histogram!(format!("{name}_of_histogram")).record(value);
            // One series per value, besides the series above with all values.
            metrics::histogram!("lone", "value" => value.to_string()).record(value);
            metrics::gauge!("level", "value" => value.to_string()).set(value);
        }
    }
    // The increment would exceed the largest value.
    metrics::counter!("many").absolute(u64::MAX);
    metrics::counter!("many").increment(1);
    capture.metrics().render(format)
}

fn extension(format: Format) -> &'static str {
    match format {
        Format::OpenMetrics => "openmetrics",
        _ => "text",
    }
}

fn write(folder: &Path, uses: &[Use]) -> anyhow::Result<()> {
    let name: Vec<_> = uses.iter().map(ToString::to_string).collect();
    let name = name.join("-");
    for format in [Format::OpenMetrics, Format::Text] {
        let file = folder.join(format!("{name}.{}", extension(format)));
        fs::write(file, exposition(uses, format))?;
    }
    Ok(())
}

/// Writes the expositions of a metric with an alias, beside one other use.
fn write_aliased(folder: &Path, (metric, alias): (&str, &str), other: Use) -> anyhow::Result<()> {
    let config = TelemetryConfig::new().metric_alias(metric, alias, &[("route", "path")]);
    // A name that the aliased metric itself needs is refused.
    let Ok(capture) = Capture::start(config) else {
        return Ok(());
    };
    for format in [Format::OpenMetrics, Format::Text] {
        // The uses 0 to 2 record the name `a`, of which the counter is `a_total` and the histogram has `a_count`.
        let text = exposition_of(&capture, &[other, 0, 1, 2], format);
        let file = format!("{metric}-as-{alias}-{other}.{}", extension(format));
        fs::write(folder.join(file), text)?;
    }
    Ok(())
}

fn promtool_accepts(promtool: &Path, folder: &Path, uses: &[Use]) -> anyhow::Result<()> {
    let text = folder.join("exposition.text");
    fs::write(&text, exposition(uses, Format::Text))?;
    let mut check = Command::new(promtool);
    check.args(["check", "metrics"]);
    let output = check.stdin(fs::File::open(&text)?).output()?;
    // promtool exits with 3 if its linter objects to the names only.
    ensure!(
        matches!(output.status.code(), Some(0 | 3)),
        "{}\n{}",
        String::from_utf8_lossy(&output.stderr),
        fs::read_to_string(&text)?
    );
    // The import requires timestamps.
    let exposition = exposition(uses, Format::OpenMetrics);
    let lines = exposition.lines().map(|line| match line {
        comment if comment.starts_with('#') => format!("{comment}\n"),
        sample => format!("{sample} 1700000000\n"),
    });
    let timed = folder.join("exposition.openmetrics");
    fs::write(&timed, lines.collect::<String>())?;
    let mut import = Command::new(promtool);
    import.args(["tsdb", "create-blocks-from", "openmetrics"]);
    command::run_quietly(import.arg(&timed).arg(folder.join("blocks")))
        .with_context(|| exposition)?;
    Ok(())
}
