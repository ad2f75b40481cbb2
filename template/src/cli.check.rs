//! The arguments of the program: what it does instead of serving.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Serves until SIGTERM or Ctrl-C, unless there is a command.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Checks whether telemetry arrives; the exit code is the answer.
    CheckTelemetry,
}

/// Does what the arguments say; `None` if they name no command.
pub async fn run() -> anyhow::Result<Option<ExitCode>> {
    let Some(Command::CheckTelemetry) = Cli::parse().command else {
        return Ok(None);
    };
    let report = firstlight::check!();
    println!("{report}");
    Ok(Some(report.exit_code()))
}
