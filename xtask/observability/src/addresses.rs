//! Where Grafana and the runbooks are: what a generated service, or a copy for any other, is told.

use std::{path::PathBuf, sync::LazyLock};

use clap::Args;

/// Where Grafana is in files that were not told.
pub const GRAFANA: &str = "https://grafana.example.com";

/// Where the runbooks are in files that were not told: in the repository, at the tag of this version, so that a page stays
/// where its alert leads to. A version that is not released has no tag; its pages are on `main`.
pub static RUNBOOKS: LazyLock<String> = LazyLock::new(|| {
    let version = env!("CARGO_PKG_VERSION");
    let reference = reference(include_str!("../../../CHANGELOG.md"), version);
    let repository = env!("CARGO_PKG_REPOSITORY");
    format!("{repository}/blob/{reference}/docs/runbooks")
});

fn reference(changelog: &str, version: &str) -> String {
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

/// A copy of generated files, for a service that was not made from the template.
#[derive(Debug, Args)]
pub struct CopyArgs {
    /// Write a copy to this folder instead, for a service that was not made from the template.
    #[arg(long, value_name = "DIR", conflicts_with = "check")]
    pub(super) destination: Option<PathBuf>,
    #[command(flatten)]
    addresses: Addresses,
}

impl CopyArgs {
    /// The text with the addresses that were told.
    pub(super) fn addressed(&self, text: &str) -> String {
        let Addresses { grafana, runbooks } = &self.addresses;
        let mut text = text.to_owned();
        for (default, told) in [(GRAFANA, grafana), (&RUNBOOKS, runbooks)] {
            if let Some(told) = told {
                text = text.replace(default, told);
            }
        }
        text
    }
}

/// What the template asks for as well.
#[derive(Debug, Clone, Default, Args)]
pub struct Addresses {
    /// Where your Grafana is, such as `https://grafana.your.company`: what alerts link to.
    #[arg(long, value_name = "URL", value_parser = address)]
    pub grafana: Option<String>,
    /// Where your copy of the runbooks is, such as `https://wiki.your.company/runbooks`: what alerts and panels link to.
    #[arg(long, value_name = "URL", value_parser = address)]
    pub runbooks: Option<String>,
}

/// The address without a slash at its end. It goes into YAML, JSON and a template of Prometheus', so it has no character that
/// means something there; the template's `hooks/addresses.rhai` says the same.
fn address(text: &str) -> Result<String, String> {
    let rest = ["https://", "http://"]
        .into_iter()
        .find_map(|scheme| text.strip_prefix(scheme));
    let fits = |c: char| c.is_ascii_alphanumeric() || "-._~:/?@&=+,%".contains(c);
    match rest.map(|rest| rest.trim_end_matches('/')) {
        Some(rest) if !rest.is_empty() && rest.chars().all(fits) => {
            Ok(text.trim_end_matches('/').to_owned())
        }
        _ => Err("expected an address such as https://grafana.your.company".to_owned()),
    }
}

/// A file of a generated service, for cargo-generate: with its answers as addresses, and all else as it is, because Liquid would
/// take the braces of Prometheus and Grafana for its own.
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
    fn only_released_versions_have_a_tag() {
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
    fn the_template_has_the_same_default() {
        let template = include_str!("../../../template/cargo-generate.toml");
        let default = format!("default = \"{}\"", *RUNBOOKS);
        assert!(template.contains(&default), "no {default}");
    }

    #[test]
    fn addresses_are_checked() {
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
        ] {
            assert!(address(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_template_keeps_braces() {
        let runbooks = RUNBOOKS.as_str();
        assert_eq!(
            liquid(&format!("{{{{ $labels.job }}}} {runbooks}/A.md")),
            "{% raw %}{{ $labels.job }} {% endraw %}{{runbooks}}{% raw %}/A.md{% endraw %}"
        );
    }
}
