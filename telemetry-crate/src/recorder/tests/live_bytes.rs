//! Tests of the budget by the bytes that the allocator counts.

use std::collections::HashMap;

use allocation_counter::{measure, opt_out};

use super::*;

/// The bytes that the recorder may take beside its budget for a moment.
///
/// While a table of 256 names grows or becomes smaller, the old one is still there.
const BESIDE: usize = 32 * 1024;

/// The smallest budget that can be set, and the default one.
const BUDGETS: [usize; 2] = [256 * 1024, 8 * MIB];

/// Asserts that the recorder never takes more than its budget while `work` runs.
///
/// `work` must not allocate much itself.
fn assert_within_budget(work: impl Fn(&Recorder)) {
    for budget in BUDGETS {
        let used = measure(|| {
            let recorder = Recorder::new(budget, None);
            work(&recorder);
            fill(&recorder);
        });
        let used = usize::try_from(used.bytes_max).unwrap_or(usize::MAX);
        assert!(used <= budget + BESIDE, "{used} of {budget} bytes");
        // Otherwise the test does not come close to the budget.
        assert!(used > budget / 10 * 9, "{used} of {budget} bytes");
    }
}

/// Opens roots that take all memory that is left.
fn fill(recorder: &Recorder) {
    let body = uncounted(|| "x".repeat(4_000));
    with_spans(2_000, |roots| {
        for number in 0..2_000 {
            // Memory is made free as often as in a long time.
            if number % 64 == 0 {
                recorder.roots.end_pause();
            }
            let root = TestSpan::start(recorder, "GET /hung", None);
            if let Some(note) = &root.note {
                (0..4).for_each(|_| note.set("body", &body, 0));
            }
            roots.push(root);
        }
    });
    uncounted(|| drop(body));
}

/// Runs code of the test itself, whose memory is not counted.
fn uncounted<T>(work: impl FnOnce() -> T) -> T {
    let mut result = None;
    opt_out(|| result = Some(work()));
    result.unwrap_or_else(|| unreachable!("the work has run"))
}

/// Calls `work` with an empty list that has memory for `count` spans.
fn with_spans(count: usize, work: impl FnOnce(&mut Vec<TestSpan>)) {
    let mut spans = uncounted(|| Vec::with_capacity(count));
    work(&mut spans);
    spans.clear();
    uncounted(|| drop(spans));
}

#[test]
fn roots_without_detail_are_in_the_budget() {
    assert_within_budget(|recorder| {
        with_spans(16_384, |roots| {
            roots.extend((0..16_384).map(|_| TestSpan::start(recorder, "GET /hung", None)));
            uncounted(|| {
                let spans = roots.iter().map(|root| (root.ids.span_id, root));
                let spans: HashMap<_, _> = spans.collect();
                for open in recorder.roots.open_roots() {
                    let root = spans.get(&open.span_id);
                    // The description is lost, because the root is locked.
                    open.read(|_| {
                        root.and_then(|root| root.note.as_ref())
                            .map(|note| note.fail(""))
                    });
                }
            });
            for root in roots.drain(..) {
                root.end_after(Duration::from_millis(1));
            }
            let kept = uncounted(|| recorder.failed().count());
            assert!(kept > 200, "{kept}");
        });
    });
}

#[test]
fn failures_of_many_names_are_in_the_budget() {
    assert_within_budget(|recorder| {
        for number in 0..20_000 {
            let name = format!("GET /{}", number % 2_000);
            let root = TestSpan::start(recorder, &name, None);
            match number % 3 {
                0 => root.fail(),
                1 => {
                    if let Some(note) = &root.note {
                        note.set("error.type", "canceled", 0);
                    }
                    root.end_after(Duration::from_millis(1));
                }
                _ => root.end_after(Duration::from_millis(1)),
            }
        }
    });
}

#[test]
fn a_million_events_are_in_the_budget() {
    assert_within_budget(|recorder| {
        let root = TestSpan::start(recorder, "import", None);
        for _ in 0..1_000_000 {
            root.log(recorder, "imported", &[("row", "1")]);
        }
        root.fail();
    });
}

#[test]
fn megabyte_values_are_in_the_budget() {
    let body = "x".repeat(MIB);
    assert_within_budget(|recorder| {
        with_spans(2_000, |roots| {
            for _ in 0..2_000 {
                let root = TestSpan::start(recorder, "POST /orders", None);
                if let Some(note) = &root.note {
                    note.set("body", &body, 0);
                    note.fail(&body);
                }
                roots.push(root);
            }
            for root in roots.drain(..) {
                root.end_after(Duration::from_millis(1));
            }
        });
    });
}

/// The tables have grown at the peak, and other roots take what is free after it.
#[test]
fn peaks_of_open_spans_are_in_the_budget() {
    assert_within_budget(|recorder| {
        let root = TestSpan::start(recorder, "import", None);
        with_spans(100_000, |spans| {
            spans.extend((0..100_000).map(|_| TestSpan::start(recorder, "row", Some(&root))));
            // So many are left, in all parts of the table, that the table does not become smaller.
            let mut number = 0;
            spans.retain(|_| {
                number += 1;
                number % 13 < 6
            });
            fill(recorder);
        });
    });
}
