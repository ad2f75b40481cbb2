//! Command-line arguments, and the commands that run instead of the server.

use std::{
    fmt::Display,
    io::{self, ErrorKind, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Parser, Subcommand};
use firstlight::metrics::MetricDocument;

use crate::metrics;

/// Serves until SIGTERM or Ctrl-C, unless a command is given.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Checks whether telemetry arrives; exits with 1 if it does not.
    CheckTelemetry,
    /// Writes the dashboard of the service's own metrics into a folder.
    #[command(long_flag = "dashboards")]
    Dashboards { folder: PathBuf },
}

/// Runs the command that the arguments name; returns `None` if there is none.
pub async fn run() -> anyhow::Result<Option<ExitCode>> {
    match Cli::parse().command {
        None => return Ok(None),
        Some(Command::CheckTelemetry) => {
            let report = firstlight::check!();
            print(&report)?;
            return Ok(Some(report.exit_code()));
        }
        Some(Command::Dashboards { folder }) => {
            let name = env!("CARGO_PKG_NAME");
            match MetricDocument::dashboard(name, metrics::ALL)? {
                Some(dashboard) => print(dashboard.write(&folder)?.display())?,
                None => print("src/metrics.rs declares no metric")?,
            }
        }
    }
    Ok(Some(ExitCode::SUCCESS))
}

/// Prints a line, unless the reader has seen enough, such as `head`.
fn print(line: impl Display) -> io::Result<()> {
    match writeln!(io::stdout(), "{line}") {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}
