//! Values that parsers take and no operator means, and words in other cases.

use super::{TelemetryConfig, environment, resolve};

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
fn admin_hosts_are_no_addresses() {
    for host in ["http://0.0.0.0", "0.0.0.0:9464", "'localhost'"] {
        let variables = [("OTEL_EXPORTER_PROMETHEUS_HOST", host)];
        let error = resolve(TelemetryConfig::new(), &variables).unwrap_err();
        assert!(error.to_string().contains("PROMETHEUS_PORT"), "{error}");
    }
    let any = environment(&[("OTEL_EXPORTER_PROMETHEUS_HOST", "::")]);
    assert_eq!(any.admin, Some(("::".to_owned(), 9464)));
}

#[test]
fn wrong_headers_are_named_and_left_out() {
    let list = "api-key=a%20b, bad name=hunter2 ,hunter2,x=hunter2%0A,=hunter2,ok=1";
    let settings = environment(&[
        ("OTEL_TRACES_EXPORTER", "otlp"),
        ("OTEL_EXPORTER_OTLP_HEADERS", list),
    ]);
    let said = settings.warnings;
    let wrong = [
        "pair 2 is not sent, because \"bad name\" is no name of a header",
        "pair 3 is not sent, because it has no `=`",
        "pair 4 is not sent, because the value of \"x\" cannot stand in a header",
        "pair 5 is not sent, because \"\" is no name of a header",
    ];
    assert_eq!(said.len(), wrong.len(), "{said:?}");
    for (said, wrong) in said.iter().zip(wrong) {
        assert!(
            said.starts_with(&format!("OTEL_EXPORTER_OTLP_HEADERS: {wrong}")),
            "{said}"
        );
        assert!(!said.contains("hunter2"), "{said}");
    }
    let headers = settings.exports.traces.unwrap().destination.headers;
    let names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["api-key", "ok"]);
}

#[test]
fn words_are_read_in_any_case() {
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
    assert!(settings.exports.traces.is_some() && !settings.exports.page);
    assert!(!settings.exemplars);
}

#[test]
fn filters_are_judged_in_every_setting() {
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
            assert!(settings.warnings[0].contains("using the default"), "{text}");
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
