//! Warnings about unusual endpoints and unused proxies.

use super::{TelemetryConfig, environment, resolve};

/// The warnings about one endpoint.
fn endpoint_warnings(protocol: &str, variable: &str, value: &str) -> Vec<String> {
    environment(&[
        ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
        ("OTEL_METRICS_EXPORTER", "otlp"),
        ("OTEL_LOGS_EXPORTER", "otlp"),
        (variable, value),
    ])
    .warnings
}

const BASE: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const TRACES: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";

#[test]
fn unusual_http_endpoints_are_warned_about() {
    let http = "http/protobuf";
    for (variable, value, write) in [
        (BASE, "http://c:4318/v1/traces", "write http://c:4318"),
        (BASE, "http://c/otlp/v1/metrics/", "write http://c/otlp"),
        (BASE, "http://c/v1/logs?key=hunter2", "write http://c?***"),
        (BASE, "http://c:4317", "or take the port 4318"),
        (TRACES, "http://c:4318", "write http://c:4318/v1/traces"),
        (
            TRACES,
            "http://c:4318/?k=hunter2",
            "write http://c:4318/v1/traces?***",
        ),
        (TRACES, "http://c/v1/logs", "write http://c/v1/traces"),
        (TRACES, "http://c:4317", "take the port 4318"),
    ] {
        let found = endpoint_warnings(http, variable, value);
        assert_eq!(found.len(), 1, "once for all signals: {value} {found:?}");
        assert!(
            found[0].starts_with(&format!("{variable}: found ")),
            "{found:?}"
        );
        assert!(found[0].ends_with(write), "{value} {found:?}");
        assert!(!found[0].contains("hunter2"), "{found:?}");
    }
    for (variable, value) in [
        (BASE, "http://c:4318"),
        (BASE, "https://c/otlp/"),
        (BASE, "http://c/v1"),
        (TRACES, "http://c:4318/v1/traces"),
        (TRACES, "https://c/custom"),
    ] {
        assert_eq!(endpoint_warnings(http, variable, value), [""; 0], "{value}");
    }
    let setter = TelemetryConfig::new().otlp_endpoint("http://c/v1/traces");
    let found = resolve(setter, &[]).unwrap().warnings;
    assert!(
        found[0].starts_with("TelemetryConfig::otlp_endpoint: "),
        "{found:?}"
    );
}

#[cfg(feature = "otlp-grpc")]
#[test]
fn unusual_grpc_endpoints_are_warned_about() {
    for (variable, value, write) in [
        (BASE, "http://c:4317/v1/traces", "write http://c:4317"),
        (TRACES, "c:4317/v1/traces", "write c:4317"),
        (BASE, "http://c:4318", "take the port 4317"),
    ] {
        let found = endpoint_warnings("grpc", variable, value);
        assert_eq!(found.len(), 1, "{value} {found:?}");
        assert!(found[0].ends_with(write), "{value} {found:?}");
    }
    for value in ["http://c:4317", "http://c:4317/", "c:4317", "https://c"] {
        assert_eq!(endpoint_warnings("grpc", BASE, value), [""; 0], "{value}");
    }
}

#[test]
fn unused_proxies_are_warned_about_once() {
    let warnings = |variables: &[(&str, &str)]| {
        let endpoint = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://otel.example:4318"),
            ("OTEL_LOGS_EXPORTER", "otlp"),
        ];
        let variables = [&endpoint[..], variables].concat();
        resolve(TelemetryConfig::new(), &variables)
            .unwrap()
            .warnings
    };
    for variable in ["HTTP_PROXY", "http_proxy", "ALL_PROXY"] {
        let found = warnings(&[(variable, "http://user:hunter2@proxy:3128")]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with(variable), "{found:?}");
        assert!(!found[0].contains("hunter2"), "{found:?}");
    }
    for excluded in [
        "otel.example",
        "a.b, .example",
        "*.example",
        "*",
        "otel.example:4318",
        "a.b example",
        "OTEL.Example",
    ] {
        let found = warnings(&[("HTTP_PROXY", "http://proxy"), ("NO_PROXY", excluded)]);
        assert_eq!(found, [""; 0], "{excluded}");
    }
    for (host, excluded, is_warned) in [
        ("10.1.2.3", "10.0.0.0/8", false),
        ("10.1.2.3", "10.1.2.3:4318", false),
        ("10.1.2.3", "11.0.0.0/8, 10.0.0.0/33, 10.0.0.0/x", true),
        ("[2001:db8::1]", "2001:db8::/32", false),
        ("[2001:db8::1]", "[2001:db8::1]", false),
        ("[2001:db8::1]", "10.0.0.0/8, ::/129", true),
    ] {
        let endpoint = format!("http://{host}:4318");
        let variables = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &*endpoint),
            ("HTTP_PROXY", "http://proxy"),
            ("NO_PROXY", excluded),
        ];
        let settings = resolve(TelemetryConfig::new(), &variables).unwrap();
        let found = settings.warnings;
        assert_eq!(
            found.len(),
            usize::from(is_warned),
            "{host} {excluded}: {found:?}"
        );
    }
    assert_eq!(warnings(&[("HTTPS_PROXY", "http://proxy")]), [""; 0]);
}
