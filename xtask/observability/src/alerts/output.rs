//! The generated files and their headers.
//!
//! The header of a file says whether users may edit it. `docs/alerts` has all files. `template/observability/alerts` has
//! those that run beside every generated service.

use std::path::PathBuf;

use support::paths;

use super::{alert_test, operator, routes, timing::Timing};
use crate::folder::Folder;

const DOCS: &str = "docs/alerts";
const TEMPLATE: &str = "template/observability/alerts";

/// The folder of all files, which readers copy from.
pub(super) fn folder() -> PathBuf {
    paths::root().join(DOCS)
}

/// Both folders, with their files.
pub(super) fn folders() -> [Folder; 2] {
    let files =
        |generated: Vec<Generated>| generated.into_iter().map(|file| (file.path, file.text));
    [
        Folder::new(DOCS, "alerts", files(all())).handwritten(&["README.md"]),
        Folder::new(TEMPLATE, "alerts", files(of_a_service())).liquid(),
    ]
}

/// A generated file.
#[derive(Debug)]
pub(super) struct Generated {
    /// The path below [`folder`].
    pub(super) path: String,
    pub(super) text: String,
}

/// All files of `docs/alerts`.
pub(super) fn all() -> Vec<Generated> {
    let file = |path: &str, text: String| Generated {
        path: path.to_owned(),
        text,
    };
    let mut files = vec![
        file("objectives.yml", super::objectives(Timing::Production)),
        file("firstlight.rules.yml", super::rules(Timing::Production)),
        file(
            "alertmanager.yml",
            routes::config(Timing::Production, &routes::EXAMPLE),
        ),
        file("prometheusrule.yaml", operator::rules()),
    ];
    let alerts = super::alerts();
    for (name, alert_tests) in super::alert_tests() {
        let tests: Vec<_> = alert_tests
            .iter()
            .map(|test| {
                let same: Vec<_> = alerts
                    .iter()
                    .filter(|alert| alert.name == test.alert())
                    .collect();
                test.to_yaml(&same)
            })
            .collect();
        files.push(file(
            &format!("tests/{name}.yml"),
            HEAD.to_owned()
                + &alert_test::file(&tests, if name == "traffic" { "5m" } else { "30s" }),
        ));
    }
    let without_data = alert_test::without_data(&super::names(), super::ALWAYS);
    files.push(file(
        "tests/nothing.yml",
        HEAD.to_owned() + &alert_test::file(&[without_data], "30s"),
    ));
    files
}

/// The files of a generated service.
///
/// `deploy/compose` mounts them, and `deploy/kubernetes` applies them.
fn of_a_service() -> Vec<Generated> {
    let file = |path: &str, text: &str| {
        let body = text.strip_prefix(HEAD).unwrap_or(text);
        let body = body.strip_prefix(HEAD_OF_EXAMPLE).unwrap_or(body);
        Generated {
            path: path.to_owned(),
            text: HEAD_OF_SERVICE.to_owned() + body,
        }
    };
    let rules = super::rules(Timing::Production);
    vec![
        file("objectives.yml", &super::objectives(Timing::Production)),
        file("firstlight.rules.yml", &rules),
        file("alertmanager.yml", &routes::silent()),
        file("prometheusrule.yaml", &operator::rules()),
    ]
}

/// The header of a file that must not be edited.
pub(super) const HEAD: &str = "# Written by `cargo xtask alerts`. Change its source in xtask/observability/src/alerts instead.\n\n";
/// The header of a file that users edit after they have copied it.
pub(super) const HEAD_OF_EXAMPLE: &str =
    "# Written by `cargo xtask alerts`, and yours to change once it is copied.\n\n";
/// The header of a file in a generated service, which owns it from then on.
const HEAD_OF_SERVICE: &str =
    "# Generated with the service, by firstlight's template, and yours from there on.\n\n";
