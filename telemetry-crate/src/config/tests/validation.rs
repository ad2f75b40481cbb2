//! Validation of settings, and case-insensitive values.

use super::{ServerLimits, TelemetryConfig, environment, resolve};

#[cfg(feature = "otlp-grpc")]
#[test]
fn grpc_endpoints_have_hosts_and_ports() {
    for value in [
        "c:99999",
        ":4317",
        "http:/c:4317",
        "http:c:4317",
        "http://c:99999",
        "\"c:4317\"",
        "user:hunter2@c:4317",
        "c d:4317",
    ] {
        let variables = [
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "GRPC"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", value),
        ];
        let error = resolve(TelemetryConfig::new(), &variables).unwrap_err();
        let message = error.to_string();
        assert!(
            message.starts_with("OTEL_EXPORTER_OTLP_ENDPOINT: found"),
            "{message}"
        );
        assert!(!message.contains("hunter2"), "{message}");
    }
}

#[test]
fn admin_hosts_have_no_scheme_and_port() {
    for host in ["http://0.0.0.0", "0.0.0.0:9464", "'localhost'"] {
        let variables = [("OTEL_EXPORTER_PROMETHEUS_HOST", host)];
        let error = resolve(TelemetryConfig::new(), &variables).unwrap_err();
        assert!(error.to_string().contains("PROMETHEUS_PORT"), "{error}");
    }
    let any = environment(&[("OTEL_EXPORTER_PROMETHEUS_HOST", "::")]);
    assert_eq!(any.admin, Some(("::".to_owned(), 9464)));
}

#[test]
fn invalid_headers_are_named_and_dropped() {
    let list = "api-key=a%20b, bad name=hunter2 ,hunter2,x=hunter2%0A,=hunter2,ok=1";
    let settings = environment(&[
        ("OTEL_TRACES_EXPORTER", "otlp"),
        ("OTEL_EXPORTER_OTLP_HEADERS", list),
    ]);
    let found = settings.warnings;
    let wrong = [
        "pair 2 is not sent, because \"bad name\" is not a header name",
        "pair 3 is not sent, because it has no `=`",
        "pair 4 is not sent, because the value of \"x\" is not valid in a header",
        "pair 5 is not sent, because \"\" is not a header name",
    ];
    assert_eq!(found.len(), wrong.len(), "{found:?}");
    for (found, wrong) in found.iter().zip(wrong) {
        assert!(
            found.starts_with(&format!("OTEL_EXPORTER_OTLP_HEADERS: {wrong}")),
            "{found}"
        );
        assert!(!found.contains("hunter2"), "{found}");
    }
    let headers = settings.exports.traces.unwrap().destination.headers;
    let names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["api-key", "ok"]);
}

#[test]
fn enumerations_are_case_insensitive() {
    let settings = environment(&[
        ("FIRSTLIGHT_LOG_FORMAT", "ECS"),
        ("FIRSTLIGHT_REMOTE_PARENT", "Link"),
        ("OTEL_TRACES_EXPORTER", "OTLP"),
        ("OTEL_METRICS_EXPORTER", "None"),
        ("OTEL_LOGS_EXPORTER", "Console"),
        ("OTEL_TRACES_SAMPLER", "Always_Off"),
        ("OTEL_PROPAGATORS", "B3,Baggage"),
        ("OTEL_METRICS_EXEMPLAR_FILTER", "ALWAYS_OFF"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "HTTP/Protobuf"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "None"),
        ("FIRSTLIGHT_TRACE_EVENTS", "ERROR"),
        ("RUST_LOG", "WARN,orders=Debug"),
    ]);
    assert_eq!(settings.warnings, [""; 0]);
    assert_eq!(settings.log_format, crate::LogFormat::Ecs);
    assert_eq!(settings.sampler.to_string(), "always_off");
    assert!(settings.exports.traces.is_some() && !settings.exports.prometheus);
    assert!(!settings.exemplars);
}

#[test]
fn invalid_filters_are_rejected() {
    for text in [
        "\"info\"",
        "info;full=debug",
        "debug:full",
        "*=info",
        "false",
    ] {
        for variable in ["RUST_LOG", "FIRSTLIGHT_TRACE_FILTER"] {
            let settings = environment(&[(variable, text)]);
            assert_eq!(
                settings.warnings.len(),
                1,
                "{text}: {:?}",
                settings.warnings
            );
            let default = "; it counts as unset, and the default is `info`";
            assert!(settings.warnings[0].ends_with(default), "{text}");
            assert_eq!(settings.log_filter, "info");
        }
        let config = TelemetryConfig::new();
        assert!(
            resolve(config.clone().log_filter(text), &[]).is_err(),
            "{text}"
        );
        assert!(resolve(config.trace_filter(text), &[]).is_err(), "{text}");
    }
    let only = environment(&[("FIRSTLIGHT_TRACE_FILTER", "orders=debug")]);
    assert!(only.warnings[0].contains("a level for all others is missing"));
}

#[test]
fn bad_endpoints_name_the_variable() {
    for (value, hint) in [
        ("collector:4318", "with a scheme"),
        ("https://user:hunter2@c:4318", "OTEL_EXPORTER_OTLP_HEADERS"),
        ("http://user:hunter2@c:4318", "OTEL_EXPORTER_OTLP_HEADERS"),
        ("http://", "with a scheme"),
        ("http:/c:4318", "with a scheme"),
        ("http:///v1/traces", "with a scheme"),
        ("ftp://c:4318", "with a scheme"),
        ("http://127.0.0.1:99999", "from 1 to 65535"),
        ("http://c:0", "from 1 to 65535"),
        ("http://c:", "from 1 to 65535"),
        ("http://http://c:4318", "from 1 to 65535"),
        ("http://c:4318,http://d:4318", "with a scheme"),
        ("http://:4318", "with a host name"),
        ("http://127.0.0.256:4318", "with a host name"),
        ("http://*:4318", "with a host name"),
        ("http://c:4318#x", "without quotes"),
        ("http://c:4318/\"", "without quotes"),
        ("http://c:4318/v 1", "without quotes"),
        ("notaurl", "with a scheme"),
    ] {
        let error = resolve(
            TelemetryConfig::new(),
            &[("OTEL_EXPORTER_OTLP_ENDPOINT", value)],
        );
        let Err(error) = error else {
            panic!("{value} was accepted")
        };
        let message = error.to_string();
        assert!(
            message.starts_with("OTEL_EXPORTER_OTLP_ENDPOINT: found"),
            "{message}"
        );
        assert!(message.contains(hint), "{message}");
        assert!(!message.contains("hunter2"), "{message}");
    }
    for (variable, value, hint) in [
        (
            "OTEL_EXPORTER_OTLP_PROTOCOL",
            "http/json",
            "`http/protobuf`",
        ),
        (
            "OTEL_EXPORTER_OTLP_CERTIFICATE",
            "/no/such/file",
            "that can be read",
        ),
    ] {
        let variables = [("OTEL_TRACES_EXPORTER", "otlp"), (variable, value)];
        let error = resolve(TelemetryConfig::new(), &variables).unwrap_err();
        assert!(error.to_string().starts_with(variable), "{error}");
        assert!(error.to_string().contains(hint), "{error}");
    }
}

#[cfg(not(any(feature = "otlp-grpc", feature = "otlp-tls")))]
#[test]
fn missing_features_are_named() {
    for (variable, value, feature) in [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "`otlp-grpc`"),
        (
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "https://c:4318",
            "`otlp-tls`",
        ),
    ] {
        let variables = [("OTEL_TRACES_EXPORTER", "otlp"), (variable, value)];
        let error = resolve(TelemetryConfig::new(), &variables).unwrap_err();
        assert!(error.to_string().contains(feature), "{error}");
    }
}

#[test]
fn invalid_values_warn_and_default() {
    let settings = environment(&[
        ("OTEL_TRACES_SAMPLER", "bogus"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "-1"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "secretkey"),
        ("OTEL_TRACES_EXPORTER", "otlp"),
        ("OTEL_PROPAGATORS", "xray"),
        ("RUST_LOG", "info,orders=loud"),
        ("FIRSTLIGHT_HTTP_READ_TIMEOUT", "10s"),
        ("FIRSTLIGHT_HTTP_MAX_BODY", "2MB"),
        ("FIRSTLIGHT_HTTP_MAX_CONNECTIONS", "0"),
        ("FIRSTLIGHT_HTTP_MAX_REQUESTS", "-1"),
        ("FIRSTLIGHT_DRAIN_TIMEOUT", "20 s"),
        ("FIRSTLIGHT_TRACE_FILTER", "[[["),
        ("OTEL_ATTRIBUTE_COUNT_LIMIT", "-1"),
        ("OTEL_BSP_EXPORT_TIMEOUT", "0"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "0"),
        ("OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS", "GET,"),
    ]);
    assert_eq!(settings.server_limits, ServerLimits::default());
    assert_eq!(settings.drain_timeout, None);
    assert_eq!(settings.sampler.to_string(), "parentbased_always_on");
    assert_eq!(settings.propagators.len(), 2);
    let traces = settings.exports.traces.unwrap();
    assert_eq!(traces.batching.max_queue_size, 2048);
    let warnings = settings.warnings.join("\n");
    for name in [
        "OTEL_TRACES_SAMPLER",
        "OTEL_BSP_MAX_QUEUE_SIZE",
        "OTEL_EXPORTER_OTLP_HEADERS",
        "OTEL_PROPAGATORS",
        "RUST_LOG",
        "FIRSTLIGHT_HTTP_READ_TIMEOUT",
        "FIRSTLIGHT_HTTP_MAX_BODY",
        "FIRSTLIGHT_HTTP_MAX_CONNECTIONS",
        "FIRSTLIGHT_HTTP_MAX_REQUESTS",
        "FIRSTLIGHT_DRAIN_TIMEOUT",
        "FIRSTLIGHT_TRACE_FILTER",
        "OTEL_ATTRIBUTE_COUNT_LIMIT",
        "OTEL_BSP_EXPORT_TIMEOUT",
        "OTEL_EXPORTER_OTLP_TIMEOUT",
        "OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS",
    ] {
        assert_eq!(
            warnings.matches(&format!("{name}:")).count(),
            1,
            "{warnings}"
        );
    }
    assert!(!warnings.contains("secretkey"), "{warnings}");
}
