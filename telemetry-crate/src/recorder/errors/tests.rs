//! Tests of errors: what counts as one, and which groups there are.

#![expect(clippy::unwrap_used, reason = "tests")]

mod known;
mod limits;

use std::borrow::Cow;

use opentelemetry::trace::{SpanId, SpanKind, TraceFlags, TraceId};
use tracing::Level;

use super::{ErrorGroup, ErrorPlace};
use crate::{
    evidence::{
        EventNote, EventPlace, EventSink as _, SpanNote, SpanSink as _, SpanStart, VisitText,
    },
    recorder::Recorder,
    span_ids::SpanIds,
    values::{Kind, TextField},
};

const BYTES: usize = 8 * 1024 * 1024;

/// An event of a test.
#[derive(Clone, Copy)]
struct Event<'a> {
    target: &'a str,
    file: Option<&'a str>,
    line: u32,
    span: &'static str,
    message: &'a str,
    fields: &'a [(&'a str, &'a str)],
    ids: Option<SpanIds>,
}

impl Default for Event<'_> {
    fn default() -> Self {
        Self {
            target: "shop::orders",
            file: Some("src/orders.rs"),
            line: 42,
            span: "save",
            message: "cannot save",
            fields: &[],
            ids: None,
        }
    }
}

impl Event<'_> {
    fn log_at(self, recorder: &Recorder, time: u64) {
        let (mut text, mut items) = (String::new(), Vec::new());
        let message = (!self.message.is_empty()).then_some(("message", self.message));
        for (name, value) in message.iter().chain(self.fields) {
            let start = text.len();
            text += value;
            items.push(TextField {
                name: Cow::Owned((*name).to_owned()),
                text: start..text.len(),
                kind: match *name {
                    "message" => Kind::Message,
                    _ => Kind::Text,
                },
            });
        }
        recorder.push(&EventNote {
            time,
            level: Level::ERROR,
            target: self.target,
            ids: self.ids,
            text: &text,
            fields: &items,
            is_logged: true,
            place: Some(EventPlace {
                file: self.file,
                line: Some(self.line),
                span: Some(self.span),
            }),
        });
    }

    fn log(self, recorder: &Recorder) {
        self.log_at(recorder, 1_000);
    }
}

/// A root span of a test.
struct TestRoot {
    ids: SpanIds,
    note: SpanNote,
}

impl TestRoot {
    fn start(recorder: &Recorder, number: u64, name: &str) -> Self {
        let ids = SpanIds {
            trace_id: TraceId::from_bytes((u128::from(number) << 64 | 1).to_be_bytes()),
            span_id: SpanId::from_bytes(number.to_be_bytes()),
            flags: TraceFlags::NOT_SAMPLED,
        };
        let note = recorder.start(&SpanStart {
            trace_id: ids.trace_id,
            span_id: ids.span_id,
            parent: None,
            kind: SpanKind::Server,
            name,
            attributes: &|_: VisitText<'_>| {},
            time: std::time::SystemTime::now(),
        });
        Self {
            ids,
            note: note.unwrap(),
        }
    }

    fn event<'a>(&self) -> Event<'a> {
        Event {
            ids: Some(self.ids),
            ..Event::default()
        }
    }

    /// The access line of a request that failed.
    fn access_line<'a>(&self) -> Event<'a> {
        Event {
            target: "firstlight::http",
            file: Some("/build/firstlight/src/http/exchange.rs"),
            line: 330,
            message: "GET /orders 500",
            fields: &[("error.type", "500")],
            ..self.event()
        }
    }

    fn fail(self, error_type: &str) {
        self.note.set("error.type", error_type, 0);
        self.note.fail("gone");
        self.note.end(std::time::SystemTime::now());
    }
}

fn recorder() -> Recorder {
    Recorder::new(BYTES, None)
}

fn groups(recorder: &Recorder) -> Vec<ErrorGroup> {
    recorder.errors().read().groups
}

/// The places, types and counts of all groups, sorted.
fn summary(recorder: &Recorder) -> Vec<(String, String, u64)> {
    let groups = groups(recorder).into_iter();
    let mut summary: Vec<_> = groups
        .map(|group| {
            let place = match group.place {
                ErrorPlace::Code { file, line, .. } => format!("{file}:{line}"),
                ErrorPlace::Root(name) => name.into(),
            };
            (place, group.error_type.into(), group.count)
        })
        .collect();
    summary.sort();
    summary
}

fn row(place: &str, error_type: &str, count: u64) -> (String, String, u64) {
    (place.to_owned(), error_type.to_owned(), count)
}

#[test]
fn groups_have_a_place_and_a_type() {
    let recorder = recorder();
    for order in 1..=3 {
        let message = format!("cannot save order {order}");
        let event = Event {
            message: &message,
            fields: &[("error", "disk full: no space")],
            ..Event::default()
        };
        event.log_at(&recorder, order);
    }
    Event {
        message: "cannot save order 4",
        fields: &[("error.type", "timeout")],
        ..Event::default()
    }
    .log_at(&recorder, 4);
    Event {
        line: 7,
        ..Event::default()
    }
    .log_at(&recorder, 5);
    assert_eq!(
        summary(&recorder),
        [
            row("src/orders.rs:42", "", 3),
            row("src/orders.rs:42", "timeout", 1),
            row("src/orders.rs:7", "", 1),
        ]
    );
    let groups = groups(&recorder);
    let seen: Vec<_> = groups.iter().map(|group| group.last_seen).collect();
    assert_eq!(seen, [5, 4, 3]);
    assert_eq!(groups[2].first_seen, 1);
    assert_eq!(
        groups[2].example,
        "cannot save order 3: disk full: no space"
    );
}

/// A service may log all errors of its handlers at one place, and without a type.
#[test]
fn untyped_errors_count_by_root() {
    let recorder = recorder();
    let (orders, prices) = ("GET /orders/{id}", "GET /prices");
    for (number, name) in [(1, orders), (2, prices), (3, orders)] {
        let root = TestRoot::start(&recorder, number, name);
        root.event().log(&recorder);
        // With a type, or in a function that returns it, the error is known without the root.
        Event {
            fields: &[("error.type", "timeout")],
            message: "cannot pay",
            ..root.event()
        }
        .log(&recorder);
        Event {
            fields: &[("error", "disk full")],
            message: "",
            line: 7,
            ..root.event()
        }
        .log(&recorder);
    }
    // Outside of roots.
    Event::default().log(&recorder);
    let groups = groups(&recorder);
    let mut found: Vec<_> = groups
        .iter()
        .map(|group| {
            let place = group.place.to_string();
            (place, &*group.error_type, group.place.root(), group.count)
        })
        .collect();
    found.sort();
    assert_eq!(
        found,
        [
            ("src/orders.rs:42".to_owned(), "", None, 1),
            ("src/orders.rs:42".to_owned(), "timeout", None, 3),
            (format!("src/orders.rs:42 in {orders}"), "", Some(orders), 2),
            (format!("src/orders.rs:42 in {prices}"), "", Some(prices), 1),
            ("src/orders.rs:7".to_owned(), "", None, 3),
        ]
    );
    let known = recorder.errors().fingerprints();
    recorder.errors().know(&known);
    TestRoot::start(&recorder, 4, "GET /new")
        .event()
        .log(&recorder);
    let errors = recorder.errors().read();
    let new = errors.groups.iter();
    let new: Vec<_> = new
        .filter(|group| errors.is_new(group) == Some(true))
        .map(|group| group.place.root())
        .collect();
    assert_eq!(new, [Some("GET /new")]);
}

#[test]
fn names_of_roots_are_compared_whole() {
    let recorder = recorder();
    let names = [
        "GET /api/v1/orders",
        "GET /api/v1/prices",
        "shop.v1.Orders/Create",
        "bank.v1.Accounts/Close",
        "GET /organizations/{organization_id}/projects/{project_id}/members",
        "GET /organizations/{organization_id}/projects/{project_id}/invoices",
    ];
    for (number, name) in (1..).zip(names) {
        TestRoot::start(&recorder, number, name).fail("500");
        let root = TestRoot::start(&recorder, number + 10, name);
        root.event().log(&recorder);
        root.fail("500");
    }
    let mut found: Vec<_> = groups(&recorder)
        .iter()
        .map(|group| group.place.to_string())
        .collect();
    found.sort();
    let logged = |name: &str| format!("src/orders.rs:42 in {name}");
    let mut expected: Vec<_> = names.iter().map(|name| logged(name)).collect();
    expected.extend(names.map(str::to_owned));
    expected.sort();
    assert_eq!(found, expected);
}

#[test]
fn one_failure_counts_once() {
    let recorder = recorder();
    let root = TestRoot::start(&recorder, 1, "GET /orders");
    let inner = Event {
        file: Some("src/store.rs"),
        message: "",
        fields: &[("error", "disk full")],
        ..root.event()
    };
    inner.log(&recorder);
    // The same error on its way up: returned by functions, then logged by the handler with all causes.
    for (line, message, error) in [
        (50, "", "disk full"),
        (60, "", "cannot save: disk full"),
        (
            70,
            "request failed",
            "no order: disk full: no space: os error 28",
        ),
    ] {
        Event {
            line,
            message,
            fields: &[("error", error)],
            ..root.event()
        }
        .log(&recorder);
    }
    root.access_line().log(&recorder);
    root.fail("500");
    assert_eq!(summary(&recorder), [row("src/store.rs:42", "", 1)]);
    let group = &groups(&recorder)[0];
    let trace_id = group.trace_id.map(|id| id.to_string());
    assert_eq!(
        trace_id.as_deref(),
        Some("00000000000000010000000000000001")
    );
}

#[test]
fn repeated_errors_of_a_root_all_count() {
    let recorder = recorder();
    let root = TestRoot::start(&recorder, 1, "import");
    for _ in 0..3 {
        for (line, text) in [(1, "disk full"), (2, "cannot save: disk full")] {
            Event {
                line,
                fields: &[("error", text)],
                ..root.event()
            }
            .log(&recorder);
        }
    }
    // Another error of the same root.
    Event {
        line: 2,
        fields: &[("error", "no such file")],
        ..root.event()
    }
    .log(&recorder);
    let expected = [row("src/orders.rs:1", "", 3), row("src/orders.rs:2", "", 1)];
    assert_eq!(summary(&recorder), expected);
}

#[test]
fn failed_roots_count_by_name_and_type() {
    let recorder = recorder();
    let root = TestRoot::start(&recorder, 1, "GET /orders");
    root.access_line().log(&recorder);
    root.fail("500");
    // Without the access line, because the log filter disables it, the group is the same.
    TestRoot::start(&recorder, 2, "GET /orders").fail("500");
    TestRoot::start(&recorder, 3, "GET /orders").fail("timeout");
    let open = TestRoot::start(&recorder, 4, "GET /open");
    open.note.set("error.type", "cancelled", 0);
    open.note.end(std::time::SystemTime::now());
    assert_eq!(
        summary(&recorder),
        [
            row("GET /orders", "500", 2),
            row("GET /orders", "timeout", 1)
        ]
    );
    assert_eq!(groups(&recorder)[0].example, "gone");
}

#[test]
fn panics_have_the_place_of_the_panic() {
    let recorder = recorder();
    let root = TestRoot::start(&recorder, 1, "GET /");
    Event {
        target: "panic",
        message: "panicked: on purpose",
        fields: &[("panic.location", "C:\\shop\\src\\main.rs:10:5")],
        ..root.event()
    }
    .log(&recorder);
    root.access_line().log(&recorder);
    root.fail("panic");
    let expected = [row("shop\\src\\main.rs:10", "panic", 1)];
    assert_eq!(summary(&recorder), expected);
}
