//! Checks of the settings with variables of any environment.

use std::collections::BTreeMap;

use super::{Settings, TelemetryConfig, VARIABLES};

/// The longest message in bytes, whatever the values.
const MAX_MESSAGE: usize = 4 * 1024;

/// A part of every secret.
const SECRET: &str = "hunter2";

/// Variables whose values are secrets.
const SECRETS: [&str; 5] = [
    "FIRSTLIGHT_ADMIN_TOKEN",
    "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
    "OTEL_EXPORTER_OTLP_METRICS_HEADERS",
    "OTEL_EXPORTER_OTLP_LOGS_HEADERS",
];

/// Reads lines of `NAME=value` as the environment.
///
/// # Panics
///
/// If a message has a secret or a control character, or is longer than [`MAX_MESSAGE`].
pub(crate) fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut variables = BTreeMap::new();
    for line in text.split('\n').take(100) {
        let Some((name, value)) = line.split_once('=') else {
            continue;
        };
        // A fuzzer finds the word, which is then no secret.
        if value.contains(SECRET) {
            continue;
        }
        let known = VARIABLES.iter().find(|known| known.name == name);
        let known = known.unwrap_or(&VARIABLES[name.len() % VARIABLES.len()]);
        let mut value = value.to_owned();
        if SECRETS.contains(&known.name) {
            value += &format!(",x={SECRET}");
        }
        variables.insert(
            known.name,
            value.replace("://", &format!("://ada:{SECRET}@")),
        );
    }
    let messages = messages(&variables);
    for message in &messages {
        assert!(!message.contains(SECRET), "{message:?} of {variables:?}");
        assert!(
            !message.contains(char::is_control),
            "{message:?} of {variables:?}"
        );
        assert!(message.len() <= MAX_MESSAGE, "{message:?}");
    }
    assert!(messages.len() <= 4 * VARIABLES.len());
    assert_eq!(self::messages(&variables), messages, "the second time");
}

/// The warnings or the error.
fn messages(variables: &BTreeMap<&str, String>) -> Vec<String> {
    let lookup = |name: &str| variables.get(name).cloned();
    match Settings::resolve(TelemetryConfig::new(), &lookup) {
        Ok(settings) => settings.warnings,
        Err(error) => vec![error.to_string()],
    }
}
