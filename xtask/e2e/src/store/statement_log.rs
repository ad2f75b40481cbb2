//! The log of slow statements with the settings of `deploy/compose`.
//!
//! The settings are read from the compose file of a generated service. They are tested with the PostgreSQL of the machine
//! and its bundled extensions, not with the image that the file names. pgBadger must be able to read the log.

use std::{
    fs,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use support::{
    Cases, command, paths,
    tools::{self, PostgresServer},
    yaml,
};

use super::{DEADLINE, Fixture};
use crate::generate;

pub(super) fn cases(cases: &mut Cases, fixture: &Fixture) {
    let mut logged = None;
    cases.check(
        "statement log: slow statements only, with their plan",
        || {
            logged = Some(run(fixture)?);
            Ok(())
        },
    );
    let Some(logged) = logged else { return };
    let what = "statement log: pgBadger counts the slow statement once";
    match tools::pgbadger() {
        Ok(pgbadger) => {
            cases.check(what, || logged.check_pgbadger(&pgbadger));
        }
        Err(error) => cases.not_run(what, &format!("{error:#}")),
    }
}

/// The log of a server, and the setting `log_line_prefix`.
struct StatementLog {
    lines: Vec<String>,
    prefix: String,
}

fn run(fixture: &Fixture) -> anyhow::Result<StatementLog> {
    let settings = settings()?;
    let prefix = settings
        .iter()
        .find_map(|setting| setting.strip_prefix("log_line_prefix="))
        .context("compose.yaml sets no log_line_prefix")?
        .to_owned();
    let server = PostgresServer::start_with(&fixture.postgres, &settings)?;
    let run = |sql: &str| server.psql("postgres", sql);
    run(QUICK)?;
    run(SLOW)?;
    let lines = wait_for_statement(&server)?;

    // The end of the prefix `%t [%p]: user=%u,db=%d,app=%a,client=%h `.
    let client = "user=postgres,db=postgres,app=psql,client=127.0.0.1 ";
    let is_start = |line: &&String| line.contains(" ms  plan:");
    let start = lines.iter().position(|line| is_start(&line));
    let start = start.with_context(|| format!("no plan:\n{}", lines.join("\n")))?;
    let plans = lines.iter().filter(is_start).count();
    ensure!(
        plans == 1,
        "found {plans} plans, expected one:\n{}",
        lines.join("\n")
    );
    let entry = lines.get(start).map(String::as_str).unwrap_or_default();
    let (stamp, rest) = entry.split_once("]: ").unwrap_or_default();
    ensure!(
        rest.starts_with(&format!("{client}LOG:  duration: ")) && is_stamp(stamp),
        "found {entry:?}, expected the prefix {prefix:?}"
    );
    // Continuation lines of an entry are indented.
    let below = lines.iter().skip(start + 1);
    let plan: Vec<_> = below.take_while(|line| line.starts_with('\t')).collect();
    let node =
        |line: &&&String| line.contains("Seq Scan on pg_database") && line.contains("(actual ");
    ensure!(
        plan.iter().any(|line| line.contains(SLOW_MARK)) && plan.iter().any(|line| node(&line)),
        "found {plan:#?}, expected the statement and its plan with actual times"
    );
    let quick = lines.iter().find(|line| line.contains(QUICK));
    ensure!(quick.is_none(), "a quick statement is logged: {quick:?}");
    Ok(StatementLog { lines, prefix })
}

/// Whether `text` is like `2026-01-31 12:00:00 UTC [4711`.
fn is_stamp(text: &str) -> bool {
    let words: Vec<_> = text.split(' ').collect();
    let [day, time, _zone, process] = words.as_slice() else {
        return false;
    };
    let digits = |text: &str, marks: &str| {
        text.chars()
            .all(|c| c.is_ascii_digit() || marks.contains(c))
    };
    day.len() == 10
        && digits(day, "-")
        && time.len() == 8
        && digits(time, ":")
        && process.strip_prefix('[').is_some_and(|id| digits(id, ""))
}

/// Waits for the log line of the statement, which comes after its plan.
fn wait_for_statement(server: &PostgresServer) -> anyhow::Result<Vec<String>> {
    let until = Instant::now() + DEADLINE;
    loop {
        let lines = server.log();
        if (lines.iter()).any(|line| line.contains(" ms  statement: ") && line.contains(SLOW_MARK))
        {
            return Ok(lines);
        }
        if Instant::now() > until {
            bail!("the slow statement is not logged:\n{}", lines.join("\n"));
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// The server's settings in compose.yaml, such as `log_lock_waits=on`.
fn settings() -> anyhow::Result<Vec<String>> {
    let folder = paths::fresh("e2e-compose").context("cannot empty target/e2e-compose")?;
    let service = generate::Service {
        name: "orders-logged",
        destination: &folder,
        answers: generate::Answers::least()
            .with("store", "postgres")
            .with("deploy", "compose"),
        extra: &generate::throwaway(),
    };
    let compose = yaml::read(&service.generate()?.join("deploy/compose/compose.yaml"))?;
    let command = compose.pointer("/services/database/command");
    let flags = command.and_then(|command| command.as_array());
    let flags = flags.context("the database of compose.yaml has no command")?;
    let setting = |flag: &serde_json::Value| Some(flag.as_str()?.strip_prefix("-c")?.to_owned());
    flags
        .iter()
        .map(|flag| setting(flag).with_context(|| format!("{flag}: expected -cname=value")))
        .collect()
}

impl StatementLog {
    fn check_pgbadger(&self, pgbadger: &Path) -> anyhow::Result<()> {
        let folder = paths::target().join("e2e-compose");
        let [log, report] = ["postgresql.log", "report.txt"].map(|name| folder.join(name));
        fs::write(&log, self.lines.join("\n") + "\n")?;
        command::run_quietly(
            Command::new(pgbadger)
                .args(["--quiet", "--format", "stderr", "--extension", "text"])
                // Without this option, the plan is counted as a second statement.
                .arg("--noexplain")
                .args(["--prefix", &self.prefix])
                .arg("--outfile")
                .args([&report, &log]),
        )?;
        let report = fs::read_to_string(&report)?;
        for line in [
            "Number of queries: 1",
            "SELECT: 1 100.00%",
            // Database, user, host and program come from the prefix.
            "database: postgres, user: postgres, remote: 127.0.0.1, app: psql - SELECT COUNT(*) FROM pg_database",
        ] {
            ensure!(
                report.contains(line),
                "the report of pgBadger lacks {line:?}:\n{report}"
            );
        }
        Ok(())
    }
}

/// A statement that is too quick to be logged.
const QUICK: &str = "SELECT COUNT(*) AS quick FROM pg_database";
/// A statement that takes 20 % longer than the limit for plans.
const SLOW: &str = "SELECT COUNT(*) FROM pg_database, pg_sleep(1.2 * EXTRACT(EPOCH FROM current_setting('auto_explain.log_min_duration')::INTERVAL))";
/// Text that is in [`SLOW`] and not in [`QUICK`].
const SLOW_MARK: &str = "FROM pg_database, pg_sleep(";
