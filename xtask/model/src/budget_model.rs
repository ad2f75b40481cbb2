//! The budget is never exceeded.

use loom::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
};

use crate::budget::Budget;

/// Takes bytes and returns them; meanwhile all threads have at most the limit.
fn take(budget: &Budget, taken: &AtomicUsize, bytes: usize) {
    if budget.reserve(bytes) {
        let all = taken.fetch_add(bytes, SeqCst) + bytes;
        assert!(all <= budget.max(), "{all} of {}", budget.max());
        taken.fetch_sub(bytes, SeqCst);
        budget.release(bytes);
    }
}

#[test]
fn budgets_are_never_exceeded() {
    loom::model(|| {
        let budget = Arc::new(Budget::new(10));
        let taken = Arc::new(AtomicUsize::new(0));
        // Not on this thread, because the checker does not run the others before this thread's first step.
        let threads: Vec<_> = [&[6, 4][..], &[6]]
            .into_iter()
            .map(|sizes| {
                let (budget, taken) = (budget.clone(), taken.clone());
                thread::spawn(move || sizes.iter().for_each(|size| take(&budget, &taken, *size)))
            })
            .collect();
        for thread in threads {
            assert!(thread.join().is_ok());
        }
        // All bytes are free again.
        assert_eq!(budget.used(), 0);
        assert!(budget.reserve(10));
    });
}
