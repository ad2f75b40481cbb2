//! The key-values of a `log` record, passed beside its `tracing` event.
//!
//! The bridge to `tracing` converts a record to an event with a few fixed fields, and without the key-values. They are
//! formatted before the event, because formatting runs code of the program, and are kept in a thread-local value during the
//! event.

use std::cell::Cell;

use log::kv::{Error, Key, Source, Value, VisitSource, VisitValue};

use super::text::{MAX_PRINTED, printed, write_str};

/// Maximum number of key-values of a record. Further key-values are only counted.
const MAX_PAIRS: usize = 128;

/// Maximum number of key-values to count, which takes some milliseconds.
///
/// A source may be endless.
const MAX_COUNTED: usize = 1_000_000;

/// Maximum length of a key in bytes.
const MAX_KEY: usize = 256;

/// One value, in a type of `tracing`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum PairValue {
    Bool(bool),
    I64(i64),
    U64(u64),
    F64(f64),
    Text(String),
}

/// The formatted key-values of one record.
#[derive(Debug, Default)]
pub(crate) struct Pairs {
    pairs: Vec<(String, PairValue)>,
    dropped: usize,
}

thread_local! {
    /// The key-values of the record whose event is being dispatched.
    static CURRENT: Cell<Pairs> = const { Cell::new(Pairs { pairs: Vec::new(), dropped: 0 }) };
}

impl Pairs {
    /// Formats the key-values of a record.
    ///
    /// Must not be called under a lock of firstlight, because it runs code of the program.
    pub(crate) fn format(source: &dyn Source) -> Self {
        let mut pairs = Self::default();
        // The pairs before an error or a panic are kept.
        let _ = super::text::caught(|| source.visit(&mut pairs));
        pairs
    }

    /// Runs `work` with `self` as the current key-values.
    pub(crate) fn scope<T>(self, work: impl FnOnce() -> T) -> T {
        // The previous key-values are restored, because the message of an event may log a record itself. A thread that is
        // ending has no current key-values.
        let previous = CURRENT.try_with(|current| current.replace(self));
        let result = work();
        if let Ok(previous) = previous {
            let _ = CURRENT.try_with(|current| current.set(previous));
        }
        result
    }

    /// Runs `work` with the current key-values.
    ///
    /// During `work` there are no current key-values, so an event that `work` logs does not get them.
    pub(crate) fn current(work: impl FnOnce(&Self)) {
        if let Ok(pairs) = CURRENT.try_with(Cell::take) {
            work(&pairs);
            let _ = CURRENT.try_with(|current| current.set(pairs));
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &PairValue)> {
        self.pairs.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// The number of key-values that were not kept.
    pub(crate) fn dropped(&self) -> usize {
        self.dropped
    }
}

impl<'kvs> VisitSource<'kvs> for Pairs {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
        if self.pairs.len() >= MAX_PAIRS {
            self.dropped += 1;
            return if self.dropped < MAX_COUNTED {
                Ok(())
            } else {
                Err(Error::msg("too many key-values"))
            };
        }
        let mut visitor = ValueVisitor(None);
        let _ = super::text::caught(|| value.visit(&mut visitor));
        if let Some(value) = visitor.0 {
            let mut name = String::new();
            let _ = write_str(&mut name, MAX_KEY, key.as_str());
            self.pairs.push((name, value));
        }
        Ok(())
    }
}

/// Holds the visited value.
///
/// As in `tracing`, there is no value for `None` and `()`.
struct ValueVisitor(Option<PairValue>);

impl VisitValue<'_> for ValueVisitor {
    fn visit_any(&mut self, value: Value<'_>) -> Result<(), Error> {
        self.0 = Some(PairValue::Text(printed(format_args!("{value}"))));
        Ok(())
    }

    fn visit_null(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn visit_u64(&mut self, value: u64) -> Result<(), Error> {
        self.0 = Some(PairValue::U64(value));
        Ok(())
    }

    fn visit_i64(&mut self, value: i64) -> Result<(), Error> {
        self.0 = Some(PairValue::I64(value));
        Ok(())
    }

    fn visit_f64(&mut self, value: f64) -> Result<(), Error> {
        self.0 = Some(PairValue::F64(value));
        Ok(())
    }

    fn visit_bool(&mut self, value: bool) -> Result<(), Error> {
        self.0 = Some(PairValue::Bool(value));
        Ok(())
    }

    fn visit_str(&mut self, value: &str) -> Result<(), Error> {
        let mut text = String::new();
        let _ = write_str(&mut text, MAX_PRINTED, value);
        self.0 = Some(PairValue::Text(text));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fmt;

    use super::*;

    struct Fails;

    impl fmt::Debug for Fails {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            Err(fmt::Error)
        }
    }

    struct Endless;

    impl Source for Endless {
        fn visit<'kvs>(&'kvs self, visitor: &mut dyn VisitSource<'kvs>) -> Result<(), Error> {
            loop {
                visitor.visit_pair(Key::from_str("a"), Value::from(1))?;
            }
        }
    }

    #[test]
    fn excess_pairs_are_counted() {
        let many: Vec<_> = (0..5_000).map(|n| (n.to_string(), n)).collect();
        let pairs = Pairs::format(&many);
        assert_eq!((pairs.iter().count(), pairs.dropped()), (128, 4_872));
        assert_eq!(Pairs::format(&Endless).dropped(), MAX_COUNTED);
    }

    #[test]
    fn failing_values_are_marked() {
        let pairs = [("a", Value::from_debug(&Fails))];
        let pairs = Pairs::format(&pairs);
        let values: Vec<_> = pairs.iter().collect();
        let text = PairValue::Text("...[failed while it was printed]".to_owned());
        assert_eq!(values, [("a", &text)]);
    }
}
