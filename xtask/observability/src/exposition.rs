//! No set of names and no sample that a program chooses makes a page that a parser refuses.
//!
//! Names that differ in the suffixes of the formats, used as every kind in every order, judged by the reference parsers, in
//! Python, and by Prometheus' own, behind promtool.

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, ensure};
use firstlight::{metrics::Format, testing::capture};
use support::{Cases, command, paths, tools};

/// What the formats and their parsers may take for a part of another metric, and what is the library's own.
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

/// A name and a kind: one in three is a counter, one a gauge, one a histogram.
type Use = usize;
const USES: Use = 3 * NAMES.len();

pub(super) fn cases(cases: &mut Cases) {
    cases.check(
        "no names and samples make a page that a parser refuses",
        || {
            let pages = paths::fresh("exposition")?;
            let pairs = (0..USES).flat_map(|one| (0..USES).map(move |other| vec![one, other]));
            for uses in pairs.chain(sets(300)) {
                write(&pages, &uses)?;
            }
            for format in [Format::OpenMetrics, Format::Text] {
                let file = format!("samples.{}", extension(format));
                fs::write(pages.join(file), samples(format))?;
            }
            let mut python = tools::prometheus_client()?;
            python.arg(paths::root().join("xtask/observability/src/exposition.py"));
            let refused = command::run_quietly(python.arg(&pages))?;
            ensure!(refused.is_empty(), "{refused}");
            let promtool = tools::prometheus()?.promtool;
            let folder = paths::fresh("exposition-promtool")?;
            for uses in sets(40) {
                promtool_accepts(&promtool, &folder, &uses)?;
            }
            Ok(())
        },
    );
}

/// Sets of eight uses in some order, the same in every run.
fn sets(count: usize) -> impl Iterator<Item = Vec<Use>> {
    let mut state: u64 = 1;
    let mut next = move || {
        // Knuth's.
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % USES
    };
    (0..count).map(move |_| (0..8).map(|_| next()).collect())
}

/// The page in one format after these uses.
fn page(uses: &[Use], format: Format) -> String {
    let capture = capture();
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

/// The page in one format after samples that no one means to record.
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
            // Each alone, and all together.
            metrics::histogram!("lone", "value" => value.to_string()).record(value);
            metrics::gauge!("level", "value" => value.to_string()).set(value);
        }
    }
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
    let places: Vec<_> = uses.iter().map(ToString::to_string).collect();
    let places = places.join("-");
    for format in [Format::OpenMetrics, Format::Text] {
        let file = folder.join(format!("{places}.{}", extension(format)));
        fs::write(file, page(uses, format))?;
    }
    Ok(())
}

fn promtool_accepts(promtool: &Path, folder: &Path, uses: &[Use]) -> anyhow::Result<()> {
    let text = folder.join("page.text");
    fs::write(&text, page(uses, Format::Text))?;
    let mut check = Command::new(promtool);
    check.args(["check", "metrics"]);
    let output = check.stdin(fs::File::open(&text)?).output()?;
    // 3 is its opinion of the names.
    ensure!(
        matches!(output.status.code(), Some(0 | 3)),
        "{}\n{}",
        String::from_utf8_lossy(&output.stderr),
        fs::read_to_string(&text)?
    );
    // What is imported needs times.
    let page = page(uses, Format::OpenMetrics);
    let lines = page.lines().map(|line| match line {
        comment if comment.starts_with('#') => format!("{comment}\n"),
        sample => format!("{sample} 1700000000\n"),
    });
    let timed = folder.join("page.openmetrics");
    fs::write(&timed, lines.collect::<String>())?;
    let mut import = Command::new(promtool);
    import.args(["tsdb", "create-blocks-from", "openmetrics"]);
    command::run_quietly(import.arg(&timed).arg(folder.join("blocks"))).with_context(|| page)?;
    Ok(())
}
