//! Records of the `log` crate with ordinary and hostile key-values.

use std::{fmt, process::ExitCode};

use tracing::info_span;

use super::{Endless, Panics, end, messages, named, start, with_message};
use crate::support::scenario::Scenario;

pub(crate) fn run_key_values() -> ExitCode {
    let (telemetry, receiver) = start();
    info_span!("records", user = "of the span", tenant = "a").in_scope(|| {
        log::warn!(
            target: "a_library",
            user = "bob", attempt = 3, most = u64::MAX, ratio = 0.5, paid = true, letter = 'x',
            shown:? = Some(1), nothing = None::<u8>, api_key = "hunter2",
            level = "forged", message = "a field's", user = "carol";
            "a record of {}", "a library"
        );
        log::warn!("another record");
    });
    let spans = end(telemetry, &receiver, 1);
    let events = &named(&spans, "records").events;
    assert_eq!(events[0].attributes["attempt"], "3");
    assert_eq!(events[0].attributes["api_key"], "***");
    assert!(!events[1].attributes.contains_key("attempt"));

    let logs = receiver.logs();
    let record = logs.iter().find(|log| log.body == "a record of a library");
    let attributes = &record.unwrap().attributes;
    for (name, value) in [
        ("user", "carol"),
        ("attempt", "3"),
        ("api_key", "***"),
        ("field.level", "forged"),
    ] {
        assert_eq!(attributes[name], value, "{attributes:?}");
    }
    ExitCode::SUCCESS
}

pub(crate) fn key_values() {
    let mut scenario = Scenario::start("key_values", &[("OTEL_LOGS_EXPORTER", "otlp")]);
    let lines = scenario.rest();
    let (code, stderr) = scenario.end();
    assert_eq!(code, Some(0), "{stderr}\n{}", lines.join("\n"));
    let lines: Vec<serde_json::Value> = lines
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let line = with_message(&lines, "a record of a library");
    for (name, value) in [
        ("target", serde_json::Value::from("a_library")),
        ("level", "WARN".into()),
        ("user", "carol".into()),
        ("tenant", "a".into()),
        ("attempt", 3.into()),
        ("most", u64::MAX.into()),
        ("ratio", 0.5.into()),
        ("paid", true.into()),
        ("letter", "x".into()),
        ("shown", "Some(1)".into()),
        ("api_key", "***".into()),
        ("field.level", "forged".into()),
        ("field.message", "a field's".into()),
    ] {
        assert_eq!(line[name], value, "{name} of {line}");
    }
    assert_eq!(line.get("nothing"), None, "{line}");
    let line = with_message(&lines, "another record");
    assert_eq!(line["user"], "of the span");
    assert_eq!(line.get("attempt"), None, "{line}");
}

/// A value that logs a record when it is printed.
struct Records;

impl fmt::Debug for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        log::info!(inner = 1; "inside of a record");
        f.write_str("it logs")
    }
}

impl fmt::Display for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// An endless source of key-values.
struct Everything;

impl log::kv::Source for Everything {
    fn visit<'kvs>(
        &'kvs self,
        visitor: &mut dyn log::kv::VisitSource<'kvs>,
    ) -> Result<(), log::kv::Error> {
        loop {
            for name in NAMES {
                visitor.visit_pair(log::kv::Key::from_str(name), log::kv::Value::from(1))?;
            }
        }
    }
}

/// The keys that [`Everything`] repeats.
const NAMES: [&str; 2] = ["one", "two"];

/// A source that panics after its first pair.
struct Half;

impl log::kv::Source for Half {
    fn visit<'kvs>(
        &'kvs self,
        visitor: &mut dyn log::kv::VisitSource<'kvs>,
    ) -> Result<(), log::kv::Error> {
        visitor.visit_pair(log::kv::Key::from_str("first"), log::kv::Value::from(1))?;
        panic!("in the middle of a source")
    }
}

pub(crate) fn run_hostile_records() -> ExitCode {
    let (telemetry, receiver) = start();
    let span = info_span!("records").entered();
    log::warn!(outer = 1, value:? = Records, shown:% = Records; "a record {:?}", Records);
    log::warn!(half:? = Panics, endless:? = Endless, whole = 7; "hostile");
    for (source, message) in [
        (&Everything as &dyn log::kv::Source, "everything"),
        (&Half, "half a source"),
    ] {
        let arguments = format_args!("{message}");
        let mut record = log::Record::builder();
        record.level(log::Level::Info).args(arguments);
        log::logger().log(&record.key_values(&source).build());
    }
    drop(span);
    end(telemetry, &receiver, 1);
    ExitCode::SUCCESS
}

pub(crate) fn hostile_records() {
    let lines = messages("hostile_records");
    let line = with_message(&lines, "a record it logs");
    assert_eq!(
        (&line["outer"], &line["value"]),
        (&1.into(), &"it logs".into())
    );
    assert_eq!(line.get("inner"), None, "{line}");
    let inside = with_message(&lines, "inside of a record");
    assert_eq!(inside["inner"], 1);
    assert_eq!(inside.get("outer"), None, "{inside}");

    let line = with_message(&lines, "hostile");
    assert_eq!(line["half"], "half...[panicked while it was printed]");
    assert_eq!(line["whole"], 7);
    let endless = line["endless"].as_str().unwrap();
    assert!(endless.ends_with("...[truncated]"));

    let line = with_message(&lines, "everything");
    assert_eq!((&line["one"], &line["two"]), (&1.into(), &1.into()));
    assert!(line["firstlight.dropped_fields"].as_u64().unwrap() > 0);
    assert_eq!(with_message(&lines, "half a source")["first"], 1);
}
