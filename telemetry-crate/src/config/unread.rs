//! Warnings about variables that are set and not read.
//!
//! Such a variable has a misspelled name, or a value that is not UTF-8.

use std::ffi::OsString;

use super::env::{VARIABLES, instead};

const PREFIX: &str = "FIRSTLIGHT_";

/// Largest edit distance between an unknown name and a suggested name.
const MAX_DISTANCE: usize = 2;

/// Proxy variables that are read and have no entry in [`VARIABLES`].
const PROXIES: [&str; 2] = ["ALL_PROXY", "all_proxy"];

/// Returns one warning per variable that is set and not read.
///
/// A warning does not contain the variable's value, which may be a secret.
pub(crate) fn warnings(variables: impl Iterator<Item = (OsString, OsString)>) -> Vec<String> {
    let warnings = variables.filter_map(|(name, value)| {
        let name = name.to_str()?;
        if is_known(name) {
            let is_text = value.to_str().is_some();
            return (!is_text).then(|| {
                format!(
                    "{name}: found bytes that are not UTF-8, expected text; {}",
                    instead(name)
                )
            });
        }
        let is_ours = name.to_ascii_uppercase().starts_with(PREFIX) && !is_of_kubernetes(name);
        if !is_ours {
            return None;
        }
        let hint =
            nearest(name).map_or_else(String::new, |near| format!("; the nearest is {near}"));
        Some(format!(
            "{name} is set, and this version of firstlight has no such variable{hint}"
        ))
    });
    let mut warnings: Vec<String> = warnings.collect();
    warnings.sort();
    warnings
}

fn is_known(name: &str) -> bool {
    let is_same = |known: &str| {
        // Names on Windows are case-insensitive, and proxy variables are common in both cases.
        let any_case = cfg!(windows) || known.ends_with("_PROXY");
        known == name || any_case && known.eq_ignore_ascii_case(name)
    };
    PROXIES.contains(&name) || VARIABLES.iter().any(|variable| is_same(variable.name))
}

/// Whether Kubernetes set the variable.
///
/// Kubernetes sets such variables in each container for a service whose name begins with `firstlight`.
fn is_of_kubernetes(name: &str) -> bool {
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name.ends_with("_PORT")
        || name
            .split_once("_PORT_")
            .is_some_and(|(_, rest)| rest.starts_with(|first: char| first.is_ascii_digit()))
}

/// The nearest `FIRSTLIGHT_` variable.
///
/// `None` if the edit distance to each is above [`MAX_DISTANCE`].
fn nearest(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_uppercase();
    let names = VARIABLES.iter().map(|variable| variable.name);
    let own = names.filter_map(|known| Some((known.strip_prefix(PREFIX)?, known)));
    let typed = name.strip_prefix(PREFIX)?;
    own.map(|(rest, known)| (strsim::levenshtein(typed, rest), known))
        .min()
        .filter(|(distance, _)| *distance <= MAX_DISTANCE)
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warnings_of(names: &[&str]) -> Vec<String> {
        warnings(names.iter().map(|name| (name.into(), "x".into())))
    }

    #[test]
    fn misspelled_names_are_reported() {
        for (name, meant) in [
            ("FIRSTLIGHT_LOG_FROMAT", "FIRSTLIGHT_LOG_FORMAT"),
            ("FIRSTLIGHT_LOGFORMAT", "FIRSTLIGHT_LOG_FORMAT"),
            ("firstlight_redact", "FIRSTLIGHT_REDACT"),
            ("FIRSTLIGHT_DRAIN_TIME_OUT", "FIRSTLIGHT_DRAIN_TIMEOUT"),
            ("FIRSTLIGHT_ADMIN_TOKENS", "FIRSTLIGHT_ADMIN_TOKEN"),
        ] {
            let found = warnings_of(&[name]);
            assert_eq!(found.len(), 1, "{name}: {found:?}");
            assert!(found[0].starts_with(&format!("{name} is set")), "{found:?}");
            assert!(found[0].ends_with(&format!(" {meant}")), "{found:?}");
        }
        // No name is near.
        assert_eq!(
            warnings_of(&["FIRSTLIGHT_COLOR"]),
            ["FIRSTLIGHT_COLOR is set, and this version of firstlight has no such variable"]
        );
        assert_eq!(warnings_of(&["FIRSTLIGHT_"]).len(), 1);
    }

    #[test]
    fn other_variables_are_ignored() {
        let found = warnings_of(&[
            "PATH",
            "FIRSTLIGHT_LOG_FORMAT",
            "http_proxy",
            "OTEL_LOG_LEVEL",
            "FIRSTLIGHT_PORT",
            "FIRSTLIGHT_SERVICE_HOST",
            "FIRSTLIGHT_SERVICE_PORT_HTTP",
            "FIRSTLIGHT_DEMO_PORT_9464_TCP_ADDR",
        ]);
        assert_eq!(found, [""; 0]);
    }

    #[cfg(unix)]
    #[test]
    fn values_that_are_not_utf8_are_reported() {
        use std::os::unix::ffi::OsStringExt;

        let value = || OsString::from_vec(b"hunter2\xff".to_vec());
        for (name, end) in [
            ("OTEL_BSP_SCHEDULE_DELAY", ", and the default is `5000` ms"),
            ("http_proxy", ""),
            ("FIRSTLIGHT_ADMIN_TOKEN", ", which is the default"),
        ] {
            let found = warnings([(name.into(), value())].into_iter());
            assert_eq!(
                found,
                [format!(
                    "{name}: found bytes that are not UTF-8, expected text; it counts as unset{end}"
                )]
            );
        }
        let foreign = [("LANG".into(), value()), (value(), value())];
        assert_eq!(warnings(foreign.into_iter()), [""; 0]);
    }
}
