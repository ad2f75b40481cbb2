//! Tests of the recorder: which roots are kept, within which memory.

mod contention;
mod failures;
mod lists;
mod live_bytes;
mod memory;

use std::{
    borrow::Cow,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime},
};

use opentelemetry::trace::{SpanId, SpanKind, TraceFlags, TraceId};
use tracing::{Level, level_filters::LevelFilter};

use super::{Recorder, RootView, kept::Class};
use crate::{
    evidence::{EventNote, EventSink as _, SpanNote, SpanSink as _, SpanStart, VisitText},
    proto::nanos,
    span_ids::SpanIds,
    values::{Kind, TextField},
};

const MIB: usize = 1024 * 1024;

/// A span of a test, with its place in the recorder.
struct TestSpan {
    ids: SpanIds,
    note: Option<SpanNote>,
    started: SystemTime,
}

fn new_span_id() -> SpanId {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    // The bits are spread over the whole id, as those of random ids are.
    SpanId::from_bytes(number.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes())
}

impl TestSpan {
    fn start(recorder: &Recorder, name: &str, parent: Option<&TestSpan>) -> Self {
        let kind = match parent {
            Some(_) => SpanKind::Internal,
            None => SpanKind::Server,
        };
        let span_id = new_span_id();
        let trace_id = match parent {
            Some(parent) => parent.ids.trace_id,
            None => TraceId::from_bytes(
                [span_id.to_bytes(), [1; 8]]
                    .concat()
                    .try_into()
                    .unwrap_or([1; 16]),
            ),
        };
        let ids = SpanIds {
            trace_id,
            span_id,
            flags: TraceFlags::NOT_SAMPLED,
        };
        let started = SystemTime::now();
        let note = recorder.start(&SpanStart {
            trace_id,
            span_id,
            parent: parent.map(|parent| parent.ids.span_id),
            kind,
            name,
            attributes: &|_: VisitText<'_>| {},
            time: started,
        });
        Self { ids, note, started }
    }

    fn log(&self, recorder: &Recorder, message: &str, fields: &[(&str, &str)]) {
        self.log_as(recorder, (Level::INFO, "orders"), message, fields);
    }

    fn log_as(
        &self,
        recorder: &Recorder,
        (level, target): (Level, &str),
        message: &str,
        fields: &[(&str, &str)],
    ) {
        let mut text = String::new();
        let mut items = Vec::new();
        for (name, value) in [("message", message)].iter().chain(fields) {
            let start = text.len();
            text += value;
            items.push(TextField {
                name: Cow::Owned((*name).to_owned()),
                text: start..text.len(),
                kind: if start == 0 {
                    Kind::Message
                } else {
                    Kind::Text
                },
            });
        }
        recorder.push(&EventNote {
            time: nanos(SystemTime::now()),
            level,
            target,
            ids: Some(self.ids),
            text: &text,
            fields: &items,
            is_logged: level <= Level::INFO,
            place: None,
        });
    }

    fn end_after(self, duration: Duration) {
        if let Some(note) = &self.note {
            note.end(self.started + duration);
        }
    }

    fn fail(self) {
        if let Some(note) = &self.note {
            note.fail("gone");
        }
        self.end_after(Duration::from_millis(1));
    }
}

fn recorder() -> Recorder {
    Recorder::new(8 * MIB, None)
}

fn names(views: &[RootView]) -> Vec<&str> {
    views.iter().map(|view| &*view.name).collect()
}

#[test]
fn open_roots_show_their_deepest_span() {
    let recorder = recorder();
    let root = TestSpan::start(&recorder, "GET /orders", None);
    let child = TestSpan::start(&recorder, "load", Some(&root));
    let leaf = TestSpan::start(&recorder, "SELECT orders", Some(&child));
    leaf.log(&recorder, "waiting", &[("order", "7")]);
    let open = recorder.open().first(usize::MAX).roots;
    assert_eq!(names(&open), ["GET /orders"]);
    let waits_in = open[0].waits_in.as_ref().map(|span| &*span.name);
    assert_eq!(waits_in, Some("SELECT orders"));
    let order = ("order".to_owned(), "7".to_owned(), Kind::Text);
    assert_eq!(open[0].events[0].fields, [order]);
    assert_eq!(open[0].events[0].span_id, leaf.ids.span_id);
    for span in [leaf, child, root] {
        span.end_after(Duration::from_millis(5));
    }
    assert_eq!(names(&recorder.open().first(usize::MAX).roots), [""; 0]);
    assert_eq!(
        names(&recorder.slowest().first(usize::MAX).roots),
        ["GET /orders"]
    );
}

#[test]
fn late_children_belong_to_their_root() {
    let recorder = recorder();
    let root = TestSpan::start(&recorder, "POST /orders", None);
    if let Some(note) = &root.note {
        note.end(root.started + Duration::from_millis(1));
    }
    // A spawned task still refers to the span.
    let child = TestSpan::start(&recorder, "send receipt", Some(&root));
    child.log(&recorder, "sent", &[]);
    let open = recorder.open().first(usize::MAX).roots;
    assert!(open[0].has_outliving_spans());
    child.end_after(Duration::from_millis(1));
    let trace = recorder.trace(root.ids.trace_id);
    assert_eq!((trace[0].spans.len(), trace[0].events.len()), (2, 1));
    assert!(recorder.open().first(usize::MAX).roots.is_empty());
}

#[test]
fn storms_leave_the_other_classes_alone() {
    let recorder = recorder();
    TestSpan::start(&recorder, "GET /slow", None).end_after(Duration::from_secs(9));
    TestSpan::start(&recorder, "GET /rare", None).fail();
    let body = "x".repeat(4_000);
    for _ in 0..20_000 {
        let span = TestSpan::start(&recorder, "GET /storm", None);
        span.log(&recorder, "failed", &[("body", &body)]);
        span.fail();
    }
    assert_eq!(
        names(&recorder.slowest().first(usize::MAX).roots),
        ["GET /slow"]
    );
    let failed = recorder.failed().first(usize::MAX).roots;
    assert!(names(&failed).contains(&"GET /rare"));
    assert!(failed.len() > 300, "{}", failed.len());
    assert!(recorder.roots.budget.used() <= 8 * MIB);
    let evicted = recorder.roots.losses.counts()[4];
    assert!(evicted.0 == "eviction" && evicted.1 > 10_000, "{evicted:?}");
}

#[test]
fn slowest_and_recent_are_kept_by_name() {
    let recorder = recorder();
    for number in (1..=100).rev() {
        for name in ["GET /a", "GET /b"] {
            let span = TestSpan::start(&recorder, name, None);
            span.end_after(Duration::from_millis(number));
        }
    }
    let slowest = recorder.slowest().first(usize::MAX).roots;
    assert_eq!(slowest.len(), 6);
    let duration = |view: &RootView| view.ended.unwrap_or(0) - view.started;
    assert!(slowest.iter().all(|view| duration(view) >= 98_000_000));
    assert_eq!(recorder.recent().first(usize::MAX).roots.len(), 10);
}

#[test]
fn long_names_have_their_own_places() {
    let recorder = recorder();
    let beginning = "GET /organizations/{organization_id}/projects/{project_id}/";
    for end in ["members", "invoices"] {
        for duration in 1..=10 {
            let span = TestSpan::start(&recorder, &format!("{beginning}{end}"), None);
            span.end_after(Duration::from_millis(if end == "members" {
                500
            } else {
                duration
            }));
        }
    }
    let slowest = recorder.slowest();
    for end in ["members", "invoices"] {
        assert_eq!(slowest.of_name(&format!("{beginning}{end}")).count(), 3);
    }
}

#[test]
fn oldest_roots_are_found_among_many() {
    let recorder = recorder();
    let mut open: Vec<_> = (0..5_000)
        .map(|number| TestSpan::start(&recorder, &format!("GET /{number}"), None))
        .collect();
    let inner = TestSpan::start(&recorder, "handle", open.get(1));
    TestSpan::start(&recorder, "SELECT orders", Some(&inner)).end_after(Duration::from_millis(1));
    open.remove(0).end_after(Duration::from_millis(1));
    let (oldest, others) = recorder.oldest(20, 10);
    let expected: Vec<_> = (1..=20).map(|number| format!("GET /{number}")).collect();
    assert_eq!(names(&oldest), expected);
    assert_eq!(others, 5_000 - 1 - 20);
    // The span that started last has ended, so the summary has none.
    let deepest = oldest[0].waits_in.as_ref().map(|span| &*span.name);
    assert_eq!(deepest, Some("handle"));
}

#[test]
fn names_are_bounded() {
    let recorder = recorder();
    for number in 0..10_000 {
        TestSpan::start(&recorder, &format!("GET /{number}"), None).fail();
    }
    recorder.failed().first(usize::MAX);
    assert_eq!(recorder.roots.kept_names(Class::Failed), 257);
}

#[test]
fn threads_lose_nothing_in_silence() {
    let recorder = recorder();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..2_000 {
                    let root = TestSpan::start(&recorder, "GET /", None);
                    let child = TestSpan::start(&recorder, "load", Some(&root));
                    child.log(&recorder, "loaded", &[]);
                    child.end_after(Duration::from_millis(1));
                    root.end_after(Duration::from_millis(2));
                }
            });
        }
        for _ in 0..100 {
            recorder.open().first(usize::MAX);
            recorder.recent().first(usize::MAX);
        }
    });
    assert!(recorder.open().first(usize::MAX).roots.is_empty());
    let whole = |view: &RootView| view.spans.len() == 2 && view.events.len() == 1;
    let all = [
        recorder.slowest().first(usize::MAX).roots,
        recorder.recent().first(usize::MAX).roots,
    ]
    .concat();
    let broken = all.iter().filter(|view| !whole(view)).count() as u64;
    let lost: u64 = recorder.roots.losses.counts().map(|(_, count)| count)[..4]
        .iter()
        .sum();
    assert!(broken <= lost, "{broken} {lost}");
    assert_only_kept_roots(&recorder);
}

/// No root is open, and only the kept roots and the errors take memory.
fn assert_only_kept_roots(recorder: &Recorder) {
    assert_eq!(recorder.roots.open_count(), 0);
    let kept = Class::ALL.map(|class| recorder.roots.kept_roots(class));
    let bytes = kept.iter().flatten().filter_map(|root| root.try_bytes());
    let bytes = bytes.sum::<usize>() + recorder.roots.errors.bytes();
    let bytes = bytes + recorder.roots.bytes_of_kept_tables();
    assert_eq!(recorder.roots.budget.used(), bytes);
}

/// "Set Status" of the specification: Ok overrides Error.
#[test]
fn roots_that_recover_have_succeeded() {
    let recorder = recorder();
    let root = TestSpan::start(&recorder, "GET /", None);
    if let Some(note) = &root.note {
        note.fail("gone");
        note.succeed();
    }
    root.end_after(Duration::from_millis(1));
    let slowest = recorder.slowest().first(usize::MAX).roots;
    assert_eq!(
        (names(&slowest), slowest[0].outcome()),
        (vec!["GET /"], "ok")
    );
    assert_eq!(slowest[0].spans[&0].error, None);
    assert!(recorder.failed().first(usize::MAX).roots.is_empty());
}

#[test]
fn requests_are_named_by_method_and_route() {
    let recorder = recorder();
    let start = |kind| {
        recorder.start(&SpanStart {
            trace_id: TraceId::from_bytes([1; 16]),
            span_id: new_span_id(),
            parent: None,
            kind,
            name: "poll",
            attributes: &|visit: VisitText<'_>| {
                visit("http.request.method", "GET", 0);
                visit("http.route", "/orders", 0);
            },
            time: SystemTime::now(),
        })
    };
    let _notes = [SpanKind::Server, SpanKind::Internal].map(start);
    let open = recorder.open().first(usize::MAX).roots;
    assert_eq!(names(&open), ["GET /orders", "poll"]);
    let attribute = open[1].spans[&0].attribute("http.route");
    assert_eq!(attribute, Some("/orders"));
}

#[test]
fn long_names_are_shown_whole() {
    let recorder = recorder();
    let name = "GET /organizations/{organization_id}/projects/{project_id}";
    let root = TestSpan::start(&recorder, name, None);
    assert_eq!(names(&recorder.open().first(usize::MAX).roots), [name]);
    root.end_after(Duration::from_millis(1));
    assert_eq!(names(&recorder.slowest().first(usize::MAX).roots), [name]);
}

#[test]
fn level_is_the_most_verbose_of_the_filter() {
    for (filter, expected) in [
        (None, LevelFilter::OFF),
        (Some("debug"), LevelFilter::DEBUG),
        (Some("debug,hyper=info"), LevelFilter::DEBUG),
        (Some("warn,orders=trace"), LevelFilter::TRACE),
    ] {
        let filter = filter.and_then(|filter| filter.parse().ok());
        assert_eq!(Recorder::new(MIB, filter).level(), expected);
    }
}
