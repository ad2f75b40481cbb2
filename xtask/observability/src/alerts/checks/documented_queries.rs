//! Checks of the PromQL queries in the book and in runbooks.
//!
//! Readers copy them, so they follow the lints of rules. Queries in runbooks are for ad hoc use and need not count the first
//! values of new series.

use anyhow::bail;
use support::{Cases, files, paths};

use super::{alert_lint, rule::Rule};

pub(super) fn cases(cases: &mut Cases) {
    cases.check(
        "documents: every query passes the lints of rules",
        documented_queries_pass,
    );
}

fn documented_queries_pass() -> anyhow::Result<()> {
    let book = queries("book/src")?;
    let runbooks = queries("runbooks")?;
    let of_book = book
        .iter()
        .map(|(page, query)| (page, objection(query, &alert_lint::ANY_QUERY)));
    let of_runbooks = runbooks
        .iter()
        .map(|(page, query)| (page, objection(query, alert_lint::AD_HOC_QUERY)));
    let wrong: Vec<_> = of_book
        .chain(of_runbooks)
        .filter_map(|(page, objection)| Some(format!("{page}: {}", objection?)))
        .collect();
    if !wrong.is_empty() {
        bail!("{}", wrong.join("\n"));
    }
    if book.len() < 4 || runbooks.len() < 8 {
        bail!(
            "found {} queries in the book and {} in runbooks, expected at least 4 and 8",
            book.len(),
            runbooks.len()
        );
    }
    Ok(())
}

/// The first objection of `lints` to a query.
fn objection(query: &str, lints: &[fn(&Rule) -> Option<String>]) -> Option<String> {
    let rule = Rule {
        expr: query.to_owned(),
        ..Rule::default()
    };
    lints.iter().find_map(|check| check(&rule))
}

/// All queries in a folder, each with the name of its file.
fn queries(folder: &str) -> anyhow::Result<Vec<(String, String)>> {
    let mut queries = Vec::new();
    for (name, content) in files::read(&paths::root().join("docs").join(folder))? {
        if name.ends_with(".md") {
            let text = String::from_utf8_lossy(&content).into_owned();
            let blocks = text.split("```promql\n").skip(1);
            let blocks = blocks.filter_map(|rest| rest.split("```").next());
            queries.extend(
                blocks
                    .flat_map(queries_of_block)
                    .map(|query| (name.clone(), query)),
            );
        }
    }
    Ok(queries)
}

/// The queries in a block, which comments and blank lines separate.
fn queries_of_block(block: &str) -> Vec<String> {
    let lines: Vec<_> = block.lines().collect();
    let queries = lines.split(|line| line.trim_start().starts_with('#') || line.trim().is_empty());
    let queries = queries.map(|lines| lines.join("\n"));
    queries.filter(|query| !query.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::{alert_lint, documented_queries_pass, objection, queries_of_block};

    #[test]
    fn comments_separate_queries() {
        assert_eq!(
            queries_of_block("# Late.\nup\n== 0\n# Gone.\nabsent(up)\n"),
            ["up\n== 0", "absent(up)"]
        );
    }

    #[test]
    fn documented_queries_pass_the_lints() -> anyhow::Result<()> {
        documented_queries_pass()
    }

    #[test]
    fn violations_are_found() {
        let objection = |query| objection(query, &alert_lint::ANY_QUERY).is_some();
        assert!(objection("max by (job) (up) == 0"));
        assert!(!objection("max by (cluster, namespace, job) (up) == 0"));
        assert!(objection(
            "cron_runs_total unless cron_runs_total offset 1h"
        ));
        assert!(objection("sum by ("));
    }
}
