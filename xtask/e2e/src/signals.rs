//! Logs, metrics and traces of a generated service, as the programs see them that will read them in production.
//!
//! Prometheus and promtool are Debian's, the collector is rotel, and where content matters it ends in the receiver of
//! [`firstlight::testing`]. Every server is on the loopback interface, on a free port, and is stopped by process id.

mod blocked;
mod collector_down;
mod metrics;
mod otlp;
mod pipeline;
mod scraper;
mod shutdown;
mod spans;

use std::path::PathBuf;

use anyhow::Context as _;
use support::{Cases, paths, tools};

use crate::service::{self, Built};

/// What the scenarios share.
struct Parts {
    built: Built,
    /// For configuration and data of the servers.
    folder: PathBuf,
}

/// Runs the suite.
pub fn run(cases: &mut Cases) -> anyhow::Result<()> {
    let folder = paths::fresh("e2e-signals").context("cannot empty target/e2e-signals")?;
    let built = service::build_example("orders-e2e", &folder)?;
    let parts = Parts { built, folder };

    match (tools::prometheus(), tools::rotel()) {
        (Ok(prometheus), Ok(rotel)) => {
            metrics::cases(cases, &parts, &prometheus);
            pipeline::cases(cases, &parts, &prometheus, &rotel);
            otlp::cases(cases, &parts, &rotel);
        }
        (prometheus, rotel) => {
            let reasons = [prometheus.err(), rotel.err()].into_iter().flatten();
            let reasons: Vec<_> = reasons.map(|error| format!("{error:#}")).collect();
            cases.not_run(
                "a real Prometheus and a real collector",
                &reasons.join("; "),
            );
        }
    }
    spans::cases(cases, &parts);
    shutdown::cases(cases, &parts);
    collector_down::cases(cases, &parts);
    blocked::cases(cases);
    Ok(())
}
