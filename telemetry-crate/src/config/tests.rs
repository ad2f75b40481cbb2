//! Tests of the settings that result from variables and setters.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod endpoints;
mod validation;

use std::{num::NonZeroU32, time::Duration};

use super::{Batching, CardinalityLimits, Settings, TelemetryConfig, server::ServerLimits};
use crate::InitError;

fn resolve(config: TelemetryConfig, variables: &[(&str, &str)]) -> Result<Settings, InitError> {
    Settings::resolve(config, &|name| {
        variables
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| (*value).to_owned())
    })
}

fn environment(variables: &[(&str, &str)]) -> Settings {
    resolve(TelemetryConfig::new(), variables).unwrap()
}

fn endpoint_of(variables: &[(&str, &str)]) -> Option<String> {
    let traces = environment(variables).exports.traces;
    traces.map(|export| export.destination.endpoint.to_string())
}

#[test]
fn settings_without_a_recorder_are_named() {
    let off = ("FIRSTLIGHT_RECORDER", "off");
    for (name, value) in [
        ("FIRSTLIGHT_RECORDER_FILE", "/tmp/last"),
        ("FIRSTLIGHT_RECORDER_FILTER", "debug"),
        ("FIRSTLIGHT_LOG_ON_FAILURE", "debug"),
    ] {
        assert_eq!(environment(&[(name, value)]).warnings, [""; 0]);
        let expected = format!("{name} has no effect, because FIRSTLIGHT_RECORDER is off");
        assert_eq!(environment(&[off, (name, value)]).warnings, [expected]);
    }
}

#[test]
fn limits_of_the_environment_win() {
    let limits = |list: &str| {
        let config = TelemetryConfig::new().cardinality_limit("orders", 7);
        let settings = resolve(config, &[("FIRSTLIGHT_METRICS_CARDINALITY_LIMIT", list)]).unwrap();
        let CardinalityLimits {
            by_metric, each, ..
        } = settings.cardinality_limits;
        (by_metric, each, settings.warnings.len())
    };
    let named = |name: &str, series| (name.to_owned(), series);
    assert_eq!(limits(""), (vec![named("orders", 7)], None, 0));
    // A number without a name replaces all limits of the code.
    assert_eq!(limits("9"), (vec![], Some(9), 0));
    assert_eq!(
        limits("a=1, 9 ,b = 2"),
        (vec![named("a", 1), named("b", 2)], Some(9), 0)
    );
    // The last entry of a name applies.
    assert_eq!(
        limits("orders=8"),
        (vec![named("orders", 7), named("orders", 8)], None, 0)
    );
    for wrong in ["0", "x", "9,,", "a=", "a=-1"] {
        assert_eq!(limits(wrong), (vec![named("orders", 7)], None, 1));
    }
    let zero = TelemetryConfig::new().cardinality_limit("orders", 0);
    assert!(resolve(zero, &[]).is_err());
    let total = environment(&[("FIRSTLIGHT_METRICS_TOTAL_CARDINALITY_LIMIT", "12")]);
    assert_eq!(total.cardinality_limits.total, Some(12));
}

#[test]
fn unreachable_limits_are_warned_about() {
    let warnings = |config: TelemetryConfig, variables: &[(&str, &str)]| {
        resolve(config, variables).unwrap().warnings
    };
    let small = || TelemetryConfig::new().total_cardinality_limit(100);
    assert_eq!(
        warnings(small(), &[]),
        [""; 0],
        "the default of each metric is not a configured limit"
    );
    assert_eq!(
        warnings(small().cardinality_limit("orders", 100), &[]),
        [""; 0]
    );
    let config = small().cardinality_limit("orders", 101);
    let warned = warnings(config.clone(), &[]);
    assert_eq!(warned.len(), 1);
    assert!(
        warned[0].starts_with("orders may have 101 series, and all metrics together only 100"),
        "{warned:?}"
    );
    let total = ("FIRSTLIGHT_METRICS_TOTAL_CARDINALITY_LIMIT", "101");
    assert_eq!(warnings(config, &[total]), [""; 0], "the environment wins");
    let each = ("FIRSTLIGHT_METRICS_CARDINALITY_LIMIT", "60000");
    assert_eq!(warnings(TelemetryConfig::new(), &[each]).len(), 1);
    assert!(resolve(TelemetryConfig::new().total_cardinality_limit(0), &[]).is_err());
}

#[test]
fn traces_need_endpoint_or_exporter() {
    let base = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318");
    assert_eq!(endpoint_of(&[]), None);
    assert_eq!(
        endpoint_of(&[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")]),
        None,
        "empty means unset"
    );
    assert_eq!(
        endpoint_of(&[base]).unwrap(),
        "http://collector:4318/v1/traces"
    );
    assert_eq!(
        endpoint_of(&[("OTEL_TRACES_EXPORTER", "otlp")]).unwrap(),
        "http://localhost:4318/v1/traces"
    );
    assert_eq!(endpoint_of(&[base, ("OTEL_TRACES_EXPORTER", "none")]), None);
    assert_eq!(endpoint_of(&[base, ("OTEL_SDK_DISABLED", "TRUE")]), None);
}

#[test]
fn only_general_endpoints_get_a_path() {
    assert_eq!(
        endpoint_of(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:1/base/")]).unwrap(),
        "http://c:1/base/v1/traces"
    );
    assert_eq!(
        endpoint_of(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:1/?key=x")]).unwrap(),
        "http://c:1/v1/traces?key=x"
    );
    let both = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:1"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://t:2/x"),
    ];
    assert_eq!(endpoint_of(&both).unwrap(), "http://t:2/x");
}

#[test]
fn signals_have_their_own_endpoints() {
    let general = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:1");
    let settings = environment(&[general]);
    assert!(settings.exports.metrics.is_none() && settings.exports.logs.is_none());
    assert!(settings.exports.prometheus);

    let settings = environment(&[
        general,
        ("OTEL_METRICS_EXPORTER", "prometheus, otlp"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "1500"),
        ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "http://logs:2/x"),
        ("OTEL_EXPORTER_OTLP_LOGS_HEADERS", "api-key=abc"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=general"),
        ("OTEL_BLRP_SCHEDULE_DELAY", "7"),
    ]);
    let exports = settings.exports;
    assert!(exports.prometheus);
    let metrics = exports.metrics.unwrap();
    assert_eq!(metrics.destination.endpoint, "http://c:1/v1/metrics");
    assert_eq!(metrics.interval, Duration::from_millis(1500));
    assert_eq!(metrics.destination.headers[0].1, "general");
    let logs = exports.logs.unwrap();
    assert_eq!(logs.destination.endpoint, "http://logs:2/x");
    assert_eq!(logs.destination.headers[0].1, "abc");
    assert_eq!(logs.batching.schedule_delay, Duration::from_millis(7));

    assert!(
        !environment(&[("OTEL_METRICS_EXPORTER", "otlp")])
            .exports
            .prometheus
    );
    assert!(
        !environment(&[("OTEL_METRICS_EXPORTER", "none")])
            .exports
            .prometheus
    );
    let unsupported = environment(&[
        ("OTEL_METRICS_EXPORTER", "otlp"),
        ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "lz4"),
    ]);
    assert_eq!(unsupported.warnings.len(), 2, "{:?}", unsupported.warnings);
    assert!(!environment(&[("OTEL_METRICS_EXEMPLAR_FILTER", "always_off")]).exemplars);
    let warnings = environment(&[("OTEL_CONFIG_FILE", "/etc/otel.yaml")]).warnings;
    assert!(
        warnings[0].starts_with("OTEL_CONFIG_FILE: found \"/etc/otel.yaml\""),
        "{warnings:?}"
    );
    let off = environment(&[general, ("OTEL_SDK_DISABLED", "true")]).exports;
    assert!(off.traces.is_none() && off.prometheus);
}

#[cfg(feature = "otlp-grpc")]
#[test]
fn grpc_endpoints_need_no_scheme() {
    let endpoint = |value, insecure| {
        endpoint_of(&[
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", value),
            ("OTEL_EXPORTER_OTLP_INSECURE", insecure),
        ])
        .unwrap()
    };
    let path = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
    assert_eq!(
        endpoint("http://c:4317/ignored", ""),
        format!("http://c:4317{path}")
    );
    assert_eq!(endpoint("c:4317", "true"), format!("http://c:4317{path}"));
    let default = [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_TRACES_EXPORTER", "otlp"),
    ];
    assert_eq!(
        endpoint_of(&default).unwrap(),
        format!("http://localhost:4317{path}")
    );
}

#[test]
fn environment_wins_over_code() {
    let config = TelemetryConfig::new()
        .service_name("author")
        .resource_attribute("team", "author")
        .shutdown_timeout(Duration::from_secs(1))
        .admin_address(([127, 0, 0, 1], 1).into());
    let settings = resolve(config.clone(), &[]).unwrap();
    assert_eq!(settings.resource.get("service.name"), Some("author"));
    assert_eq!(settings.shutdown_timeout, Duration::from_secs(1));
    assert_eq!(settings.admin, Some(("127.0.0.1".to_owned(), 1)));

    let settings = resolve(
        config,
        &[
            ("OTEL_SERVICE_NAME", "operator"),
            (
                "OTEL_RESOURCE_ATTRIBUTES",
                "service.name=loses,team=a%2Cb,k8s.pod.name=p%2D1",
            ),
            ("FIRSTLIGHT_SHUTDOWN_TIMEOUT", "2000"),
            ("OTEL_EXPORTER_PROMETHEUS_PORT", "0"),
        ],
    )
    .unwrap();
    assert_eq!(settings.resource.get("service.name"), Some("operator"));
    assert_eq!(settings.resource.get("team"), Some("a,b"));
    assert_eq!(settings.resource.get("k8s.pod.name"), Some("p-1"));
    assert_eq!(settings.shutdown_timeout, Duration::from_secs(2));
    assert_eq!(settings.admin, Some(("localhost".to_owned(), 0)));
}

#[test]
fn server_limits_come_from_variables() {
    let settings = environment(&[
        ("FIRSTLIGHT_HTTP_READ_TIMEOUT", "1500"),
        ("FIRSTLIGHT_HTTP_MAX_BODY", "2"),
        ("FIRSTLIGHT_HTTP_MAX_CONNECTIONS", "3"),
        ("FIRSTLIGHT_HTTP_MAX_REQUESTS", "4"),
        ("FIRSTLIGHT_DRAIN_TIMEOUT", "5"),
    ]);
    let expected = ServerLimits {
        read_timeout: Some(Duration::from_millis(1_500)),
        max_body: Some(2),
        max_connections: Some(3),
        max_requests: Some(4),
    };
    assert_eq!(settings.server_limits, expected);
    assert_eq!(settings.drain_timeout, Some(Duration::from_millis(5)));
    assert_eq!(settings.warnings, Vec::<String>::new());
}

#[test]
fn sampler_names_are_parsed() {
    let sampler = |name, arg| {
        environment(&[
            ("OTEL_TRACES_SAMPLER", name),
            ("OTEL_TRACES_SAMPLER_ARG", arg),
        ])
        .sampler
        .to_string()
    };
    assert_eq!(sampler("always_off", ""), "always_off");
    assert_eq!(
        sampler("parentbased_traceidratio", "0.25"),
        "parentbased_traceidratio=0.25"
    );
    assert_eq!(
        sampler("traceidratio", "7"),
        "always_on",
        "an argument out of range is replaced by the default, 1"
    );
}

#[test]
fn failures_are_exported_on_request() {
    let limit = |value| {
        let settings = environment(&[("FIRSTLIGHT_TRACE_FAILURES", value)]);
        let limit = settings.trace_failures.map(NonZeroU32::get);
        (limit, settings.warnings.len())
    };
    for off in ["", "0"] {
        assert_eq!(limit(off), (None, 0));
    }
    assert_eq!(limit("5"), (Some(5), 0));
    assert_eq!(limit("1000"), (Some(1000), 0));
    for wrong in ["1001", "-1", "0.5", "all"] {
        assert_eq!(limit(wrong), (None, 1));
    }
}

#[test]
fn batches_fit_into_the_queue() {
    let export = environment(&[
        ("OTEL_TRACES_EXPORTER", "otlp"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "10"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "250"),
    ])
    .exports
    .traces
    .unwrap();
    let Batching {
        max_queue_size,
        max_batch_size,
        ..
    } = export.batching;
    assert_eq!((max_queue_size, max_batch_size), (10, 10));
    assert_eq!(
        export.destination.request_timeout,
        Duration::from_millis(250)
    );
}
