//! Command-line arguments, and the commands that run instead of the server.

use std::{io::Write as _, path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use firstlight::metrics::MetricDocuments;

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
    /// Writes a table and a dashboard of the service's own metrics into a folder, such as docs.
    #[command(long_flag = "dashboards")]
    Dashboards { folder: PathBuf },
}

/// Runs the command that the arguments name; returns `None` if there is none.
pub async fn run() -> anyhow::Result<Option<ExitCode>> {
    let mut output = std::io::stdout(); // `println!` panics on a closed pipe
    match Cli::parse().command {
        None => return Ok(None),
        Some(Command::CheckTelemetry) => {
            let report = firstlight::check!();
            writeln!(output, "{report}")?;
            return Ok(Some(report.exit_code()));
        }
        Some(Command::Dashboards { folder }) => {
            let documents = MetricDocuments::new(env!("CARGO_PKG_NAME"), metrics::ALL)?;
            for file in documents.write(&folder)? {
                writeln!(output, "{}", file.display())?;
            }
        }
    }
    Ok(Some(ExitCode::SUCCESS))
}
