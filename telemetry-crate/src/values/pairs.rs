//! The key-values of a record of the `log` crate, on their way to what makes a line, a log record and a span's event of it.
//!
//! The bridge to `tracing` carries a record as an event of a few fixed fields, which leaves its key-values behind. They are
//! printed before the event begins, because printing them is code of the program, and lie here while it goes on.

use std::cell::Cell;

use log::kv::{Error, Key, Source, Value, VisitSource, VisitValue};

use super::text::{MAX_PRINTED, printed, write_str};

/// Key-values of a record that are kept. The rest is counted, as far as [`MAX_COUNTED`].
const MAX_PAIRS: usize = 128;

/// Where a source ends that has no end, some milliseconds later.
const MAX_COUNTED: usize = 1_000_000;

/// Bytes of a key.
const MAX_KEY: usize = 256;

/// One value, in one of the types that `tracing` knows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum PairValue {
    Bool(bool),
    I64(i64),
    U64(u64),
    F64(f64),
    Text(String),
}

/// What one record has.
#[derive(Debug, Default)]
pub(crate) struct Pairs {
    pairs: Vec<(String, PairValue)>,
    dropped: usize,
}

thread_local! {
    /// Of the record that becomes an event in this moment.
    static CURRENT: Cell<Pairs> = const { Cell::new(Pairs { pairs: Vec::new(), dropped: 0 }) };
}

impl Pairs {
    /// Prints them all. Nothing of firstlight's may be locked.
    pub(crate) fn of(source: &dyn Source) -> Self {
        let mut pairs = Self::default();
        // Ends early only where `visit_pair` says so.
        let _ = super::text::caught(|| source.visit(&mut pairs));
        pairs
    }

    /// They belong to the event that `work` makes.
    pub(crate) fn with<T>(self, work: impl FnOnce() -> T) -> T {
        // An event's message may log a record of its own, so the ones before come back. A thread that ends keeps none.
        let before = CURRENT.try_with(|current| current.replace(self));
        let result = work();
        if let Ok(before) = before {
            let _ = CURRENT.try_with(|current| current.set(before));
        }
        result
    }

    /// Those of the event that is being made; `show` may log, and would find none.
    pub(crate) fn current(show: impl FnOnce(&Self)) {
        if let Ok(pairs) = CURRENT.try_with(Cell::take) {
            show(&pairs);
            let _ = CURRENT.try_with(|current| current.set(pairs));
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &PairValue)> {
        self.pairs.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// How many there were beyond those.
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
        let mut printing = Printing(None);
        let _ = super::text::caught(|| value.visit(&mut printing));
        if let Some(value) = printing.0 {
            let mut name = String::new();
            let _ = write_str(&mut name, MAX_KEY, key.as_str());
            self.pairs.push((name, value));
        }
        Ok(())
    }
}

/// The value that was seen; none of `None` and `()`, as with `tracing`.
struct Printing(Option<PairValue>);

impl VisitValue<'_> for Printing {
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
    fn what_is_left_out_is_counted() {
        let many: Vec<_> = (0..5_000).map(|n| (n.to_string(), n)).collect();
        let pairs = Pairs::of(&many);
        assert_eq!((pairs.iter().count(), pairs.dropped()), (128, 4_872));
        assert_eq!(Pairs::of(&Endless).dropped(), MAX_COUNTED);
    }

    #[test]
    fn values_that_fail_say_so() {
        let pairs = [("a", Value::from_debug(&Fails))];
        let pairs = Pairs::of(&pairs);
        let values: Vec<_> = pairs.iter().collect();
        let text = PairValue::Text("...[failed while it was printed]".to_owned());
        assert_eq!(values, [("a", &text)]);
    }
}
