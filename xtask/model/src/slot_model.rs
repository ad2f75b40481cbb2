//! The slots of the spans that threads have entered.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use loom::{
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    thread,
};

type Slot = crate::slot::Slot<2>;

/// The spans that a thread had at some moment after each count.
///
/// The innermost is the first one.
type Stacks = &'static [(u64, &'static [&'static [u64]])];

/// Reads a slot twice while another thread writes to it.
///
/// The count is from the first reading, so what a reader accepts is from the time between its two readings.
fn read_while(before: fn(&Slot), write: fn(&Slot), stacks: Stacks) {
    let accepted = Arc::new(Mutex::new(BTreeSet::new()));
    let seen = accepted.clone();
    loom::model(move || {
        let slot = loom::sync::Arc::new(Slot::free());
        before(&slot);
        let (written, seen) = (slot.clone(), seen.clone());
        let writer = thread::spawn(move || write(&written));
        // Not on this thread, because the checker does not run the others before this thread's first step.
        let reader = thread::spawn(move || {
            let entered = slot.entered();
            if let Some(spans) = slot.spans_since(entered) {
                let of_count = stacks.iter().find(|(count, _)| *count == entered);
                let allowed = of_count.map_or(&[][..], |(_, allowed)| allowed);
                assert!(allowed.contains(&&*spans), "{spans:?} after {entered}");
                let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
                seen.insert((entered, spans));
            }
        });
        assert!(writer.join().is_ok() && reader.join().is_ok());
    });
    // All of them were seen, so the checker has run the orders that matter.
    let all = stacks.iter().flat_map(|(count, stacks)| {
        let stacks = stacks.iter();
        stacks.map(|spans| (*count, spans.to_vec()))
    });
    let accepted = accepted.lock().unwrap_or_else(PoisonError::into_inner);
    assert_eq!(*accepted, all.collect());
}

#[test]
fn spans_are_not_blamed_for_others() {
    // One poll after another.
    let write = |slot: &Slot| {
        slot.exit();
        slot.enter(2);
    };
    let stacks: Stacks = &[(2, &[&[1], &[]]), (4, &[&[2]])];
    read_while(|slot| slot.enter(1), write, stacks);
}

#[test]
fn nested_spans_are_read_together() {
    let before = |slot: &Slot| {
        slot.enter(1);
        slot.enter(2);
    };
    let write = |slot: &Slot| {
        slot.exit();
        slot.exit();
        slot.enter(3);
    };
    let stacks: Stacks = &[(4, &[&[2, 1], &[1], &[]]), (6, &[&[3]])];
    read_while(before, write, stacks);
}

#[test]
fn deep_spans_leave_the_others_alone() {
    // One more than the slot keeps.
    let before = |slot: &Slot| {
        slot.enter(1);
        slot.enter(2);
        slot.enter(3);
    };
    let write = |slot: &Slot| {
        slot.exit();
        slot.exit();
        slot.enter(4);
    };
    let stacks: Stacks = &[(6, &[&[2, 1], &[1]]), (8, &[&[4, 1]])];
    read_while(before, write, stacks);
}

/// Takes the slot, if it is free, enters a span and gives it back.
fn use_slot(slot: &Slot, owners: &AtomicUsize, span: u64) {
    if slot.take() {
        assert_eq!(owners.fetch_add(1, Relaxed), 0, "the slot has two owners");
        assert!(slot.is_empty(), "the spans of the last owner are left");
        slot.enter(span);
        assert_eq!(slot.spans_since(slot.entered()), Some(vec![span]));
        owners.fetch_sub(1, Relaxed);
        slot.give_back();
    }
}

#[test]
fn slots_have_one_owner() {
    loom::model(|| {
        let slot = loom::sync::Arc::new(Slot::free());
        let owners = loom::sync::Arc::new(AtomicUsize::new(0));
        let threads: Vec<_> = (1..=2)
            .map(|span| {
                let (slot, owners) = (slot.clone(), owners.clone());
                thread::spawn(move || use_slot(&slot, &owners, span))
            })
            .collect();
        for thread in threads {
            assert!(thread.join().is_ok());
        }
        assert!(slot.is_empty() && slot.take(), "the slot is not free");
    });
}
