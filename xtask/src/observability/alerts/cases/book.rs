//! That queries in the book are as good as the rules: what is copied from a page adds up no services and misses no births.

use anyhow::bail;

use super::{lint, rule::Rule};
use crate::{files, paths, test::Cases};

pub(super) fn cases(cases: &mut Cases) {
    cases.check(
        "every query in the book holds what rules hold about services, things, births and gaps",
        held,
    );
}

fn held() -> anyhow::Result<()> {
    let queries = queries()?;
    let wrong: Vec<_> = queries
        .iter()
        .filter_map(|(page, query)| Some(format!("{page}: {}", objection(query)?)))
        .collect();
    if !wrong.is_empty() {
        bail!("{}", wrong.join("\n"));
    }
    if queries.len() < 4 {
        bail!("found {} queries, expected 4 or more", queries.len());
    }
    Ok(())
}

fn objection(query: &str) -> Option<String> {
    let rule = Rule {
        expr: query.to_owned(),
        ..Rule::default()
    };
    let mut lints = lint::OF_ANY_QUERY.iter();
    lints.find_map(|objects| objects(&rule))
}

/// Each with its page: of a block what is between two comments.
fn queries() -> anyhow::Result<Vec<(String, String)>> {
    let mut queries = Vec::new();
    for (name, content) in files::of(&paths::root().join("docs/book/src"))? {
        if name.ends_with(".md") {
            let text = String::from_utf8_lossy(&content).into_owned();
            let blocks = text.split("```promql\n").skip(1);
            let blocks = blocks.filter_map(|rest| rest.split("```").next());
            queries.extend(blocks.flat_map(of_block).map(|query| (name.clone(), query)));
        }
    }
    Ok(queries)
}

fn of_block(block: &str) -> Vec<String> {
    let lines: Vec<_> = block.lines().collect();
    let queries = lines.split(|line| line.trim_start().starts_with('#') || line.trim().is_empty());
    let queries = queries.map(|lines| lines.join("\n"));
    queries.filter(|query| !query.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::{held, objection, of_block};

    #[test]
    fn comments_part_the_queries_of_a_block() {
        assert_eq!(
            of_block("# Late.\nup\n== 0\n# Gone.\nabsent(up)\n"),
            ["up\n== 0", "absent(up)"]
        );
    }

    #[test]
    fn the_book_does_what_rules_do() -> anyhow::Result<()> {
        held()
    }

    #[test]
    fn what_rules_must_not_do_is_found() {
        assert!(objection("max by (job) (up) == 0").is_some());
        assert!(objection("max by (cluster, namespace, job) (up) == 0").is_none());
        assert!(objection("cron_runs_total unless cron_runs_total offset 1h").is_some());
        assert!(objection("sum by (").is_some());
    }
}
