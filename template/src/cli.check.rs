//! Command-line arguments, and the commands that run instead of the server.

use std::{io::Write as _, process::ExitCode};

use clap::{Parser, Subcommand};

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
}

/// Runs the command that the arguments name; returns `None` if there is none.
pub async fn run() -> anyhow::Result<Option<ExitCode>> {
    let Some(Command::CheckTelemetry) = Cli::parse().command else {
        return Ok(None);
    };
    let report = firstlight::check!();
    writeln!(std::io::stdout(), "{report}")?; // `println!` panics on a closed pipe
    Ok(Some(report.exit_code()))
}
