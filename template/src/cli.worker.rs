//! The arguments of the program: what it does instead of serving.

use std::{error::Error, iter, process::ExitCode};

use clap::{Parser, Subcommand};
use firstlight::jobs::apalis::{dead_letters, retry_dead_letters};

use crate::config::Config;

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
    /// Lists or retries the jobs of all queues that failed for good.
    #[command(subcommand)]
    DeadLetters(DeadLetters),
}

/// They are no endpoint, because a client that may order something may not order this.
#[derive(Debug, Subcommand)]
enum DeadLetters {
    /// Prints a line for each: its queue, its id, its attempts, the job, how it failed.
    List,
    /// Gives those with these ids to the workers again, from their first attempt; all, without an id.
    Retry { ids: Vec<String> },
}

/// Does what the arguments say; `None` if they name no command.
pub async fn run() -> Option<ExitCode> {
    let done = match Cli::parse().command? {
        Command::CheckTelemetry => {
            let report = firstlight::check!();
            println!("{report}");
            return Some(report.exit_code());
        }
        Command::DeadLetters(command) => administer(command).await,
    };
    let Err(error) = done else {
        return Some(ExitCode::SUCCESS);
    };
    let first = Some(&*error as &(dyn Error + 'static));
    iter::successors(first, |error| error.source()).for_each(|cause| eprintln!("{cause}"));
    Some(ExitCode::FAILURE)
}

async fn administer(command: DeadLetters) -> Result<(), Box<dyn Error + Send + Sync>> {
    // Without migrations: the service that serves may be another version.
    let store = Config::from_env()?.database.open(&[]).await?;
    match command {
        DeadLetters::List => (dead_letters(&store).await?.iter()).for_each(|it| println!("{it}")),
        DeadLetters::Retry { ids } => {
            let retried = retry_dead_letters(&store, &ids).await?;
            println!("{retried} dead letters will be tried again");
        }
    }
    Ok(())
}
