//! Tests of lists of roots: which roots are in them, and their counts.

use std::time::Duration;

use super::{TestSpan, names, recorder};
use crate::proto::nanos;

#[test]
fn lists_have_whole_names() {
    let recorder = recorder();
    // The summary has only the beginning of the long name.
    let long = format!("GET /{}/items", "a".repeat(60));
    for name in ["GET /orders", &long] {
        TestSpan::start(&recorder, name, None).fail();
    }
    let failed = recorder.failed();
    assert_eq!(names(&failed.named("/items").first(9).roots), [&*long]);
    assert_eq!(names(&failed.of_name(&long).first(9).roots), [&*long]);
    assert_eq!(failed.of_name("GET /").count(), 0);
    let open = TestSpan::start(&recorder, &long, None);
    let child = TestSpan::start(&recorder, "load", Some(&open));
    let place = recorder.locate(child.ids.span_id);
    let place = place.map(|place| (place.root_name, place.span_name));
    assert_eq!(place, Some((long, Some("load".to_owned()))));
    let place = recorder.locate(open.ids.span_id);
    assert_eq!(place.and_then(|place| place.span_name), None);
}

#[test]
fn counts_are_of_all_roots() {
    let recorder = recorder();
    for name in ["GET /b", "GET /a", "GET /a", "GET /a", "GET /b", "GET /c"] {
        TestSpan::start(&recorder, name, None).fail();
    }
    let (by_name, others) = recorder.failed().by_name(2);
    assert_eq!(others, 1);
    let counts: Vec<_> = by_name
        .iter()
        .map(|(count, root)| (*count, &*root.name))
        .collect();
    assert_eq!(counts, [(3, "GET /a"), (2, "GET /b")]);
    let found = recorder.failed().first(1);
    assert_eq!((found.roots.len(), found.all), (1, 6));
}

#[test]
fn times_narrow_lists() {
    let recorder = recorder();
    let open = TestSpan::start(&recorder, "GET /open", None);
    // A root that has ended stays in the list of open ones while its spans are open.
    let ended = TestSpan::start(&recorder, "GET /ended", None);
    let _late = TestSpan::start(&recorder, "send", Some(&ended));
    let started = nanos(ended.started);
    ended.end_after(Duration::from_millis(1));
    let list = recorder.open();
    assert_eq!(list.count(), 2);
    assert_eq!(
        names(&list.open_since(started).first(9).roots),
        ["GET /open"]
    );
    assert_eq!(list.open_since(nanos(open.started) - 1).count(), 0);
    TestSpan::start(&recorder, "GET /failed", None).fail();
    let failed = recorder.failed();
    let end = failed.first(1).roots[0].ended.unwrap_or_default();
    assert_eq!(failed.ended_since(end).count(), 1);
    assert_eq!(failed.ended_since(end + 1).count(), 0);
}
