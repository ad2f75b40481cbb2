//! Checks of the rules by promtool, and runs of all alert tests.

use std::{cmp::Reverse, fs, process::Command};

use anyhow::{Context as _, bail};
use support::{Cases, command, paths, tools::Prometheus};

use crate::alerts::{self, Timing, alert_files, objectives};

pub(super) fn cases(cases: &mut Cases, prometheus: &Prometheus) {
    let rules =
        ["objectives.yml", "firstlight.rules.yml"].map(|name| alert_files::folder().join(name));
    cases.check("promtool: accepts the rules", || {
        command::run_quietly(check(prometheus).args(&rules)).map(drop)
    });
    cases.check("promtool: accepts the rules of the suite live", || {
        scaled(prometheus)
    });
    cases.check("objective: the commented-out example is valid", || {
        example(prometheus)
    });
    cases.check("broken rule: fails its alert test, by name", || {
        broken(prometheus)
    });
    let promtool = &prometheus.promtool;
    cases.check_all(alert_tests().into_iter().map(|file| {
        let name = format!("alert tests: docs/alerts/{file} passes");
        let path = alert_files::folder().join(file);
        let case = move || {
            let mut test = Command::new(promtool);
            command::run_quietly(test.args(["test", "rules"]).arg(path)).map(drop)
        };
        (name, case)
    }));
}

/// Checks that a rule with an inverted comparison fails its alert test, by name.
fn broken(prometheus: &Prometheus) -> anyhow::Result<()> {
    let folder = paths::fresh("alerts-broken").context("cannot empty target/alerts-broken")?;
    fs::create_dir_all(folder.join("tests"))?;
    for file in ["objectives.yml", "firstlight.rules.yml", "tests/cron.yml"] {
        fs::copy(alert_files::folder().join(file), folder.join(file)).context(file)?;
    }
    let rules = folder.join("firstlight.rules.yml");
    let text = fs::read_to_string(&rules)?;
    let wrong = text.replace(
        "(cron_success_due_timestamp_seconds) > 0",
        "(cron_success_due_timestamp_seconds) < 0",
    );
    if wrong == text {
        bail!("there is no CronRunMissed to break");
    }
    fs::write(&rules, wrong)?;
    let mut test = Command::new(&prometheus.promtool);
    test.args(["test", "rules"])
        .arg(folder.join("tests/cron.yml"));
    match command::run_quietly(&mut test) {
        Ok(_) => bail!("the alert test of CronRunMissed passes with a broken rule"),
        Err(error) if format!("{error:#}").contains("CronRunMissed") => Ok(()),
        Err(error) => Err(error.context("the failed test does not name CronRunMissed")),
    }
}

/// The command that lints rule files, and fails if the linter objects.
fn check(prometheus: &Prometheus) -> Command {
    let mut check = Command::new(&prometheus.promtool);
    check.args(["check", "rules", "--lint=all", "--lint-fatal"]);
    check
}

/// The files of alert tests, the largest first, because those take the longest.
fn alert_tests() -> Vec<String> {
    let mut files = alert_files::all();
    files.retain(|file| file.path.starts_with("tests/"));
    files.sort_by_key(|file| Reverse(file.text.len()));
    files.into_iter().map(|file| file.path).collect()
}

/// Checks the rules with scaled durations, as the suite `live` uses them.
fn scaled(prometheus: &Prometheus) -> anyhow::Result<()> {
    let folder = paths::fresh("alerts-scaled").context("cannot empty target/alerts-scaled")?;
    let texts = [objectives(Timing::Scaled), alerts::rules(Timing::Scaled)];
    let mut check = check(prometheus);
    for (name, text) in ["objectives.yml", "rules.yml"].into_iter().zip(texts) {
        if text.contains("[1h]") || text.contains("for: 15m") {
            bail!("{name} of the live suite still has the durations of production");
        }
        fs::write(folder.join(name), text)?;
        check.arg(folder.join(name));
    }
    command::run_quietly(&mut check).map(drop)
}

/// Checks the rules after the example declarations are uncommented.
fn example(prometheus: &Prometheus) -> anyhow::Result<()> {
    let folder = paths::fresh("alerts-example").context("cannot empty target/alerts-example")?;
    let text = fs::read_to_string(alert_files::folder().join("objectives.yml"))?;
    let uncommented = |line: &str| match line.strip_prefix("      # ") {
        Some(rule) if rule.starts_with("- record") || rule.starts_with("  ") => {
            format!("      {rule}\n")
        }
        _ => format!("{line}\n"),
    };
    let used: String = text.lines().map(uncommented).collect();
    let file = folder.join("objectives.yml");
    fs::write(&file, used)?;
    let output = command::run_quietly(check(prometheus).arg(&file))?;
    if !output.contains("6 rules found") {
        bail!("expected three rules and three of the example; promtool printed:\n{output}");
    }
    Ok(())
}
