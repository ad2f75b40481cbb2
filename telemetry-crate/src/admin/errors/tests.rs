//! Tests of the answers of `/errors`.

use std::borrow::Cow;

use tracing::Level;

use super::{Query, json, list};
use crate::{
    admin::identity::Identity,
    evidence::{EventNote, EventPlace, EventSink as _},
    recorder::Recorder,
    values::{Kind, TextField},
};

const IDENTITY: Identity<'static> = Identity {
    service: "orders",
    version: "1.2.3",
    revision: "abc1234",
    instance: "orders-0",
};

/// Logs an error whose message is a whole text.
fn log(recorder: &Recorder, message: &str) {
    recorder.push(&EventNote {
        time: 1_000_000_000,
        level: Level::ERROR,
        target: "shop::orders",
        ids: None,
        text: message,
        fields: &[TextField {
            name: Cow::Borrowed("message"),
            text: 0..message.len(),
            kind: Kind::Message,
        }],
        is_logged: true,
        place: Some(EventPlace {
            file: Some("src/orders.rs"),
            line: Some(42),
            span: None,
        }),
    });
}

#[test]
fn unknown_queries_name_the_known_one() {
    assert_eq!(Query::parse(""), Ok(Query::All));
    assert_eq!(Query::parse("&since=start"), Ok(Query::New));
    for (query, found) in [
        ("sinse=start", "unknown query \"sinse\""),
        ("since", "unknown value \"\""),
        ("since=start&since=yesterday", "unknown value \"yesterday\""),
    ] {
        let error = Query::parse(query).err().unwrap_or_default();
        assert!(error.starts_with(found), "{error}");
        assert!(error.ends_with(": expected ?since=start\n"), "{error}");
    }
}

#[test]
fn texts_of_errors_cannot_forge_lines() {
    let recorder = Recorder::new(1_000_000, None);
    log(&recorder, "no\norders: 0 groups\u{1b}[2J");
    let text = list::text(&IDENTITY, &recorder.errors().read(), Query::All);
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("orders 1.2.3, instance orders-0, "));
    assert!(lines[2].starts_with("errors, since "), "{text}");
    assert!(lines[2].ends_with(": 1 group, the last one first"));
    assert_eq!(lines[4], "  src/orders.rs:42");
    assert!(lines[5].starts_with("    1 time, "), "{text}");
    assert!(lines[5].ends_with(" ago, first 1970-01-01T00:00:01.000Z, in 1.2.3, revision abc1234"));
    let rest = ["    target shop::orders", "    no orders: 0 groups [2J"];
    assert_eq!(lines[6..], rest);
}

#[test]
fn new_errors_are_listed_alone() {
    let recorder = Recorder::new(1_000_000, None);
    log(&recorder, "known");
    let known = recorder.errors().fingerprints();
    log(&recorder, "new");
    let read = |query| {
        let errors = recorder.errors().read();
        let text = list::text(&IDENTITY, &errors, query);
        let json = json::list(&IDENTITY, &errors, query);
        let examples = json["errors"].as_array().into_iter().flatten();
        let examples: Vec<_> = examples
            .map(|error| (error["example"].clone(), error["is_new"].clone()))
            .collect();
        (text, examples)
    };
    let (text, examples) = read(Query::New);
    assert!(
        text.contains("\nthe errors of the last process are not known, so "),
        "{text}"
    );
    assert_eq!(examples.len(), 2);
    assert!(examples.iter().all(|(_, is_new)| is_new.is_null()));

    recorder.errors().know(&known);
    let (text, examples) = read(Query::New);
    assert!(
        text.contains(": 1 group, the last one first\n\n  src/orders.rs:42, new\n"),
        "{text}"
    );
    assert_eq!(examples, [("new".into(), true.into())]);
    assert_eq!(read(Query::All).1.len(), 2);
}
