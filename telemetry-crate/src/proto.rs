//! The common parts of OTLP messages: attributes, scopes and times.

use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry_proto::tonic::common::v1::{
    AnyValue, InstrumentationScope, KeyValue, any_value::Value,
};

/// An attribute with this key and value.
pub(crate) fn attribute(key: impl Into<String>, value: Value) -> KeyValue {
    KeyValue {
        key: key.into(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

/// A string value.
pub(crate) fn text(text: impl Into<String>) -> Value {
    Value::StringValue(text.into())
}

/// An instrumentation scope with this name.
pub(crate) fn scope(name: impl Into<String>) -> InstrumentationScope {
    InstrumentationScope {
        name: name.into(),
        ..InstrumentationScope::default()
    }
}

/// Nanoseconds since the Unix epoch.
///
/// Returns 0, which means unknown in OTLP, for a time before the epoch.
pub(crate) fn nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
