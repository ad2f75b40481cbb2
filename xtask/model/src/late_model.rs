//! The work that is done later.

use std::sync::{Mutex, PoisonError};

use loom::{sync::Arc, thread};

use crate::late::Late;

/// The work that was done, in its order.
#[derive(Default)]
struct Done(Mutex<Vec<u32>>);

impl Done {
    /// Does the work that waits, as a thread does that has found the flag.
    fn catch_up(&self, late: &Late<u32>) {
        if late.has_work() {
            late.catch_up(|work| {
                let mut done = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                done.push(*work);
                true
            });
        }
    }

    fn done(&self) -> Vec<u32> {
        let done = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        done.clone()
    }
}

#[test]
fn work_is_never_forgotten() {
    loom::model(|| {
        let late = Arc::new(Late::new());
        let done = Arc::new(Done::default());
        // Not on this thread, because the checker does not run the others before this thread's first step.
        let threads: Vec<_> = [&[1, 2][..], &[3]]
            .into_iter()
            .map(|all| {
                let (late, done) = (late.clone(), done.clone());
                thread::spawn(move || {
                    for work in all {
                        late.push(*work);
                        done.catch_up(&late);
                    }
                })
            })
            .collect();
        for thread in threads {
            assert!(thread.join().is_ok());
        }
        // What the threads have left is flagged.
        done.catch_up(&late);
        let order = done.done();
        let own = order.iter().filter(|work| **work < 3);
        assert!(own.eq(&[1, 2]), "{order:?}");
        assert_eq!(order.iter().filter(|work| **work == 3).count(), 1);
    });
}

#[test]
fn refused_work_stays_first() {
    loom::model(|| {
        let late = Arc::new(Late::new());
        let done = Arc::new(Done::default());
        late.push(1);
        let (refused, later) = (late.clone(), done.clone());
        let refusing = thread::spawn(move || {
            refused.catch_up(|_| false);
            later.catch_up(&refused);
        });
        let pushed = late.clone();
        let pushing = thread::spawn(move || pushed.push(2));
        assert!(refusing.join().is_ok() && pushing.join().is_ok());
        done.catch_up(&late);
        assert_eq!(done.done(), [1, 2]);
    });
}
