//! Checks of the rules by promtool, and runs of all alert tests.

use std::{cmp::Reverse, collections::BTreeMap, fs, process::Command};

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};
use support::{Cases, command, paths, tools::Prometheus};

use super::{function_names, needed_rules, rule};
use crate::alerts::{self, Timing, alert_files, objectives};

/// The rule files of every alert test.
const RULE_FILES: [&str; 2] = ["objectives.yml", "firstlight.rules.yml"];

pub(super) fn cases(cases: &mut Cases, prometheus: &Prometheus) {
    let rules = RULE_FILES.map(|name| alert_files::folder().join(name));
    cases.check("promtool: accepts the rules", || {
        command::run_quietly(check(prometheus).args(&rules)).map(drop)
    });
    cases.check("promtool: accepts the rules of the suite live", || {
        scaled(prometheus)
    });
    cases.check("objective: the commented-out example is valid", || {
        example(prometheus)
    });
    cases.check("promtool: has PromQL's functions that are listed", || {
        function_names::check(prometheus)
    });
    cases.check("broken rule: fails its alert test, by name", || {
        broken(prometheus)
    });
    match alert_tests() {
        Ok(tests) => cases.check_all(tests.into_iter().map(|test| {
            let name = format!("alert tests: {} of {} pass", test.alert, test.file);
            (name, move || test.run(prometheus))
        })),
        Err(error) => cases.failed("alert tests: can be read", &error),
    }
}

/// The tests of one alert in one file.
struct AlertTests {
    file: String,
    alert: String,
    /// The file with only these tests.
    text: String,
    /// The rules that they need.
    rules: String,
}

impl AlertTests {
    fn run(&self, prometheus: &Prometheus) -> anyhow::Result<()> {
        let folder = paths::fresh(&format!("alert-tests-{}-{}", self.file, self.alert))?;
        fs::write(folder.join("rules.yml"), &self.rules)?;
        let file = folder.join("tests.yml");
        fs::write(&file, &self.text)?;
        let mut test = Command::new(&prometheus.promtool);
        command::run_quietly(test.args(["test", "rules"]).arg(file)).map(drop)
    }
}

/// All alert tests, those with the most text first, because they take the longest.
fn alert_tests() -> anyhow::Result<Vec<AlertTests>> {
    let mut groups = Vec::new();
    for name in RULE_FILES {
        groups.extend(rule::groups(name)?.as_array().cloned().unwrap_or_default());
    }
    let mut found = Vec::new();
    for file in alert_files::all() {
        let Some(name) = file.path.strip_prefix("tests/") else {
            continue;
        };
        let mut document = support::yaml::parse(&file.text)?;
        let mut of_alerts: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for test in document["tests"].as_array().into_iter().flatten() {
            let alert = test["name"].as_str().unwrap_or_default().split(':').next();
            let tests = of_alerts.entry(alert.unwrap_or_default().to_owned());
            tests.or_default().push(test.clone());
        }
        ensure!(!of_alerts.is_empty(), "{name} has no tests");
        document["rule_files"] = json!(["rules.yml"]);
        for (alert, tests) in of_alerts {
            document["tests"] = Value::Array(tests);
            // JSON is YAML as well.
            let text = document.to_string();
            found.push(AlertTests {
                file: name.to_owned(),
                alert,
                rules: needed_rules::of(&text, &groups),
                text,
            });
        }
    }
    found.sort_by_key(|tests| Reverse(tests.text.len()));
    Ok(found)
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
