//! Variables that are set and not read: misspelled names, and values that are no UTF-8.

use std::ffi::OsString;

use super::env::VARIABLES;

const PREFIX: &str = "FIRSTLIGHT_";

/// Read in small letters, too.
const PROXIES: [&str; 2] = ["ALL_PROXY", "all_proxy"];

/// A sentence each. Values are not shown: they may be secrets.
pub(super) fn warnings(variables: impl Iterator<Item = (OsString, OsString)>) -> Vec<String> {
    let warnings = variables.filter_map(|(name, value)| {
        let name = name.to_str()?;
        if is_known(name) {
            let is_text = value.to_str().is_some();
            return (!is_text).then(|| {
                format!("{name}: found bytes that are no UTF-8, expected text; using the default")
            });
        }
        let is_ours = name.to_ascii_uppercase().starts_with(PREFIX) && !is_of_kubernetes(name);
        let nearest = nearest(name).filter(|_| is_ours)?;
        Some(format!(
            "{name} is set, and this version of firstlight has no such variable; the nearest is {nearest}"
        ))
    });
    let mut warnings: Vec<String> = warnings.collect();
    warnings.sort();
    warnings
}

fn is_known(name: &str) -> bool {
    let is_same = |known: &str| {
        // Windows does not tell them apart, and proxies are set in both.
        let any_case = cfg!(windows) || known.ends_with("_PROXY");
        known == name || any_case && known.eq_ignore_ascii_case(name)
    };
    PROXIES.contains(&name) || VARIABLES.iter().any(|variable| is_same(variable.name))
}

/// What Kubernetes sets in each container for a service that is called `firstlight`, or whose name begins so.
fn is_of_kubernetes(name: &str) -> bool {
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name.ends_with("_PORT")
        || name
            .split_once("_PORT_")
            .is_some_and(|(_, rest)| rest.starts_with(|first: char| first.is_ascii_digit()))
}

/// The variable whose name is the least number of typing errors away.
fn nearest(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_uppercase();
    let names = VARIABLES.iter().map(|variable| variable.name);
    let ours = names.filter_map(|known| Some((known.strip_prefix(PREFIX)?, known)));
    let typed = name.strip_prefix(PREFIX)?;
    ours.min_by_key(|(rest, _)| distance(typed, rest))
        .map(|(_, known)| known)
}

/// How many letters must be added, removed or replaced (Levenshtein).
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (line, typed) in from.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], line + 1);
        for (column, meant) in to.bytes().enumerate() {
            let replaced = diagonal + usize::from(typed != meant);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(names: &[&str]) -> Vec<String> {
        warnings(names.iter().map(|name| (name.into(), "x".into())))
    }

    #[test]
    fn misspelled_names_are_said() {
        for (name, meant) in [
            ("FIRSTLIGHT_LOG_FROMAT", "FIRSTLIGHT_LOG_FORMAT"),
            ("FIRSTLIGHT_LOGFORMAT", "FIRSTLIGHT_LOG_FORMAT"),
            ("firstlight_redact", "FIRSTLIGHT_REDACT"),
            ("FIRSTLIGHT_DRAIN_TIME_OUT", "FIRSTLIGHT_DRAIN_TIMEOUT"),
            ("FIRSTLIGHT_ADMIN_TOKENS", "FIRSTLIGHT_ADMIN_TOKEN"),
        ] {
            let said = of(&[name]);
            assert_eq!(said.len(), 1, "{name}: {said:?}");
            assert!(said[0].starts_with(&format!("{name} is set")), "{said:?}");
            assert!(said[0].ends_with(&format!(" {meant}")), "{said:?}");
        }
        assert_eq!(of(&["FIRSTLIGHT_"]).len(), 1);
    }

    #[test]
    fn other_variables_are_left_alone() {
        let said = of(&[
            "PATH",
            "FIRSTLIGHT_LOG_FORMAT",
            "http_proxy",
            "OTEL_LOG_LEVEL",
            "FIRSTLIGHT_PORT",
            "FIRSTLIGHT_SERVICE_HOST",
            "FIRSTLIGHT_SERVICE_PORT_HTTP",
            "FIRSTLIGHT_DEMO_PORT_9464_TCP_ADDR",
        ]);
        assert_eq!(said, [""; 0]);
    }

    #[cfg(unix)]
    #[test]
    fn values_that_are_no_text_are_said() {
        use std::os::unix::ffi::OsStringExt;

        let value = || OsString::from_vec(b"hunter2\xff".to_vec());
        for name in ["OTEL_SERVICE_NAME", "http_proxy", "FIRSTLIGHT_ADMIN_TOKEN"] {
            let said = warnings([(name.into(), value())].into_iter());
            assert_eq!(
                said,
                [format!(
                    "{name}: found bytes that are no UTF-8, expected text; using the default"
                )]
            );
        }
        let foreign = [("LANG".into(), value()), (value(), value())];
        assert_eq!(warnings(foreign.into_iter()), [""; 0]);
    }
}
