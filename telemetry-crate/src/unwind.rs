//! Detection of panics in instrumented operations.
//!
//! A future that panics is dropped later, by the layer that caught the panic. A drop alone would look like a cancellation.

/// An instrumented operation that distinguishes a panic from a cancellation.
pub(crate) trait EndsByPanic {
    /// Ends the operation because of a panic.
    fn end_by_panic(self);
}

/// Runs `work`, which is a part of the operation `operation`.
///
/// If `work` panics, the operation ends by panic. `work` gets `None` if the operation has already ended.
pub(crate) fn end_on_panic<T: EndsByPanic, R>(
    operation: &mut Option<T>,
    work: impl FnOnce(Option<&T>) -> R,
) -> R {
    struct Guard<'a, T: EndsByPanic> {
        operation: &'a mut Option<T>,
        has_returned: bool,
    }
    impl<T: EndsByPanic> Drop for Guard<'_, T> {
        fn drop(&mut self) {
            if let Some(operation) = self.operation.take_if(|_| !self.has_returned) {
                operation.end_by_panic();
            }
        }
    }
    let mut guard = Guard {
        operation,
        has_returned: false,
    };
    let result = work(guard.operation.as_ref());
    guard.has_returned = true;
    result
}
