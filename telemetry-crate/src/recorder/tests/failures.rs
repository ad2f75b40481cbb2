//! Tests of failed roots: the span in which they failed, and why.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tracing::{Level, level_filters::LevelFilter};

use super::{TestSpan, recorder};
use crate::{
    evidence::{HeldEvent, HeldSink},
    recorder::RootView,
};

/// The messages of held events that were logged.
#[derive(Debug, Default)]
struct Held(Mutex<Vec<String>>);

impl HeldSink for Held {
    fn write(&self, event: &HeldEvent<'_>) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.push(event.message.to_owned());
    }
}

/// A caller that gives up is a reason to look at the details, too.
#[test]
fn held_events_are_logged_without_success() {
    let recorder = recorder();
    let held = Arc::new(Held::default());
    recorder.log_failures(LevelFilter::DEBUG, held.clone());
    let root = |name, message| {
        let root = TestSpan::start(&recorder, name, None);
        root.log_as(&recorder, (Level::DEBUG, "orders"), message, &[]);
        root
    };
    root("GET /fine", "fine").end_after(Duration::from_millis(1));
    root("GET /failed", "failed").fail();
    let canceled = root("GET /canceled", "canceled");
    if let Some(note) = &canceled.note {
        note.set("error.type", "client_disconnected", 0);
    }
    canceled.end_after(Duration::from_millis(1));
    let held = held.0.lock().unwrap_or_else(PoisonError::into_inner);
    assert_eq!(*held, ["failed", "canceled"]);
}

#[test]
fn failed_roots_show_their_failed_span() {
    let recorder = recorder();
    let root = TestSpan::start(&recorder, "GET /orders", None);
    let load = TestSpan::start(&recorder, "load", Some(&root));
    // An error that the code has handled, although deeper than the other one.
    let retry = TestSpan::start(&recorder, "retry", Some(&load));
    let handled = TestSpan::start(&recorder, "connect", Some(&retry));
    let fail = |span: TestSpan, after| {
        if let Some(note) = &span.note {
            note.fail("gone");
        }
        span.end_after(Duration::from_millis(after));
    };
    fail(handled, 1);
    retry.end_after(Duration::from_millis(2));
    let query = TestSpan::start(&recorder, "SELECT orders", Some(&load));
    fail(query, 500);
    // A span between the failed ones that is not marked.
    load.end_after(Duration::from_millis(501));
    fail(root, 502);
    fail(TestSpan::start(&recorder, "GET /alone", None), 900);
    let failed = recorder.failed().first(usize::MAX).roots;
    let spans = failed.iter().map(|root| {
        let span = root.failed_span();
        let span = span.map(|span| (span.name, span.error));
        (&*root.name, span)
    });
    let gone = |name: &str| Some((name.to_owned(), Some("gone".to_owned())));
    let expected = [
        ("GET /alone", gone("GET /alone")),
        ("GET /orders", gone("SELECT orders")),
    ];
    assert_eq!(spans.collect::<Vec<_>>(), expected);
}

#[test]
fn failures_tell_the_error() {
    let recorder = recorder();
    let error = |span: &TestSpan, target, message, fields: &[(&str, &str)]| {
        span.log_as(&recorder, (Level::ERROR, target), message, fields);
    };
    let request = TestSpan::start(&recorder, "GET /orders", None);
    let cause = [("error", "deadlock detected")];
    error(&request, "orders::error", "request failed", &cause);
    error(&request, "firstlight::http", "GET /orders 503", &[]);
    request.fail();
    let panicking = TestSpan::start(&recorder, "GET /paper", None);
    let place = [("panic.location", "src/faults.rs:97:5")];
    error(&panicking, "panic", "panicked: out of paper", &place);
    error(&panicking, "firstlight::http", "GET /paper panicked", &[]);
    panicking.fail();
    let job = TestSpan::start(&recorder, "process charges", None);
    error(&job, "orders::bank", "the bank declines", &[]);
    error(&job, "firstlight::jobs", "job charge: dead-lettered", &[]);
    job.fail();
    let silent = TestSpan::start(&recorder, "GET /silent", None);
    error(&silent, "firstlight::http", "GET /silent 500", &[]);
    silent.fail();
    let run = TestSpan::start(&recorder, "cron archive", None);
    let report = "cron archive: failed after 3 s: gone";
    error(&run, "firstlight::cron", report, &[]);
    run.fail();
    let failures = recorder.failed().first(usize::MAX).roots;
    let mut failures: Vec<_> = failures.iter().map(RootView::failure).collect();
    failures.sort();
    assert_eq!(
        failures,
        [
            "gone",
            "gone: GET /silent 500",
            "gone: panicked: out of paper at src/faults.rs:97:5",
            "gone: request failed: deadlock detected",
            "gone: the bank declines: job charge: dead-lettered",
        ]
    );
}
