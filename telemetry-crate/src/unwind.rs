//! What ends with a panic on its way through.
//!
//! A future in which a panic has begun is dropped later, by the layer that caught the panic, and looks then like one that
//! is no longer waited for.

/// What tells a panic from a future that is dropped.
pub(crate) trait EndsByPanic {
    /// A panic goes through it.
    fn end_by_panic(self);
}

/// Runs `work`, a part of what `observed` is about. If it panics, `observed` ends by that.
pub(crate) fn watched<T: EndsByPanic, R>(
    observed: &mut Option<T>,
    work: impl FnOnce(Option<&T>) -> R,
) -> R {
    struct Watch<'a, T: EndsByPanic> {
        observed: &'a mut Option<T>,
        is_over: bool,
    }
    impl<T: EndsByPanic> Drop for Watch<'_, T> {
        fn drop(&mut self) {
            if let Some(observed) = self.observed.take_if(|_| !self.is_over) {
                observed.end_by_panic();
            }
        }
    }
    let mut watch = Watch {
        observed,
        is_over: false,
    };
    let result = work(watch.observed.as_ref());
    watch.is_over = true;
    result
}
