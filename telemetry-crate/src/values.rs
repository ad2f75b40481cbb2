//! Plain values of spans, converted before firstlight takes a lock.
//!
//! A value runs code of the program: its `Debug` may log, record on the span that is being created, panic, or print without
//! an end, and the sources of an error may form a cycle. All of that code runs here, once and bounded. The layers then get
//! only numbers and texts, which run no code.
//!
//! Values of events are not converted. They are written directly into buffers that no other code can see.

mod chain;
mod pairs;
mod text;
mod text_field;

use std::{error::Error, fmt};

use tracing::{
    Metadata,
    field::{DebugValue, Field, FieldSet, Value, ValueSet, Visit, debug},
    span::{Attributes, Record},
};

use self::chain::Chain;
pub(crate) use self::{
    chain::{text_of, with_causes},
    pairs::{PairValue, Pairs},
    text::{TRUNCATION_MARK, prefix, printed, truncated, write_foreign, write_str},
    text_field::{Kind, TextField},
};

/// A number with its singular or plural words.
///
/// Examples are `1 run was` and `2 runs were`.
pub(crate) fn counted(number: u64, singular: &str, plural: &str) -> String {
    format!("{number} {}", if number == 1 { singular } else { plural })
}

/// Runs `work` with the attributes of a span, converted to plain values.
pub(crate) fn with_plain_attributes<T>(
    attributes: &Attributes<'_>,
    work: impl FnOnce(&Attributes<'_>) -> T,
) -> T {
    let mut test = IsPlain(true);
    attributes.record(&mut test);
    if test.0 {
        return work(attributes);
    }
    let metadata = attributes.metadata();
    let values = PlainValues::new(metadata.fields(), |values| attributes.record(values));
    values.with_set(|set| {
        work(&match attributes.parent() {
            Some(parent) => Attributes::child_of(parent.clone(), metadata, set),
            None if attributes.is_root() => Attributes::new_root(metadata, set),
            None => Attributes::new(metadata, set),
        })
    })
}

/// Runs `work` with a record of a span, converted to plain values.
///
/// `metadata` is the metadata of the span.
pub(crate) fn with_plain_record<T>(
    record: &Record<'_>,
    metadata: &Metadata<'static>,
    work: impl FnOnce(&Record<'_>) -> T,
) -> T {
    let mut test = IsPlain(true);
    record.record(&mut test);
    if test.0 {
        return work(record);
    }
    let values = PlainValues::new(metadata.fields(), |values| record.record(values));
    values.with_set(|set| work(&Record::new(set)))
}

/// Whether all values are plain, so that none must be converted.
///
/// An unsigned number that fits `i64` is not plain, see [`Plain::I64`].
struct IsPlain(bool);

impl Visit for IsPlain {
    fn record_f64(&mut self, _: &Field, _: f64) {}
    fn record_i64(&mut self, _: &Field, _: i64) {}
    fn record_bool(&mut self, _: &Field, _: bool) {}
    fn record_str(&mut self, _: &Field, _: &str) {}

    fn record_u64(&mut self, _: &Field, value: u64) {
        self.0 &= i64::try_from(value).is_err();
    }

    fn record_error(&mut self, _: &Field, _: &(dyn Error + 'static)) {
        self.0 = false;
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {
        self.0 = false;
    }
}

/// One plain value, by the types of a `tracing` visitor.
enum Plain {
    F64(f64),
    /// A signed number, or an unsigned one that fits.
    ///
    /// `tracing-opentelemetry` would write an unsigned number as text.
    I64(i64),
    U64(u64),
    I128(i128),
    U128(u128),
    Bool(bool),
    Str(String),
    Debug(DebugValue<Printed>),
    Error(Box<dyn Error + 'static>),
}

impl Plain {
    fn as_value(&self) -> &dyn Value {
        match self {
            Self::F64(value) => value,
            Self::I64(value) => value,
            Self::U64(value) => value,
            Self::I128(value) => value,
            Self::U128(value) => value,
            Self::Bool(value) => value,
            Self::Str(value) => value,
            Self::Debug(value) => value,
            Self::Error(value) => value,
        }
    }
}

/// The output of a `Debug`.
struct Printed(String);

impl fmt::Debug for Printed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The plain values of a span's fields, in the order of the fields.
struct PlainValues<'a> {
    fields: &'a FieldSet,
    values: Vec<Option<Plain>>,
}

impl<'a> PlainValues<'a> {
    fn new(fields: &'a FieldSet, record: impl FnOnce(&mut Self)) -> Self {
        let mut values = Self {
            fields,
            values: fields.iter().map(|_| None).collect(),
        };
        record(&mut values);
        values
    }

    fn with_set<T>(&self, work: impl FnOnce(&ValueSet<'_>) -> T) -> T {
        let values: Vec<_> = self
            .values
            .iter()
            .map(|value| value.as_ref().map(Plain::as_value))
            .collect();
        work(&self.fields.value_set_all(&values))
    }

    fn set(&mut self, field: &Field, value: Plain) {
        if let Some(slot) = self.values.get_mut(field.index()) {
            *slot = Some(value);
        }
    }
}

impl Visit for PlainValues<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field, Plain::F64(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, Plain::I64(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        let value = i64::try_from(value).map_or(Plain::U64(value), Plain::I64);
        self.set(field, value);
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.set(field, Plain::I128(value));
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.set(field, Plain::U128(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, Plain::Bool(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, Plain::Str(value.to_owned()));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.set(field, Plain::Error(Box::new(Chain::new(value))));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let printed = Printed(printed(format_args!("{value:?}")));
        self.set(field, Plain::Debug(debug(printed)));
    }
}
