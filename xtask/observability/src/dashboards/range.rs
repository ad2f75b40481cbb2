//! Tests of `query::in_range`, which counts events over the time range.
//!
//! promtool evaluates the queries. The tests cover new series, failed scrapes and a Prometheus outage.

use std::{fs, process::Command};

use anyhow::Context as _;
use firstlight::metrics::catalog;
use support::{Cases, command, paths, tools};

use super::query;

pub(super) fn cases(cases: &mut Cases) {
    let name = "panels: count all events, with new series and gaps";
    match tools::prometheus() {
        Ok(prometheus) => {
            cases.check(name, || test(&prometheus));
        }
        Err(error) => cases.not_run(name, &format!("{error:#}")),
    }
}

fn test(prometheus: &tools::Prometheus) -> anyhow::Result<()> {
    let folder =
        paths::fresh("dashboards-range").context("cannot empty target/dashboards-range")?;
    let rules = format!(
        "groups:\n- name: panel\n  rules:\n  - record: in_range\n    expr: |\n      {}\n",
        counted()
    );
    fs::write(folder.join("panel.yml"), rules)?;
    let file = folder.join("test.yml");
    fs::write(&file, TEST)?;
    let mut test = Command::new(&prometheus.promtool);
    command::run_quietly(test.args(["test", "rules"]).arg(file)).map(drop)
}

/// The query over all series, with a range of one hour.
fn counted() -> String {
    let query = query::in_range(&["job"], &query::selected(&catalog::CRON_RUNS));
    let variables = ["$cluster", "$namespace", "$job", "$instance"];
    let query = variables
        .iter()
        .fold(query, |query, variable| query.replace(variable, ".*"));
    query
        .replace("$__range_s", "3600")
        .replace("$__range", "1h")
}

/// The promtool test, with one job per situation.
///
/// - `gap`: a scrape fails at the start of the range.
/// - `born`: the series starts with 7 in a known process.
/// - `young`: the process is new.
/// - `away`: no scrape succeeded for an hour.
const TEST: &str = r#"rule_files: [panel.yml]
evaluation_interval: 1m
tests:
- interval: 1m
  input_series:
  - { series: 'cron_runs_total{job="gap",instance="a"}', values: "7x59 _ 7x60" }
  - { series: 'process_start_time_seconds{job="gap",instance="a"}', values: "0x59 _ 0x60" }
  - { series: 'cron_runs_total{job="born",instance="a"}', values: "_x80 7x60" }
  - { series: 'process_start_time_seconds{job="born",instance="a"}', values: "0x140" }
  - { series: 'cron_runs_total{job="young",instance="a"}', values: "_x100 3x60" }
  - { series: 'process_start_time_seconds{job="young",instance="a"}', values: "_x100 5990x60" }
  - { series: 'cron_runs_total{job="away",instance="a"}', values: "7x20 _x60 7x60" }
  - { series: 'process_start_time_seconds{job="away",instance="a"}', values: "0x20 _x60 0x60" }
  promql_expr_test:
  - expr: round(in_range)
    eval_time: 120m
    exp_samples:
    - { labels: '{job="gap"}', value: 0 }
    - { labels: '{job="born"}', value: 7 }
    - { labels: '{job="young"}', value: 3 }
    - { labels: '{job="away"}', value: 0 }
"#;
