//! Changes of a generated service's own metrics, which its own tests must find.
//!
//! The service is the example without a database. It is built and tested before, so one more build is enough for all
//! changes together.

use std::{fs, path::Path};

use anyhow::{Context as _, bail, ensure};
use firstlight::metrics::{DeclaredMetric, MetricDocument};
use serde_json::Value;
use support::{Cases, command, paths};

use super::combinations::Generated;
use crate::{
    edit::{self, Edit},
    generate::{self, Answers, Service},
    service,
};

/// The command of the README that writes the table and the dashboard.
const TEST: &str = "cargo test --test metrics";

/// One change of each kind.
const CHANGES: [Edit; 6] = [
    // A metric is renamed.
    Edit {
        file: "src/metrics.rs",
        found: "\"orders_accepted_total\"",
        replacement: "\"orders_taken_total\"",
    },
    // A metric is recorded and not declared.
    Edit {
        file: "src/metrics.rs",
        found: "    counter!(ORDERS_ACCEPTED.name).increment(1);\n",
        replacement: "    counter!(ORDERS_ACCEPTED.name).increment(1);\n    counter!(\"order_item_total\").increment(1);\n",
    },
    // A metric is declared and not recorded.
    Edit {
        file: "src/metrics.rs",
        found: "    histogram!(ORDER_ITEMS.name).record(quantity);\n",
        replacement: "    let _ = quantity;\n",
    },
    // A label has a value that is not declared.
    Edit {
        file: "src/metrics.rs",
        found: "Rejection::Quantity => \"quantity\"",
        replacement: "Rejection::Quantity => \"size\"",
    },
    // A label is not declared.
    Edit {
        file: "src/metrics.rs",
        found: "    histogram!(ORDER_ACCEPTANCE.name).record(took);\n",
        replacement: "    histogram!(ORDER_ACCEPTANCE.name, \"shop\" => \"north\").record(took);\n",
    },
    // A metric is recorded as another kind.
    Edit {
        file: "src/metrics.rs",
        found: "        gauge!(ORDERS_IN_PROGRESS.name).increment(1);\n",
        replacement: "        histogram!(ORDERS_IN_PROGRESS.name).record(1);\n",
    },
];

/// What the tests say about [`CHANGES`].
const MESSAGES: [&str; 9] = [
    "docs/metrics.md, line ",
    "found | `orders_accepted_total` |",
    "expected | `orders_taken_total` |",
    "run `UPDATE=1 cargo test --test metrics`",
    "order_item_total is recorded and not declared; a similar declaration is order_items",
    "order_items is declared, and nothing has recorded it",
    "orders_rejected_total has reason=\\\"size\\\", which is not declared; declared: item, quantity",
    "order_acceptance_seconds has the label shop, which is not declared; declared: none",
    "orders_in_progress is declared as a gauge and recorded as a histogram",
];

pub(super) fn cases(cases: &mut Cases, generated: &Generated, folder: &Path) {
    let source = generated.folder(&Answers::least().with("example", "true"));
    cases.check("own metrics: UPDATE=1 writes table and dashboard", || {
        updates(&source)
    });
    cases.check("own metrics: the service's tests find changes", || {
        changes_are_found(&source)
    });
    cases.check("own metrics: long names have one uid", || {
        long_names(folder)
    });
}

/// Checks that the documents of the template are those that the service writes.
///
/// With `UPDATE`, writes them into the template.
fn updates(source: &Path) -> anyhow::Result<()> {
    let dashboard = source.join("observability/dashboards/example.json");
    let files = [source.join("docs/metrics.md"), dashboard];
    let mut committed = Vec::new();
    for file in &files {
        committed.push(fs::read_to_string(file).unwrap_or_default());
        // The test also creates the folders.
        let folder = file.parent().context("a file has a folder")?;
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
    }
    command::run_quietly(service::shell(source, TEST).env("UPDATE", "1"))?;
    let mut written = Vec::new();
    for file in &files {
        written.push(fs::read_to_string(file)?);
    }
    if std::env::var_os("UPDATE").is_none() {
        ensure!(
            written == committed,
            "the template's documents are not those of its metrics; run UPDATE=1 cargo xtask test --only template, and commit"
        );
        return Ok(());
    }
    let [table, dashboard] = &written[..] else {
        bail!("found {} files", written.len())
    };
    let none = MetricDocument::table("example", &[])?;
    let [table, none] = [table, none.text()].map(|text| {
        text.replacen(
            "# Metrics of example\n",
            "# Metrics of {{project-name}}\n",
            1,
        )
    });
    let both = format!(
        "{{%- if example -%}}\n{}\n{{%- else -%}}\n{}\n{{%- endif %}}\n",
        table.trim_end(),
        none.trim_end()
    );
    let template = paths::template();
    fs::create_dir_all(template.join("docs"))?;
    fs::write(template.join("docs/metrics.md"), both)?;
    let file = "observability/dashboards/{{project-name}}.json";
    fs::write(template.join(file), liquid(dashboard)?)?;
    Ok(())
}

/// The dashboard as a Liquid template.
///
/// The name of the service is a placeholder.
fn liquid(dashboard: &str) -> anyhow::Result<String> {
    let mut text = dashboard.trim_end().to_owned();
    for (found, placeholder) in [
        (
            "\"title\": \"Metrics of example\"",
            "\"title\": \"Metrics of {{project-name}}\"",
        ),
        ("\"uid\": \"example\"", "\"uid\": \"{{dashboard_uid}}\""),
    ] {
        ensure!(
            text.matches(found).count() == 1,
            "the dashboard does not have {found} once"
        );
        let raw = format!("{{% endraw %}}{placeholder}{{% raw %}}");
        text = text.replacen(found, &raw, 1);
    }
    Ok(format!("{{% raw %}}{text}\n{{% endraw %}}"))
}

/// Checks that the template and the library shorten a long name to the same uid.
fn long_names(folder: &Path) -> anyhow::Result<()> {
    let name = "orders-of-the-northern-warehouse-for-retail";
    let service = Service {
        name,
        destination: folder,
        answers: Answers::least().with("example", "true"),
        extra: &generate::throwaway(),
    };
    command::run_quietly(&mut service.command()?)?;
    let file = format!("{name}/observability/dashboards/{name}.json");
    let file = fs::read_to_string(folder.join(file))?;
    let metric = DeclaredMetric::gauge("orders", "Orders.");
    let expected = MetricDocument::dashboard(name, &[metric])?;
    let expected = expected.context("there is no dashboard")?;
    let [found, expected] = [&*file, expected.text()].map(|text| {
        let dashboard: Value = serde_json::from_str(text)?;
        anyhow::Ok(dashboard["uid"].clone())
    });
    let (found, expected) = (found?, expected?);
    ensure!(found == expected, "found {found}, expected {expected}");
    Ok(())
}

fn changes_are_found(source: &Path) -> anyhow::Result<()> {
    let file = source.join("src/metrics.rs");
    let before = fs::read_to_string(&file)?;
    edit::apply(
        &CHANGES,
        source,
        "xtask/e2e/src/template/changed_metrics.rs",
    )?;
    let result = command::run_quietly(&mut service::shell(source, TEST));
    fs::write(&file, before)?;
    let Err(error) = result else {
        bail!("the tests pass")
    };
    let output = format!("{error:#}");
    for needed in MESSAGES {
        ensure!(output.contains(needed), "no {needed:?} in:\n{output}");
    }
    Ok(())
}
