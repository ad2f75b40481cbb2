//! The arguments of the program: what it does instead of serving.

use std::{io::Write as _, process::ExitCode};

use clap::{Parser, Subcommand};
use firstlight::jobs::apalis::{dead_letters, retry_dead_letters};

use crate::{config::Config, store::Store};

/// Serves until SIGTERM or Ctrl-C, unless there is a command.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

/// Dead letters are no endpoint, because a client that may order something may not order this.
#[derive(Debug, Subcommand)]
enum Command {
    /// Checks whether telemetry arrives; the exit code is the answer.
    CheckTelemetry,
    /// Prints a line for each job that failed for good: its queue, its id, its attempts, the job, how it failed.
    DeadLetters,
    /// Gives those with these ids to the workers again, from their first attempt; all, without an id.
    RetryDeadLetters { ids: Vec<String> },
}

/// Does what the arguments say; `None` if they name no command.
pub async fn run() -> anyhow::Result<Option<ExitCode>> {
    match Cli::parse().command {
        None => return Ok(None),
        Some(Command::CheckTelemetry) => {
            let report = firstlight::check!();
            println!("{report}");
            return Ok(Some(report.exit_code()));
        }
        Some(Command::DeadLetters) => {
            let letters = dead_letters(&store().await?).await?;
            let lines: String = letters.iter().map(|it| format!("{it}\n")).collect();
            std::io::stdout().write_all(lines.as_bytes())?; // `print!` panics at a closed pipe
        }
        Some(Command::RetryDeadLetters { ids }) => {
            let retried = retry_dead_letters(&store().await?, &ids).await?;
            println!("{retried} dead letters will be tried again");
        }
    }
    Ok(Some(ExitCode::SUCCESS))
}

async fn store() -> anyhow::Result<Store> {
    Ok(Config::from_env()?.database.open(&[]).await?) // no migrations: the service may be another version
}
