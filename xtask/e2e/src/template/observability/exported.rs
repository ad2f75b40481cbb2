//! The test of a generated service that panels and rules name existing metrics.

use std::{fs, path::Path, process::Command};

use anyhow::{bail, ensure};
use support::{Cases, command};

use super::super::combinations::Generated;
use crate::{generate::Answers, service};

pub(super) fn cases(cases: &mut Cases, generated: &Generated) {
    for (deploy, mistakes) in [("compose", &COMPOSE[..]), ("kubernetes", &KUBERNETES)] {
        let source = generated.deployed(deploy);
        let passed = cases.check(&format!("{deploy}: tests/observability.rs passes"), || {
            let test = source.join("tests/observability.rs");
            // Cargo would take the test of another service with this name, which has the same target folder, for fresh.
            fs::write(&test, fs::read(&test)?)?;
            // Its list of metrics depends on the example.
            let example = Answers::least().with("example", "true");
            let example = generated.folder(&example.with("deploy", deploy));
            let mut format = Command::new("rustfmt");
            format.args(["--check", "--edition=2024"]).arg(test);
            command::run_quietly(format.arg(example.join("tests/observability.rs")))?;
            run(&source).map(drop)
        });
        for mistake in passed.then_some(mistakes).into_iter().flatten() {
            cases.check(&format!("{deploy}: finds {}", mistake.what), || {
                found(&source, mistake)
            });
        }
    }
}

/// A metric that does not exist, in a file of a generated service.
struct Mistake {
    what: &'static str,
    file: &'static str,
    /// A text of the file, and its replacement.
    ///
    /// A file that does not exist has no text.
    edit: (&'static str, &'static str),
    /// What the test has to say besides the name of the file.
    says: &'static [&'static str],
}

const COMPOSE: [Mistake; 3] = [
    Mistake {
        what: "rules that Prometheus does not load",
        file: "observability/more.yml",
        edit: (
            "",
            "groups:\n  - name: more\n    rules:\n      - record: slo:availability:declared_objective_ratio\n        expr: vector(1)\n",
        ),
        says: &["deploy/compose/prometheus.yml does not list service/more.yml"],
    },
    Mistake {
        what: "a renamed metric in a panel",
        file: "deploy/compose/platform/dashboards/runtime.json",
        edit: (
            "process_resident_memory_bytes",
            "process_memory_resident_bytes",
        ),
        says: &[
            "panel \"",
            "process_memory_resident_bytes; did you mean process_resident_memory_bytes?",
        ],
    },
    Mistake {
        what: "a renamed metric in a shared rule",
        file: "deploy/compose/platform/alerts/firstlight.rules.yml",
        edit: ("process_open_fds", "process_open_files"),
        says: &[
            "alert ProcessOpenFilesNearLimit",
            "process_open_files; did you mean process_open_fds?",
        ],
    },
];

const KUBERNETES: [Mistake; 5] = [
    Mistake {
        what: "a dashboard that is not applied",
        file: "observability/dashboards/own.json",
        edit: ("", r#"{"panels": []}"#),
        says: &["observability/dashboards/own.json: this dashboard is not applied"],
    },
    Mistake {
        what: "rules that are not applied",
        file: "observability/more.yaml",
        edit: (
            "",
            "spec:\n  groups:\n    - name: more\n      rules:\n        - alert: Up\n          expr: up > 0\n",
        ),
        says: &["observability/kustomization.yaml does not list more.yaml"],
    },
    Mistake {
        what: "an unknown metric in an own rule",
        file: "observability/rules.yaml",
        edit: (
            "rules: []",
            "rules: [{alert: Slow, expr: 'http_server_request_seconds_sum > 9'}]",
        ),
        says: &["alert Slow", "http_server_request_seconds_sum"],
    },
    Mistake {
        what: "a histogram without its part in an own rule",
        file: "observability/rules.yaml",
        edit: (
            "rules: []",
            "rules: [{alert: Slow, expr: 'http_server_request_duration_seconds > 9'}]",
        ),
        says: &["alert Slow", "http_server_request_duration_seconds"],
    },
    Mistake {
        what: "an unknown metric in an own panel",
        file: "observability/dashboards/own.json",
        edit: (
            "",
            r#"{"panels": [{"title": "Mine", "targets": [{"expr": "rate(mine_total[5m])"}]}]}"#,
        ),
        says: &[
            "panel \"Mine\"",
            "nothing exports or records mine_total",
            "rate(mine_total[5m])",
        ],
    },
];

/// Runs the test, which reads the files when it runs, so that it is built once.
fn run(source: &Path) -> anyhow::Result<String> {
    command::run_quietly(&mut service::shell(
        source,
        "cargo test --quiet --test observability",
    ))
}

fn found(source: &Path, mistake: &Mistake) -> anyhow::Result<()> {
    let file = source.join(mistake.file);
    let before = fs::read_to_string(&file).ok();
    let (text, replacement) = mistake.edit;
    let after = match &before {
        Some(before) => {
            ensure!(before.contains(text), "{} has no {text:?}", mistake.file);
            before.replace(text, replacement)
        }
        None => replacement.to_owned(),
    };
    fs::write(&file, after)?;
    let result = run(source);
    match before {
        Some(before) => fs::write(&file, before)?,
        None => fs::remove_file(&file)?,
    }
    let Err(error) = result else {
        bail!("the test passes");
    };
    let output = format!("{error:#}");
    for needed in mistake.says.iter().chain([&mistake.file]) {
        ensure!(output.contains(needed), "no {needed:?} in:\n{output}");
    }
    Ok(())
}
