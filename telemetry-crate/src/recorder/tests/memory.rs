//! Tests of the limits on memory.

use super::*;
use crate::{
    recorder::open::{ENTRY_BYTES, SMALL_TABLES},
    values::TRUNCATION_MARK,
};

#[test]
fn budget_holds_with_10000_open_roots() {
    let recorder = recorder();
    let body = "x".repeat(2_000_000);
    let roots: Vec<_> = (0..10_000)
        .map(|_| {
            let root = TestSpan::start(&recorder, "GET /hung", None);
            root.log(&recorder, "started", &[("body", &body)]);
            root
        })
        .collect();
    assert!(recorder.roots.budget.used() <= 8 * MIB);
    let open = recorder.open().first(usize::MAX).roots;
    assert_eq!(open.len(), 10_000);
    // The oldest have lost their detail and say so, and the last one has it.
    assert!(open[0].cut > 0 && open[0].events.is_empty());
    assert_eq!(open[9_999].events.len(), 1);
    roots.into_iter().for_each(TestSpan::fail);
    assert!(recorder.open().first(usize::MAX).roots.is_empty());
    assert!(recorder.roots.budget.used() <= 8 * MIB);
}

#[test]
fn roots_beyond_the_limit_are_counted() {
    let recorder = recorder();
    let roots: Vec<_> = (0..20_000)
        .map(|_| TestSpan::start(&recorder, "GET /hung", None))
        .collect();
    let kept = roots.iter().filter(|root| root.note.is_some()).count();
    // Log lines have 8 % of the budget.
    assert_eq!(kept, 16_384);
    let lost = recorder.roots.losses.counts()[3];
    assert_eq!(lost, ("root_limit", 20_000 - kept as u64));
}

#[test]
fn roots_with_a_million_events_are_bounded() {
    let recorder = recorder();
    let root = TestSpan::start(&recorder, "import", None);
    for _ in 0..1_000_000 {
        root.log(&recorder, "imported", &[("row", "1")]);
    }
    assert!(recorder.roots.budget.used() <= 8 * MIB / 30);
    let open = recorder.open().first(usize::MAX).roots;
    assert!(open[0].cut > 40_000_000);
    assert!(open[0].events.len() > 1_000);
    // Each event is there or counted.
    let lost = recorder.roots.losses.counts()[1];
    let expected = 1_000_000 - open[0].events.len() as u64;
    assert_eq!(lost, ("record_limit", expected));
}

#[test]
fn cut_values_are_counted_and_marked() {
    let recorder = recorder();
    let root = TestSpan::start(&recorder, "POST /orders", None);
    let body = "x".repeat(MIB);
    if let Some(note) = &root.note {
        note.set("body", &body, 2 * MIB);
    }
    root.log(&recorder, "stored", &[("body", &body)]);
    let open = recorder.open().first(usize::MAX).roots;
    let attribute = open[0].spans[&0].attribute("body").unwrap_or_default();
    let field = &open[0].events[0].fields[0].1;
    let mut kept = 0;
    for (value, limit) in [(attribute, 4 * 1024), (field, 16 * 1024)] {
        let value = value.strip_suffix(TRUNCATION_MARK).unwrap_or_default();
        assert!(
            (limit - 32..limit).contains(&value.len()),
            "{}",
            value.len()
        );
        kept += value.len();
    }
    assert_eq!(open[0].cut, (4 * MIB - kept) as u64);
    let losses = recorder.roots.losses.counts();
    assert_eq!(
        (losses[1], losses[6]),
        (("record_limit", 0), ("value_limit", 2))
    );
}

#[test]
fn everything_is_freed_at_the_end() {
    let recorder = recorder();
    let spans: Vec<_> = (0..100)
        .map(|_| {
            let root = TestSpan::start(&recorder, "GET /", None);
            let child = TestSpan::start(&recorder, "load", Some(&root));
            (root, child)
        })
        .collect();
    for (root, child) in spans {
        root.end_after(Duration::ZERO);
        child.end_after(Duration::ZERO);
    }
    let kept: usize = Class::ALL
        .map(|class| recorder.roots.kept_roots(class).len())
        .iter()
        .sum();
    assert_eq!(kept, 8);
    assert_only_kept_roots(&recorder);
}

/// A full budget has no memory for the entry of a kept root either.
#[test]
fn failures_in_a_full_budget_are_counted() {
    let recorder = recorder();
    let body = "x".repeat(4_000);
    let start = |_| {
        let root = TestSpan::start(&recorder, "GET /hung", None);
        (0..50).for_each(|_| root.log(&recorder, "read", &[("body", &body)]));
        root
    };
    let open: Vec<_> = (0..16).map(start).collect();
    let failed: Vec<_> = (0..100)
        .map(|_| TestSpan::start(&recorder, "GET /", None))
        .collect();
    let budget = &recorder.roots.budget;
    let rest = budget.max() - budget.used();
    assert!(budget.reserve(rest));
    failed.into_iter().for_each(TestSpan::fail);
    budget.release(rest);
    // Those that found no memory are counted, and leave theirs to others.
    let kept = recorder.failed().count() as u64;
    let lost = recorder.roots.losses.counts()[4].1;
    assert!(kept > 0 && lost > 0, "{kept} {lost}");
    // The group of the errors has made memory free, for which open roots have lost their detail.
    let open_views = recorder.open().first(usize::MAX).roots;
    let cleared = open_views.iter().filter(|root| root.events.is_empty());
    assert_eq!(kept + lost, 100 + cleared.count() as u64);
    drop(open);
}

/// As a request that has spawned a task, which logs on.
#[test]
fn kept_roots_that_grow_are_evicted() {
    let recorder = recorder();
    let body = "x".repeat(4_000);
    let tasks: Vec<_> = (0..200)
        .map(|_| {
            let root = TestSpan::start(&recorder, "POST /orders", None);
            let task = TestSpan::start(&recorder, "send receipt", Some(&root));
            root.fail();
            (0..60).for_each(|_| task.log(&recorder, "retried", &[("body", &body)]));
            task
        })
        .collect();
    tasks
        .into_iter()
        .for_each(|task| task.end_after(Duration::from_millis(1)));
    // The failed keep at most their share, 40 %, so new roots have room.
    let new: Vec<_> = (0..15)
        .map(|_| {
            let root = TestSpan::start(&recorder, "GET /", None);
            (0..50).for_each(|_| root.log(&recorder, "read", &[("body", &body)]));
            root
        })
        .collect();
    let open = recorder.open().first(usize::MAX).roots;
    let whole = open.iter().filter(|view| view.cut == 0).count();
    assert_eq!((whole, open.len()), (new.len(), new.len()));
    assert!(recorder.roots.budget.used() <= 8 * MIB);
}

#[test]
fn tables_of_spans_shrink_after_a_peak() {
    let recorder = recorder();
    let root = TestSpan::start(&recorder, "import", None);
    let spans: Vec<_> = (0..50_000)
        .map(|_| TestSpan::start(&recorder, "row", Some(&root)))
        .collect();
    let bytes = recorder.roots.table_bytes();
    assert!((50_000 * 25..50_000 * ENTRY_BYTES).contains(&bytes));
    drop(spans);
    assert!(recorder.roots.table_bytes() <= SMALL_TABLES);
    root.end_after(Duration::ZERO);
    assert_only_kept_roots(&recorder);
}

#[test]
fn searches_without_success_pause() {
    let recorder = Recorder::new(MIB, None);
    let root = TestSpan::start(&recorder, "import", None);
    let spans: Vec<_> = (0..50_000)
        .map(|_| TestSpan::start(&recorder, "row", Some(&root)))
        .collect();
    // The entries of open spans take all.
    assert!(spans.iter().any(|span| span.note.is_none()));
    assert!(recorder.roots.pauses());
}
