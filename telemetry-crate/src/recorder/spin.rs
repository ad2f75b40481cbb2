//! Locks for which the program's calls never wait.

use std::sync::{Mutex, MutexGuard, TryLockError};

/// The number of attempts.
///
/// The recorder holds its locks for some hundred nanoseconds, so only the lock of a thread that the operating system has
/// suspended stays taken.
const ATTEMPTS: usize = 100;

/// Takes a lock if it is free within a microsecond or so.
pub(crate) fn try_lock<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    for _ in 0..ATTEMPTS {
        match mutex.try_lock() {
            Ok(guard) => return Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => return Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => std::hint::spin_loop(),
        }
    }
    None
}
