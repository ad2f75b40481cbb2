//! The fields of one event or one span, with unique names and bounded size.
//!
//! All values are text in one buffer, so that a field needs no allocation of its own. A [`Kind`] tells whether JSON shows
//! the text in quotation marks. The last value of a name wins, as for an attribute of a span.

use std::{borrow::Cow, error::Error, fmt};

use tracing::field::{Field, Visit};

use crate::{
    name_set::NameSet,
    secret::{REDACTED, is_secret, may_hold_address, without_credentials},
    values::{
        Kind, PairValue, Pairs, TRUNCATION_MARK, TextField, with_causes, write_foreign, write_str,
    },
};

/// Maximum length of one value in bytes.
///
/// A longer value is truncated and ends in [`TRUNCATION_MARK`].
const MAX_VALUE_BYTES: usize = 8 * 1024;

/// Fields by name.
#[derive(Debug, Clone, Default)]
pub(super) struct Fields<N = &'static str> {
    text: String,
    items: Vec<TextField<N>>,
    /// The names of all fields, and of some that were removed.
    names: NameSet,
    /// Whether some value was truncated.
    is_truncated: bool,
    /// The number of key-values that [`Pairs`] dropped.
    dropped: usize,
}

/// The fields of an event.
///
/// Names may be owned, because the keys of a `log` record are not static.
pub(super) type EventFields = Fields<Cow<'static, str>>;

impl<N: AsRef<str>> Fields<N> {
    /// Allocates memory for `fields` fields with texts of 16 bytes on average.
    pub(super) fn with_capacity(fields: usize) -> Self {
        Self {
            text: String::with_capacity(16 * fields),
            items: Vec::with_capacity(fields),
            names: NameSet::default(),
            is_truncated: false,
            dropped: 0,
        }
    }

    fn iter_with_message(&self) -> impl Iterator<Item = (&N, &str, Kind)> {
        self.items
            .iter()
            .map(|item| (&item.name, &self.text[item.text.clone()], item.kind))
    }

    /// The fields, without the event's message.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&N, &str, Kind)> {
        self.iter_with_message()
            .filter(|(.., kind)| *kind != Kind::Message)
    }

    /// All values, one after the other, with the message as one of them.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The fields in the order of their values, with the message as one of them.
    pub(super) fn items(&self) -> &[TextField<N>] {
        &self.items
    }

    /// All names, and perhaps some that were removed.
    pub(super) fn names(&self) -> NameSet {
        self.names
    }

    pub(super) fn is_truncated(&self) -> bool {
        self.is_truncated
    }

    pub(super) fn dropped(&self) -> usize {
        self.dropped
    }

    pub(super) fn message(&self) -> &str {
        self.iter_with_message()
            .find_map(|(_, text, kind)| (kind == Kind::Message).then_some(text))
            .unwrap_or_default()
    }

    #[cfg(any(test, feature = "db"))]
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.iter()
            .find_map(|(candidate, text, _)| (candidate.as_ref() == name).then_some(text))
    }

    pub(super) fn set(&mut self, name: N, kind: Kind, value: Value<'_>) {
        let as_set = NameSet::of(name.as_ref());
        if self.names.overlaps(as_set) {
            self.remove(name.as_ref(), kind);
        }
        self.names.add(as_set);
        let (kind, value) = if is_secret(name.as_ref()) {
            (Kind::Text, Value::Str(REDACTED))
        } else {
            (kind, value)
        };
        let start = self.text.len();
        // Writing fails at the limit, or in the program's `Debug`. The text that was written before is kept.
        let is_complete = match value {
            Value::Str(value) => write_str(&mut self.text, MAX_VALUE_BYTES, value),
            Value::Format(value) => write_foreign(&mut self.text, MAX_VALUE_BYTES, value),
        }
        .is_ok();
        if kind != Kind::Bare && may_hold_address(&self.text[start..]) {
            let clean = without_credentials(&self.text[start..], !is_complete).into_owned();
            self.text.truncate(start);
            self.text.push_str(&clean);
        }
        if !is_complete {
            self.text.push_str(TRUNCATION_MARK);
            self.is_truncated = true;
        }
        self.items.push(TextField {
            name,
            text: start..self.text.len(),
            kind: if is_complete || kind == Kind::Message {
                kind
            } else {
                Kind::Text
            },
        });
    }

    #[cfg(test)]
    pub(super) fn put(&mut self, name: &'static str, (text, kind): (&str, Kind))
    where
        N: From<&'static str>,
    {
        self.set(name.into(), kind, Value::Str(text));
    }

    /// Removes all fields and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.items.clear();
        self.names = NameSet::default();
        self.is_truncated = false;
        self.dropped = 0;
    }

    /// Removes a field and its text.
    ///
    /// If the text stayed, a span that records the same field for hours would grow.
    fn remove(&mut self, name: &str, kind: Kind) {
        let is_same = |item: &TextField<N>| {
            item.name.as_ref() == name && (item.kind == Kind::Message) == (kind == Kind::Message)
        };
        let Some(position) = self.items.iter().position(is_same) else {
            return;
        };
        let removed = self.items.remove(position).text;
        self.text.drain(removed.clone());
        for item in &mut self.items[position..] {
            item.text = item.text.start - removed.len()..item.text.end - removed.len();
        }
    }
}

impl EventFields {
    /// Adds a value that was formatted and redacted before.
    pub(super) fn restore(&mut self, name: &str, text: &str, kind: Kind) {
        let start = self.text.len();
        self.text.push_str(text);
        self.names.add(NameSet::of(name));
        self.items.push(TextField {
            name: Cow::Owned(name.to_owned()),
            text: start..self.text.len(),
            kind,
        });
    }

    /// Adds a field unless there is one of its name.
    ///
    /// It was formatted and redacted before.
    pub(super) fn add(&mut self, name: &str, text: &str, kind: Kind) {
        let is_there = self.items.iter().any(|item| item.name == *name);
        if !is_there {
            self.restore(name, text, kind);
        }
    }

    /// Sets a field that was formatted and redacted before.
    pub(super) fn replace(&mut self, name: &str, text: &str, kind: Kind) {
        self.remove(name, kind);
        self.restore(name, text, kind);
    }

    /// A visitor that records each value under this name.
    pub(super) fn named(&mut self, name: &'static str) -> impl Visit {
        NamedVisitor { fields: self, name }
    }

    /// A visitor that records the fields of an event.
    ///
    /// `from_log` tells whether the event comes from a record of the `log` crate.
    pub(super) fn visitor(&mut self, from_log: bool) -> EventVisitor<'_> {
        EventVisitor {
            fields: self,
            from_log,
            has_message: false,
        }
    }

    /// Adds the key-values of a `log` record.
    pub(super) fn add_pairs(&mut self, pairs: &Pairs) {
        for (name, value) in pairs.iter() {
            let mut set =
                |kind, value: Value<'_>| self.set(Cow::Owned(name.to_owned()), kind, value);
            let mut digits = itoa::Buffer::new();
            match value {
                PairValue::Bool(value) => set(Kind::Bare, Value::Format(format_args!("{value}"))),
                PairValue::I64(value) => set(Kind::Bare, Value::Str(digits.format(*value))),
                PairValue::U64(value) => set(Kind::Bare, Value::Str(digits.format(*value))),
                PairValue::F64(value) => with_float(*value, set),
                PairValue::Text(value) => set(Kind::Text, Value::Str(value)),
            }
        }
        self.dropped += pairs.dropped();
    }
}

/// Calls `set` with a floating-point number as text.
pub(super) fn with_float(value: f64, set: impl FnOnce(Kind, Value<'_>)) {
    // JSON has no notation for infinity and NaN.
    let kind = if value.is_finite() {
        Kind::Bare
    } else {
        Kind::Text
    };
    set(kind, Value::Str(zmij::Buffer::new().format(value)));
}

/// A value before it is stored.
pub(super) enum Value<'a> {
    /// Text, the most common kind, needs no formatting.
    Str(&'a str),
    Format(fmt::Arguments<'a>),
}

/// The methods of [`Visit`] for all types of `tracing`, which call `self.set`.
macro_rules! record_values {
    () => {
        fn record_f64(&mut self, field: &Field, value: f64) {
            with_float(value, |kind, value| self.set(field, kind, value));
        }

        fn record_i64(&mut self, field: &Field, value: i64) {
            let mut digits = itoa::Buffer::new();
            self.set(field, Kind::Bare, Value::Str(digits.format(value)));
        }

        fn record_u64(&mut self, field: &Field, value: u64) {
            let mut digits = itoa::Buffer::new();
            self.set(field, Kind::Bare, Value::Str(digits.format(value)));
        }

        // Recorded as text, because most parsers read JSON numbers as 64-bit floats, which would change the value.
        fn record_i128(&mut self, field: &Field, value: i128) {
            self.set(field, Kind::Text, Value::Format(format_args!("{value}")));
        }

        fn record_u128(&mut self, field: &Field, value: u128) {
            self.set(field, Kind::Text, Value::Format(format_args!("{value}")));
        }

        fn record_bool(&mut self, field: &Field, value: bool) {
            let value = if value { "true" } else { "false" };
            self.set(field, Kind::Bare, Value::Str(value));
        }

        fn record_str(&mut self, field: &Field, value: &str) {
            self.set(field, Kind::Text, Value::Str(value));
        }

        fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
            self.set(field, Kind::Text, Value::Str(&with_causes(value)));
        }

        fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
            self.set(field, Kind::Text, Value::Format(format_args!("{value:?}")));
        }
    };
}

pub(super) use record_values;

/// Records an event's fields.
pub(super) struct EventVisitor<'a> {
    fields: &'a mut EventFields,
    from_log: bool,
    has_message: bool,
}

impl EventVisitor<'_> {
    fn set(&mut self, field: &Field, kind: Kind, value: Value<'_>) {
        let name = field.name();
        // `tracing-log` passes the target, module, file and line as fields. The log line already has the target.
        if self.from_log && name.starts_with("log.") {
            return;
        }
        // The macros record the event's message first. A later field of that name is an ordinary field.
        let kind = if name == "message" && !self.has_message {
            self.has_message = true;
            Kind::Message
        } else {
            kind
        };
        self.fields.set(Cow::Borrowed(name), kind, value);
    }
}

impl Visit for EventVisitor<'_> {
    record_values!();
}

/// Records values under one name.
struct NamedVisitor<'a> {
    fields: &'a mut EventFields,
    name: &'static str,
}

impl NamedVisitor<'_> {
    fn set(&mut self, _: &Field, kind: Kind, value: Value<'_>) {
        self.fields.set(Cow::Borrowed(self.name), kind, value);
    }
}

impl Visit for NamedVisitor<'_> {
    record_values!();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(fields: &mut Fields, name: &'static str, value: &str) {
        fields.set(name, Kind::Text, Value::Str(value));
    }

    #[test]
    fn last_value_wins_in_place() {
        let mut fields = Fields::<&'static str>::default();
        set(&mut fields, "a", "first");
        set(&mut fields, "b", "stays");
        for _ in 0..10_000 {
            set(&mut fields, "a", "second");
        }
        assert_eq!(fields.get("a"), Some("second"));
        assert_eq!(fields.get("b"), Some("stays"));
        assert_eq!(fields.text.len(), "second".len() + "stays".len());
    }

    #[test]
    fn long_values_are_truncated_at_a_character() {
        let mut fields = Fields::<&'static str>::default();
        set(&mut fields, "a", &"ü".repeat(MAX_VALUE_BYTES));
        let text = fields.get("a").unwrap_or_default();
        assert!(text.len() <= MAX_VALUE_BYTES + TRUNCATION_MARK.len());
        assert!(text.ends_with(TRUNCATION_MARK));
    }
}
