//! Our rules on what is one thing: a panel that adds up several hides the one that is ill.

use promql_parser::parser::{BinaryExpr, Expr};
use serde_json::{Value, json};

use super::{
    Rule,
    sheet::{PanelSheet, first_panel, objection, text},
};
use crate::{
    expr::{self, Labels},
    things,
};

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "things-are-not-added-up",
        check: |sheet| sheet.each_panel(added_up),
        breaks: |json| {
            first_panel(json, "timeseries", |panel| {
                panel["title"] = json!("Pool in use");
                panel["targets"][0]["expr"] = json!("sum by (job) (db_client_connection_count)");
            })
        },
    },
    Rule {
        name: "totals-say-so",
        check: |sheet| sheet.each_panel(says_so),
        breaks: |json| {
            first_panel(json, "heatmap", |panel| {
                panel["description"] = json!("How many requests took how long.")
            })
        },
    },
    Rule {
        name: "the-worst-is-shown",
        check: |sheet| sheet.each_panel(worst),
        breaks: |json| {
            first_panel(json, "stat", |panel| {
                let query = text(&panel["targets"][0]["expr"]).replacen("max(", "min(", 1);
                panel["targets"][0]["expr"] = json!(query);
            })
        },
    },
    Rule {
        name: "legends-tell-series-apart",
        check: |sheet| sheet.each_panel(apart),
        breaks: |json| {
            first_panel(json, "timeseries", |panel| {
                panel["targets"][0]["expr"] = json!("max by (cluster, namespace, job) (up)");
                panel["targets"][0]["legendFormat"] = json!("{{job}}");
            })
        },
    },
];

/// Panels that add up all that is chosen, on purpose, and why none is hidden. Each says so to the reader.
const TOTALS: [(&str, &str); 24] = [
    (
        "Requests",
        "a load, and no measure of health; the table has each service's",
    ),
    (
        "Requests by status",
        "areas are parts of one whole; the failures beside it are each service's",
    ),
    (
        "Requests being served",
        "areas are parts of one whole; the durations are each service's",
    ),
    (
        "Duration, spread",
        "a heatmap has one distribution; a few slow ones are a band of their own in it",
    ),
    ("Firing alerts", "one is enough for red"),
    ("Log lines by level", "areas are parts of one whole"),
    ("Gave up waiting", "one is enough for red"),
    (
        "Connections",
        "what the server has to bear; how full each pool is is beside it",
    ),
    (
        "Wait for a connection, spread",
        "a heatmap has one distribution",
    ),
    (
        "Transactions by outcome",
        "areas are parts of one whole; their durations are each service's",
    ),
    ("Waiting", "a load; the age beside it is each queue's"),
    ("Given up", "one is enough for red"),
    (
        "Jobs in the store",
        "areas are parts of one whole; the ages beside it are each queue's",
    ),
    (
        "Attempts by outcome",
        "areas are parts of one whole; the table of failures has each queue's",
    ),
    (
        "Runs that failed",
        "one is to be seen; the table has each schedule's",
    ),
    (
        "Ticks without a run",
        "one is to be seen; the table has each schedule's",
    ),
    (
        "Ticks by outcome",
        "areas are parts of one whole; the table has each schedule's",
    ),
    ("Delay of starts, spread", "a heatmap has one distribution"),
    (
        "Restarts",
        "one is to be seen; the time since the start is each instance's",
    ),
    ("Scheduler delay, spread", "a heatmap has one distribution"),
    ("Telemetry lost", "one is enough for red"),
    ("Age, spread", "a heatmap has one distribution"),
    (
        "Reads by where the answer came from",
        "areas are parts of one whole; the table has each type's",
    ),
    (
        "Server connections by state",
        "areas are parts of one whole; how full each server is is beside it",
    ),
];

/// Whether it is in the list.
fn is_total(panel: PanelSheet<'_>) -> bool {
    TOTALS.iter().any(|(title, _)| *title == panel.title())
}

fn added_up(panel: PanelSheet<'_>) -> Vec<String> {
    if is_total(panel) {
        return Vec::new();
    }
    let trees = panel
        .targets()
        .filter_map(|target| expr::parse(text(&target["expr"])).ok());
    trees.flat_map(|tree| things::merged(&tree)).collect()
}

/// That all of it is one number is said, or the reader looks for theirs in it.
fn says_so(panel: PanelSheet<'_>) -> Vec<String> {
    let means = text(&panel.json["description"]).split("\n\n").next();
    objection(
        is_total(panel) && !means.is_some_and(|means| means.contains("together")),
        "it adds up all that is chosen, and does not say \"together\"",
    )
}

/// Of several, a panel that turns red shows the one that is nearest to it.
fn worst(panel: PanelSheet<'_>) -> Vec<String> {
    let mut objections = Vec::new();
    for target in panel.targets() {
        let Ok(tree) = expr::parse(text(&target["expr"])) else {
            continue;
        };
        let steps: Vec<_> = panel.steps(text(&target["legendFormat"])).collect();
        let red = |step: &Value| step["color"] == "red" || step["color"] == "orange";
        let rises = match (steps.first(), steps.last()) {
            (Some(first), Some(last)) if steps.len() > 1 => red(last) && !red(first),
            _ => continue,
        };
        choices(&tree, rises, &mut |chosen, of| {
            objections.push(format!("it shows the {chosen} of {of}"));
        });
    }
    objections
}

/// Calls `wrong` with each choice that is the better end of a value which is worse when it `rises`, or when it falls.
fn choices(tree: &Expr, rises: bool, wrong: &mut dyn FnMut(&str, &Expr)) {
    match tree {
        Expr::Aggregate(aggregate) => {
            let operator = aggregate.op.to_string();
            let better = match (&*operator, rises) {
                ("min" | "bottomk", true) => Some("smallest"),
                ("max" | "topk", false) => Some("largest"),
                _ => None,
            };
            if let Some(better) = better {
                wrong(better, &aggregate.expr);
            }
            choices(&aggregate.expr, rises, wrong);
        }
        Expr::Paren(paren) => choices(&paren.expr, rises, wrong),
        Expr::Binary(BinaryExpr { lhs, rhs, op, .. }) => {
            choices(lhs, rises, wrong);
            match &*op.to_string() {
                "-" => choices(rhs, !rises, wrong),
                "+" | "or" => choices(rhs, rises, wrong),
                // What something is measured by is the same for all that it is the measure of.
                _ => {}
            }
        }
        _ => {}
    }
}

/// Every label that series differ in is in their names, or in a column.
fn apart(panel: PanelSheet<'_>) -> Vec<String> {
    let mut objections = Vec::new();
    for target in panel.targets() {
        let Ok(tree) = expr::parse(text(&target["expr"])) else {
            continue;
        };
        let Labels::These(labels) = expr::labels(&tree) else {
            continue;
        };
        let legend = text(&target["legendFormat"]);
        let named = |label: &str| {
            let of_table = &panel.json["transformations"][1]["options"]["renameByName"][label];
            // Several labels in one.
            legend.contains("{{series}}")
                || legend.contains(&format!("{{{{{label}}}}}"))
                || of_table.is_string()
        };
        let lost: Vec<_> = labels.iter().filter(|label| !named(label)).collect();
        objections.extend(objection(
            !lost.is_empty(),
            format!("{legend:?} does not tell series apart that differ in {lost:?}"),
        ));
    }
    objections
}

#[cfg(test)]
mod tests {
    use super::{PanelSheet, TOTALS, choices, things};
    use crate::{
        dashboards::{all, lint::sheet::Sheet},
        expr,
    };

    #[test]
    fn every_total_is_needed_and_has_a_reason() {
        let boards: Vec<_> = all().iter().map(|board| board.json()).collect();
        let panels: Vec<_> = boards
            .iter()
            .flat_map(|board| Sheet::new(board).panels())
            .collect();
        for (title, reason) in TOTALS {
            let is_needed = |panel: &PanelSheet<'_>| {
                let queries = panel.targets().filter_map(|target| target["expr"].as_str());
                let mut trees = queries.filter_map(|query| expr::parse(query).ok());
                panel.title() == title && trees.any(|tree| !things::merged(&tree).is_empty())
            };
            assert!(panels.iter().any(is_needed), "{title:?} adds up nothing");
            assert!(reason.len() > 10, "{title:?} has no reason");
        }
    }

    #[test]
    fn the_better_end_of_a_difference_is_found() {
        let wrong = |query: &str, rises| {
            let mut wrong = 0;
            if let Ok(tree) = expr::parse(query) {
                choices(&tree, rises, &mut |_, _| wrong += 1);
            }
            wrong
        };
        assert_eq!(wrong("min(up)", false), 0);
        assert_eq!(wrong("min(up)", true), 1);
        assert_eq!(wrong("time() - min(up)", true), 0);
        assert_eq!(wrong("time() - max(up)", true), 1);
        assert_eq!(wrong("max(up) / max(up)", false), 1);
    }
}
