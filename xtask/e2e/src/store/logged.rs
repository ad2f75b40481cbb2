//! What a server with the settings of `deploy/compose` says about a slow statement, and what pgBadger makes of it.
//!
//! The settings are read from the compose file of a generated service. The image that it names is not run; the server is the
//! machine's, with the extensions that PostgreSQL brings.

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

use super::{Parts, SOON};
use crate::generate;

pub(super) fn cases(cases: &mut Cases, parts: &Parts) {
    let mut logged = None;
    cases.check(
        "with the settings of deploy/compose a slow statement is in the server's log with its plan, and a quick one is not",
        || {
            logged = Some(run(parts)?);
            Ok(())
        },
    );
    let Some(logged) = logged else { return };
    let what = "pgBadger reads that log by its prefix, and counts the slow statement once";
    match tools::pgbadger() {
        Ok(pgbadger) => {
            cases.check(what, || logged.counted_by(&pgbadger));
        }
        Err(error) => cases.not_run(what, &format!("{error:#}")),
    }
}

/// The log of a server, and the beginning of its lines as the server was told.
struct Logged {
    lines: Vec<String>,
    prefix: String,
}

fn run(parts: &Parts) -> anyhow::Result<Logged> {
    let settings = settings()?;
    let prefix = settings
        .iter()
        .find_map(|setting| setting.strip_prefix("log_line_prefix="))
        .context("compose.yaml sets no log_line_prefix")?
        .to_owned();
    let server = PostgresServer::start_with(&parts.postgres, &settings)?;
    let ask = |sql: &str| server.psql("postgres", sql);
    ask(QUICK)?;
    ask(SLOW)?;
    let lines = wait_for_statement(&server)?;

    // As `%t [%p]: user=%u,db=%d,app=%a,client=%h ` is filled in.
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
    // What belongs to an entry is indented below it.
    let below = lines.iter().skip(start + 1);
    let plan: Vec<_> = below.take_while(|line| line.starts_with('\t')).collect();
    let node =
        |line: &&&String| line.contains("Seq Scan on pg_database") && line.contains("(actual ");
    ensure!(
        plan.iter().any(|line| line.contains(SLOW_MARK)) && plan.iter().any(|line| node(&line)),
        "found {plan:#?}, expected the statement and what its plan really did"
    );
    let quick = lines.iter().find(|line| line.contains(QUICK));
    ensure!(quick.is_none(), "a quick statement is logged: {quick:?}");
    Ok(Logged { lines, prefix })
}

/// `2026-01-31 12:00:00 UTC [4711`
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

/// The line about the statement itself comes after its plan.
fn wait_for_statement(server: &PostgresServer) -> anyhow::Result<Vec<String>> {
    let until = Instant::now() + SOON;
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

/// What compose.yaml gives to the server, such as `log_lock_waits=on`.
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

impl Logged {
    fn counted_by(&self, pgbadger: &Path) -> anyhow::Result<()> {
        let folder = paths::target().join("e2e-compose");
        let [log, report] = ["postgresql.log", "report.txt"].map(|name| folder.join(name));
        fs::write(&log, self.lines.join("\n") + "\n")?;
        command::run_quietly(
            Command::new(pgbadger)
                .args(["--quiet", "--format", "stderr", "--extension", "text"])
                // The plan of a statement would be counted beside the statement.
                .arg("--noexplain")
                .args(["--prefix", &self.prefix])
                .arg("--outfile")
                .args([&report, &log]),
        )?;
        let report = fs::read_to_string(&report)?;
        for line in [
            "Number of queries: 1",
            "SELECT: 1 100.00%",
            // Who asked, which it has from the prefix.
            "database: postgres, user: postgres, remote: 127.0.0.1, app: psql - SELECT COUNT(*) FROM pg_database",
        ] {
            ensure!(
                report.contains(line),
                "pgBadger does not say {line:?}; it says:\n{report}"
            );
        }
        Ok(())
    }
}

const QUICK: &str = "SELECT COUNT(*) AS quick FROM pg_database";
/// A fifth longer than the limit, whatever it is.
const SLOW: &str = "SELECT COUNT(*) FROM pg_database, pg_sleep(1.2 * EXTRACT(EPOCH FROM current_setting('auto_explain.log_min_duration')::INTERVAL))";
const SLOW_MARK: &str = "FROM pg_database, pg_sleep(";
