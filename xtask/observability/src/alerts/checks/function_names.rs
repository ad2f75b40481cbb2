//! Compares the library's list of functions with promtool and a parser.

use std::{collections::BTreeSet, fs, process::Command};

use anyhow::ensure;
use support::{command, paths, tools::Prometheus};

use crate::expr;

/// The lists, below the folder of the library.
const LISTS: [&str; 2] = ["functions.txt", "aggregations.txt"];

/// A name that no version has.
const UNKNOWN: &str = "incraese";

/// Checks that promtool or the parser has each listed name.
///
/// The functions of Prometheus 3 are unknown to an older promtool, and those of Prometheus 2 to the parser.
pub(super) fn check(prometheus: &Prometheus) -> anyhow::Result<()> {
    let lists = paths::library().join("src/testing/unknown_metrics/promql");
    let mut listed = BTreeSet::from([UNKNOWN.to_owned()]);
    for list in LISTS {
        let text = fs::read_to_string(lists.join(list))?;
        ensure!(text.lines().is_sorted(), "{list} is not sorted");
        listed.extend(text.lines().map(str::to_owned));
    }
    let mut rules = "groups:\n- name: functions\n  rules:\n".to_owned();
    for name in &listed {
        rules += &format!("  - record: a:{name}\n    expr: {name}(up)\n");
    }
    let file = paths::fresh("alerts-functions")?.join("rules.yml");
    fs::write(&file, rules)?;
    let mut check = Command::new(&prometheus.promtool);
    // It fails, because some arguments have other types.
    let said = command::run_quietly(check.args(["check", "rules"]).arg(&file));
    let said = said.unwrap_or_else(|error| format!("{error:#}"));
    let is_unknown = |name: &&str| {
        let objection = format!("unknown function with name \"{name}\"");
        said.contains(&objection) && is_unknown_to_parser(name)
    };
    let unknown: Vec<&str> = listed
        .iter()
        .map(String::as_str)
        .filter(is_unknown)
        .collect();
    ensure!(
        unknown == [UNKNOWN],
        "found unknown {unknown:?}, expected only {UNKNOWN}"
    );
    Ok(())
}

fn is_unknown_to_parser(name: &str) -> bool {
    let parsed = expr::parse(&format!("{name}(up)"));
    parsed.is_err_and(|error| format!("{error:#}").contains("unknown function"))
}
