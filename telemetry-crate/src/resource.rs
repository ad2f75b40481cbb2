//! The resource: attributes of this process, sent with every signal.
//!
//! The SDK's own builder is not used: it prefers `service.name` in `OTEL_RESOURCE_ATTRIBUTES` to `OTEL_SERVICE_NAME`,
//! contrary to the specification ("Resource SDK", environment variables), and it prefers code to the environment.

use std::collections::BTreeMap;

use opentelemetry::KeyValue;
use opentelemetry_sdk::{
    resource::{ResourceDetector, TelemetryResourceDetector},
    trace::{IdGenerator, RandomIdGenerator},
};

use crate::{
    proto::{attribute, text},
    secret,
};

/// The attributes of one process, by key.
#[derive(Debug, Clone)]
pub(crate) struct Resource(BTreeMap<String, String>);

impl Resource {
    /// Merges the attributes; later arguments take precedence.
    pub(crate) fn new(
        service_name: Option<String>,
        service_version: Option<String>,
        from_code: Vec<(String, String)>,
        from_environment: BTreeMap<String, String>,
        service_name_variable: Option<String>,
    ) -> Self {
        let mut attributes = BTreeMap::new();
        for (key, value) in &TelemetryResourceDetector.detect() {
            attributes.insert(key.to_string(), value.to_string());
        }
        attributes.insert(
            "telemetry.distro.name".to_owned(),
            env!("CARGO_PKG_NAME").to_owned(),
        );
        attributes.insert(
            "telemetry.distro.version".to_owned(),
            env!("CARGO_PKG_VERSION").to_owned(),
        );
        attributes.insert("service.instance.id".to_owned(), instance_id());
        attributes.insert(
            "service.name".to_owned(),
            service_name.unwrap_or_else(unknown_service),
        );
        attributes.extend(service_version.map(|version| ("service.version".to_owned(), version)));
        attributes.extend(from_code);
        attributes.extend(from_environment);
        attributes.extend(service_name_variable.map(|name| ("service.name".to_owned(), name)));
        // Secrets are redacted, because attributes are shown on every span, in the exposition and in `/telemetry`.
        for (key, value) in &mut attributes {
            *value = secret::shown(key, value).into_owned();
        }
        Self(attributes)
    }

    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    pub(crate) fn service_name(&self) -> &str {
        self.get("service.name").unwrap_or_default()
    }

    /// Returns the attributes as pairs, for the exposition and `/telemetry`.
    pub(crate) fn to_pairs(&self) -> Vec<(String, String)> {
        self.0
            .iter()
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    }

    /// Returns the attributes for OTLP messages that are encoded without the SDK.
    pub(crate) fn to_proto(&self) -> opentelemetry_proto::tonic::resource::v1::Resource {
        let attributes = self.0.iter();
        opentelemetry_proto::tonic::resource::v1::Resource {
            attributes: attributes
                .map(|(key, value)| attribute(key, text(value)))
                .collect(),
            ..Default::default()
        }
    }

    /// Returns the attributes for the SDK.
    pub(crate) fn to_sdk(&self) -> opentelemetry_sdk::Resource {
        opentelemetry_sdk::Resource::builder_empty()
            .with_attributes(
                self.0
                    .iter()
                    .map(|(key, value)| KeyValue::new(key.clone(), value.clone())),
            )
            .build()
    }
}

/// Returns the default of `service.name`, which names the executable.
///
/// The semantic convention of `service.name` defines it.
fn unknown_service() -> String {
    let executable = std::env::current_exe().ok();
    match executable
        .as_deref()
        .and_then(|path| path.file_stem())
        .map(|name| name.to_string_lossy())
    {
        Some(name) => format!("unknown_service:{name}"),
        None => "unknown_service".to_owned(),
    }
}

/// Returns a random UUID (version 4).
///
/// The semantic convention of `service.instance.id` recommends one where nothing else names the instance. The random bits
/// come from the SDK's id generator, so no other crate is needed.
fn instance_id() -> String {
    let mut bytes = RandomIdGenerator::default().new_trace_id().to_bytes();
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instance_ids_are_random_uuids() {
        let (one, two) = (instance_id(), instance_id());
        assert_ne!(one, two);
        assert_eq!(one.len(), 36);
        assert_eq!(&one[14..15], "4");
        assert!("89ab".contains(&one[19..20]));
    }

    #[test]
    fn default_name_is_the_executable() {
        let resource = Resource::new(None, None, Vec::new(), BTreeMap::new(), None);
        assert!(
            resource
                .service_name()
                .starts_with("unknown_service:firstlight"),
            "{}",
            resource.service_name()
        );
        assert_eq!(resource.get("telemetry.sdk.language"), Some("rust"));
    }
}
