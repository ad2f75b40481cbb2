//! Command-line arguments, and the commands that run instead of the server.

use std::{
    fmt::Display,
    io::{self, ErrorKind, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Parser, Subcommand};
use firstlight::jobs::apalis::{dead_letters, retry_dead_letters};
use firstlight::metrics::MetricDocument;

use crate::{config::Config, metrics, store::Store};

/// Serves until SIGTERM or Ctrl-C, unless a command is given.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

// Dead letters have commands and no endpoint: clients of the service must not be able to retry them.
#[derive(Debug, Subcommand)]
enum Command {
    /// Checks whether telemetry arrives; exits with 1 if it does not.
    CheckTelemetry,
    /// Writes the dashboard of the service's own metrics into a folder.
    #[command(long_flag = "dashboards")]
    Dashboards { folder: PathBuf },
    /// Lists dead letters: queue, id, attempts, job and last error, tab-separated.
    DeadLetters,
    /// Enqueues dead letters again, beginning with their first attempt.
    RetryDeadLetters {
        /// Ids of the dead letters; without an id, all are retried.
        ids: Vec<String>,
    },
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
        Some(Command::DeadLetters) => {
            for letter in dead_letters(&store().await?).await? {
                print(letter)?;
            }
        }
        Some(Command::RetryDeadLetters { ids }) => {
            let retried = retry_dead_letters(&store().await?, &ids).await?;
            let letters = if retried == 1 { "letter" } else { "letters" };
            print(format!("{retried} dead {letters} will be tried again"))?;
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

async fn store() -> anyhow::Result<Store> {
    // Creates no database, and runs no migrations, because the running service may be another version.
    Ok(Config::from_env()?.database.must_exist().open(&[]).await?)
}
