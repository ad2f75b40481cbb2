//! What the messages of all OTLP signals have in common: attributes and times.
//!
//! What it leaves out: the signals themselves, which each signal writes, and the transport.

use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry_proto::tonic::common::v1::{
    AnyValue, InstrumentationScope, KeyValue, any_value::Value,
};

/// One attribute.
pub(crate) fn attribute(key: impl Into<String>, value: Value) -> KeyValue {
    KeyValue {
        key: key.into(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

/// A text as a value.
pub(crate) fn text(text: impl Into<String>) -> Value {
    Value::StringValue(text.into())
}

/// A scope of that name.
pub(crate) fn scope(name: impl Into<String>) -> InstrumentationScope {
    InstrumentationScope {
        name: name.into(),
        ..InstrumentationScope::default()
    }
}

/// Nanoseconds since the Unix epoch; 0, which OTLP reads as unknown, for a clock that stands before it.
pub(crate) fn nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
