//! Conversion of attribute values, ids and times of OTLP to plain types.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use opentelemetry_proto::tonic::{
    common::v1::{AnyValue, KeyValue, any_value::Value},
    resource::v1::Resource,
};

/// Attributes by key, with their values as text.
pub(super) type Attributes = BTreeMap<String, String>;

pub(super) fn resource_of(resource: Option<Resource>) -> Attributes {
    attributes_of(
        resource
            .map(|resource| resource.attributes)
            .unwrap_or_default(),
    )
}

pub(super) fn time_of(unix_nanos: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(unix_nanos)
}

pub(super) fn attributes_of(attributes: Vec<KeyValue>) -> BTreeMap<String, String> {
    let text = |KeyValue { key, value, .. }| (key, value.as_ref().map(text_of).unwrap_or_default());
    attributes.into_iter().map(text).collect()
}

pub(super) fn text_of(value: &AnyValue) -> String {
    match &value.value {
        None => String::new(),
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::BoolValue(value)) => value.to_string(),
        Some(Value::IntValue(value)) => value.to_string(),
        Some(Value::DoubleValue(value)) => value.to_string(),
        Some(Value::BytesValue(bytes)) => hex(bytes),
        Some(Value::ArrayValue(array)) => {
            format!(
                "[{}]",
                array
                    .values
                    .iter()
                    .map(text_of)
                    .collect::<Vec<_>>()
                    .join(", ")
            )
        }
        Some(Value::KvlistValue(list)) => {
            let pair = |pair: &KeyValue| {
                format!(
                    "{}: {}",
                    pair.key,
                    pair.value.as_ref().map(text_of).unwrap_or_default()
                )
            };
            format!(
                "{{{}}}",
                list.values.iter().map(pair).collect::<Vec<_>>().join(", ")
            )
        }
        // The value is an index into the dictionary of profiles, and has no meaning in other signals.
        Some(Value::StringValueStrindex(index)) => format!("#{index}"),
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}
