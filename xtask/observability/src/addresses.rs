//! Addresses of Grafana and of the runbooks in generated files.
//!
//! The default for Grafana is a placeholder, and the default for the runbooks is their folder in
//! this repository. A generated service has its own addresses instead, and so does a copy for a
//! service without the template.

use std::{path::PathBuf, sync::LazyLock};

use clap::Args;

/// The default Grafana address.
pub const GRAFANA: &str = "https://grafana.example.com";

/// The default address of the runbooks, in this repository.
///
/// A released version links to its own tag, so that the runbook still matches the alert after later changes. An
/// unreleased version has no tag and links to `main`.
pub static RUNBOOKS: LazyLock<String> = LazyLock::new(|| {
    let version = env!("CARGO_PKG_VERSION");
    let reference = reference(include_str!("../../../CHANGELOG.md"), version);
    let repository = env!("CARGO_PKG_REPOSITORY");
    format!("{repository}/blob/{reference}/docs/runbooks")
});

/// The address of the runbook of this alert.
pub(crate) fn runbook(alert: &str) -> String {
    format!("{}/{alert}.md", *RUNBOOKS)
}

/// The Git reference of `version`: the tag of a release, and otherwise `main`.
fn reference(changelog: &str, version: &str) -> String {
    // The space after the version keeps `0.1.0` from matching `0.1.0-rc.1`. A heading may end with the version.
    let heading = format!("## {version} ");
    let released = changelog.lines().map(|line| format!("{line} "));
    let released = released
        .filter(|line| line.starts_with(&heading))
        .any(|line| !line.contains("unreleased"));
    if released {
        format!("v{version}")
    } else {
        "main".to_owned()
    }
}

/// Arguments that write a copy of the generated files to another folder.
#[derive(Debug, Args)]
pub struct CopyArgs {
    /// Write a copy to this folder, for a service without the template.
    #[arg(long, value_name = "DIR", conflicts_with = "check")]
    pub(super) destination: Option<PathBuf>,
    #[command(flatten)]
    pub(super) addresses: Addresses,
}

/// The addresses in generated files, which the template prompts for as well.
#[derive(Debug, Clone, Default, Args)]
pub struct Addresses {
    /// Your Grafana, such as `https://grafana.your.company`.
    ///
    /// Alerts link to it.
    #[arg(long, value_name = "URL", value_parser = address, requires = "destination")]
    pub grafana: Option<String>,
    /// Your copy of the runbooks, such as `https://wiki.your.company/runbooks`.
    ///
    /// Alerts and panels link to it.
    #[arg(long, value_name = "URL", value_parser = address, requires = "destination")]
    pub runbooks: Option<String>,
}

impl Addresses {
    /// Replaces the default addresses in `text` with these.
    pub(super) fn with_addresses(&self, text: &str) -> String {
        let Self { grafana, runbooks } = self;
        let mut text = text.to_owned();
        for (default, address) in [(GRAFANA, grafana), (&RUNBOOKS, runbooks)] {
            if let Some(address) = address {
                text = text.replace(default, address);
            }
        }
        text
    }

    /// What to do if an earlier copy has links of its own.
    ///
    /// `None` if the new copy does not replace them by default ones.
    /// `text` is the new content, with the default addresses.
    pub(super) fn lost(&self, earlier: &str, text: &str) -> Option<String> {
        let Self { grafana, runbooks } = self;
        let given = [
            ("--grafana", GRAFANA, grafana),
            ("--runbooks", &RUNBOOKS, runbooks),
        ];
        let (option, default, _) = given.into_iter().find(|(_, default, address)| {
            address.is_none() && text.contains(default) && !earlier.contains(default)
        })?;
        Some(format!(
            "give {option} URL again, or {option} {default} for the default"
        ))
    }
}

/// Parses an HTTP(S) address and removes a trailing slash.
///
/// The address is inserted into YAML, JSON and Prometheus templates, so characters with a meaning there are rejected.
/// Paths are added to its end, so it has no query.
/// The template's `hooks/addresses.rhai` has the same rule.
fn address(text: &str) -> Result<String, String> {
    let rest = ["https://", "http://"]
        .into_iter()
        .find_map(|scheme| text.strip_prefix(scheme));
    let fits = |c: char| c.is_ascii_alphanumeric() || "-._~:/@+,%".contains(c);
    match rest.map(|rest| rest.trim_end_matches('/')) {
        Some(rest) if !rest.is_empty() && rest.chars().all(fits) => {
            Ok(text.trim_end_matches('/').to_owned())
        }
        _ => Err("expected an address such as https://grafana.your.company".to_owned()),
    }
}

/// Converts a generated file to a Liquid template for cargo-generate.
///
/// The addresses become placeholders. All other text is raw, because Liquid would interpret the braces of Prometheus and
/// Grafana templates.
pub(super) fn liquid(text: &str) -> String {
    let text = text
        .replace(GRAFANA, "{% endraw %}{{grafana}}{% raw %}")
        .replace(RUNBOOKS.as_str(), "{% endraw %}{{runbooks}}{% raw %}");
    format!("{{% raw %}}{text}{{% endraw %}}")
}

#[cfg(test)]
mod tests {
    use super::{RUNBOOKS, address, liquid, reference};

    #[test]
    fn only_released_versions_link_to_a_tag() {
        for (changelog, expected) in [
            ("## 0.1.0 (unreleased)\n", "main"),
            ("## 0.1.0 (2026-12-01)\n\n- **added:**", "v0.1.0"),
            ("## 0.1.0\n", "v0.1.0"),
            ("## 0.1.0-rc.1 (2026-12-01)\n", "main"),
        ] {
            assert_eq!(reference(changelog, "0.1.0"), expected, "{changelog}");
        }
    }

    #[test]
    fn template_has_the_same_default() {
        let template = include_str!("../../../template/cargo-generate.toml");
        let default = format!("default = \"{}\"", *RUNBOOKS);
        assert!(template.contains(&default), "no {default}");
    }

    #[test]
    fn invalid_addresses_are_rejected() {
        for (text, expected) in [
            (
                "https://wiki.example.org/runbooks/",
                "https://wiki.example.org/runbooks",
            ),
            ("http://localhost:3000", "http://localhost:3000"),
        ] {
            assert_eq!(address(text).as_deref(), Ok(expected));
        }
        for text in [
            "",
            "grafana.example.org",
            "https://",
            "https:///",
            "ftp://a",
            "https://a b",
            "https://a/{{b}}",
            "https://a\"",
            "https://a#b",
            "https://a?orgId=2",
        ] {
            assert!(address(text).is_err(), "{text}");
        }
    }

    #[test]
    fn liquid_keeps_braces_raw() {
        let runbooks = RUNBOOKS.as_str();
        assert_eq!(
            liquid(&format!("{{{{ $labels.job }}}} {runbooks}/A.md")),
            "{% raw %}{{ $labels.job }} {% endraw %}{{runbooks}}{% raw %}/A.md{% endraw %}"
        );
    }
}
