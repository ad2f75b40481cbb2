//! Tests of taken locks: work is done later, and losses are counted.

use super::*;

fn losses(recorder: &Recorder) -> Vec<(&'static str, u64)> {
    let counts = recorder.roots.losses.counts().into_iter();
    counts.filter(|(_, count)| *count > 0).collect()
}

#[test]
fn roots_that_end_while_locked_are_kept() {
    let recorder = recorder();
    let root = TestSpan::start(&recorder, "GET /orders", None);
    let child = TestSpan::start(&recorder, "load", Some(&root));
    let [locked] = &recorder.roots.open_roots()[..] else {
        unreachable!("one root is open");
    };
    locked.read(|_| {
        child.end_after(Duration::ZERO);
        root.fail();
    });
    assert_only_kept_roots(&recorder);
    let failed = recorder.failed().first(usize::MAX).roots;
    assert_eq!(names(&failed), ["GET /orders"]);
    assert!(!failed[0].has_outliving_spans());
    // The description of the failure.
    assert_eq!(losses(&recorder), [("contention", 1)]);
}

/// A known error without its root or its type would seem to be new.
#[test]
fn lost_errors_make_no_groups() {
    let recorder = recorder();
    let error = |root: &TestSpan, target| {
        root.log_as(&recorder, (Level::ERROR, target), "request failed", &[]);
    };
    let of_state = TestSpan::start(&recorder, "GET /orders", None);
    let [locked] = &recorder.roots.open_roots()[..] else {
        unreachable!("one root is open");
    };
    locked.read(|_| {
        error(&of_state, "orders");
        error(&of_state, "firstlight::http");
    });
    of_state.fail();
    let of_shard = TestSpan::start(&recorder, "GET /orders", None);
    recorder.roots.while_locked(|| {
        error(&of_shard, "orders");
        error(&of_shard, "firstlight::http");
    });
    of_shard.fail();
    let of_end = TestSpan::start(&recorder, "GET /orders", None);
    let [locked] = &recorder.roots.open_roots()[..] else {
        unreachable!("one root is open");
    };
    locked.read(|_| of_end.fail());
    recorder.open();
    assert_eq!(recorder.errors().read().groups.len(), 0);
    assert!(
        recorder
            .losses()
            .any(|loss| loss.0 == "contention" && loss.1 >= 5)
    );
    // The next one counts.
    TestSpan::start(&recorder, "GET /orders", None).fail();
    assert_eq!(recorder.errors().read().groups.len(), 1);
}

#[test]
fn spans_whose_shard_is_locked_are_counted() {
    let recorder = recorder();
    let root = TestSpan::start(&recorder, "GET /orders", None);
    recorder.roots.while_locked(|| {
        let child = TestSpan::start(&recorder, "load", Some(&root));
        assert!(child.note.is_none());
        child.log(&recorder, "loading", &[]);
        let other = TestSpan::start(&recorder, "GET /", None);
        other.end_after(Duration::ZERO);
    });
    // The span and its event.
    assert_eq!(losses(&recorder), [("contention", 2)]);
    root.end_after(Duration::ZERO);
    assert!(recorder.open().first(usize::MAX).roots.is_empty());
    assert_only_kept_roots(&recorder);
    assert_eq!(recorder.slowest().first(usize::MAX).roots.len(), 2);
}

#[test]
fn roots_of_locked_shards_are_open_later() {
    let recorder = recorder();
    let root = recorder
        .roots
        .while_locked(|| TestSpan::start(&recorder, "GET /orders", None));
    assert_eq!(
        names(&recorder.open().first(usize::MAX).roots),
        ["GET /orders"]
    );
    assert_eq!(losses(&recorder), []);
    root.end_after(Duration::ZERO);
    assert_only_kept_roots(&recorder);
}

#[test]
fn children_of_lost_spans_are_no_roots() {
    let recorder = recorder();
    let root = TestSpan::start(&recorder, "GET /orders", None);
    let lost = recorder
        .roots
        .while_locked(|| TestSpan::start(&recorder, "load", Some(&root)));
    let child = TestSpan::start(&recorder, "SELECT orders", Some(&lost));
    let grandchild = TestSpan::start(&recorder, "acquire", Some(&child));
    assert!(child.note.is_none() && grandchild.note.is_none());
    assert_eq!(losses(&recorder), [("contention", 1), ("span_limit", 2)]);
    assert_eq!(
        names(&recorder.open().first(usize::MAX).roots),
        ["GET /orders"]
    );
    // The parent of another library's span is unknown, too.
    let foreign = TestSpan {
        note: None,
        ids: SpanIds {
            span_id: new_span_id(),
            ..root.ids
        },
        started: root.started,
    };
    let internal = TestSpan::start(&recorder, "poll", Some(&foreign));
    assert!(internal.note.is_some());
}
