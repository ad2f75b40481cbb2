//! Sends all three signals over both protocols to a third-party collector.
//!
//! The collector has another implementation of gRPC than the library, and other versions of the protobuf messages.

use std::{path::Path, process::Command};

use anyhow::{Context as _, ensure};
use support::{Cases, command, paths};

use super::Fixture;
use crate::{collector::Rotel, service};

pub(super) fn cases(cases: &mut Cases, fixture: &Fixture, rotel: &Path) {
    for (protocol, compression) in [
        ("http/protobuf", "none"),
        ("http/protobuf", "gzip"),
        ("grpc", "none"),
        ("grpc", "gzip"),
    ] {
        let name = format!("otlp: all signals over {protocol}, compression {compression}");
        cases.check(&name, || arrive(fixture, rotel, protocol, compression));
    }
}

fn arrive(
    fixture: &Fixture,
    rotel: &Path,
    protocol: &str,
    compression: &str,
) -> anyhow::Result<()> {
    let rotel = Rotel::start(rotel, &fixture.folder)?;
    let endpoint = match protocol {
        "grpc" => &rotel.grpc_endpoint,
        _ => &rotel.endpoint,
    };
    let mut program = Command::new(example("otlp")?);
    service::without_telemetry_settings(&mut program);
    let output = program
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        .env("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
        .env("OTEL_EXPORTER_OTLP_COMPRESSION", compression)
        .env("OTEL_METRICS_EXPORTER", "otlp")
        .env("OTEL_LOGS_EXPORTER", "otlp")
        .output()
        .context("start the example")?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "the example ended with {}: {errors}",
        output.status
    );

    let trace_ids: Vec<String> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|line| line["message"] == "order placed")
        .filter_map(|line| Some(line["trace_id"].as_str()?.to_owned()))
        .collect();
    ensure!(
        trace_ids.len() == 3,
        "found {} lines, expected 3",
        trace_ids.len()
    );
    // The example places three orders, and each has a span and a log record.
    rotel.wait_for_lines(|lines| {
        let count = |text: &str| lines.iter().filter(|line| line.trim() == text).count();
        for (what, expected) in [
            ("Name           : place order", 3),
            ("Body: Str(order placed)", 3),
            ("-> Name: orders_placed_total", 1),
            ("-> Name: order_value_euros", 1),
        ] {
            let found = count(what);
            ensure!(
                found == expected,
                "found {what:?} {found} times, expected {expected}"
            );
        }
        for id in &trace_ids {
            // Once for the span and once for its log record.
            let found = count(&format!("Trace ID       : {id}"));
            ensure!(
                found >= 2,
                "found trace id {id} {found} times, expected 2 or more"
            );
        }
        Ok(())
    })
}

/// Builds an example and returns its path.
///
/// The features are those of `cargo test`, so that nothing is compiled twice.
pub(super) fn example(name: &str) -> anyhow::Result<std::path::PathBuf> {
    let mut build = Command::new("cargo");
    build.current_dir(paths::root()).args([
        "build",
        "--workspace",
        "--all-features",
        "--example",
        name,
    ]);
    command::run(&format!("build the example {name}"), &mut build)?;
    Ok(paths::root().join("target/debug/examples").join(name))
}
