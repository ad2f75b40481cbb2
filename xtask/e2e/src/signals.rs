//! Suite `signals`: logs, metrics and traces of a service with real backends.
//!
//! Prometheus scrapes the service, promtool checks the exposition, and the collector rotel receives OTLP. Tests of the
//! content of spans use the receiver of [`firstlight::testing`]. Every server listens on a free port of the loopback
//! interface.

mod blocked;
mod collector_down;
mod failing_path;
mod metrics;
mod otlp;
mod own_dashboard;
mod pipeline;
mod scraper;
mod shutdown;
mod spans;

use std::path::PathBuf;

use anyhow::Context as _;
use support::{Cases, paths, tools};

use crate::service::{self, Built};

/// The service and the folder that the cases share.
struct Fixture {
    built: Built,
    /// The folder for configuration and data of the servers.
    folder: PathBuf,
}

/// Runs the suite.
pub fn run(cases: &mut Cases) -> anyhow::Result<()> {
    let folder = paths::fresh("e2e-signals").context("cannot empty target/e2e-signals")?;
    let built = service::build_example("orders-e2e", &folder)?;
    let fixture = Fixture { built, folder };

    match (tools::prometheus(), tools::rotel()) {
        (Ok(prometheus), Ok(rotel)) => {
            metrics::cases(cases, &fixture, &prometheus);
            own_dashboard::cases(cases, &fixture, &prometheus);
            pipeline::cases(cases, &fixture, &prometheus, &rotel);
            otlp::cases(cases, &fixture, &rotel);
            failing_path::cases(cases, &fixture, &rotel);
        }
        (prometheus, rotel) => {
            let reasons = [prometheus.err(), rotel.err()].into_iter().flatten();
            let reasons: Vec<_> = reasons.map(|error| format!("{error:#}")).collect();
            cases.not_run("Prometheus and a collector", &reasons.join("; "));
        }
    }
    spans::cases(cases, &fixture);
    shutdown::cases(cases, &fixture);
    collector_down::cases(cases, &fixture);
    blocked::cases(cases);
    Ok(())
}
