//! Everything that is generated: which file holds what, and how one sees that it is not to be edited.

use std::path::PathBuf;

use super::{alertmanager, drill, operator, timing::Timing};
use crate::paths;

/// Where the files are.
pub(super) fn folder() -> PathBuf {
    paths::root().join("docs/alerts")
}

/// A file that this generator writes.
#[derive(Debug)]
pub(super) struct Generated {
    /// Below [`folder`].
    pub(super) path: String,
    pub(super) text: String,
}

/// All of them.
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
            alertmanager::config(Timing::Production, &alertmanager::EXAMPLE),
        ),
        file("prometheusrule.yaml", operator::rules()),
    ];
    let alerts = super::alerts();
    for (name, drills) in super::drills() {
        let tests: Vec<_> = drills
            .iter()
            .map(|drill| {
                let same: Vec<_> = alerts
                    .iter()
                    .filter(|alert| alert.name == drill.alert())
                    .collect();
                drill.to_yaml(&same)
            })
            .collect();
        files.push(file(
            &format!("tests/{name}.yml"),
            HEAD.to_owned() + &drill::file(&tests),
        ));
    }
    let silence = drill::silence(&super::names(), super::ALWAYS);
    files.push(file(
        "tests/nothing.yml",
        HEAD.to_owned() + &drill::file(&[silence]),
    ));
    files
}

/// The first lines of a file that is to be used as it is.
pub(super) const HEAD: &str = "# Written by `cargo xtask alerts`. Change its source in xtask/src/observability/alerts instead.\n\n";
/// The first lines of a file that is to be changed by those who copy it.
pub(super) const HEAD_OF_EXAMPLE: &str =
    "# Written by `cargo xtask alerts`, and yours to change once it is copied.\n\n";
