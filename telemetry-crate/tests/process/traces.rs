//! Tests of the propagation formats with a whole service.

#[cfg(all(feature = "axum", feature = "reqwest", feature = "testing"))]
pub(crate) mod failures;

use std::{convert::Infallible, process::ExitCode};

use firstlight::TelemetryConfig;
use serde_json::Value;
use tower::{Layer, ServiceExt};

use crate::support::scenario::Scenario;

/// The trace id of the caller.
const CALLER: &str = "80f198ee56343ba864fe8b2a57d3eff7";

/// Handles one request in each propagation format, and one without a context.
///
/// The handler logs the headers that an outgoing request would have.
pub(crate) fn run_formats() -> ExitCode {
    let telemetry = TelemetryConfig::new().without_admin().init().unwrap();
    let service = tower::service_fn(|_: http::Request<String>| async {
        let mut headers = http::HeaderMap::new();
        // A header that the service forwards unchanged.
        headers.insert("x-b3-parentspanid", CALLER.parse().unwrap());
        firstlight::http::inject(&mut headers);
        tracing::info!(sent = ?headers, "inside");
        Ok::<_, Infallible>(http::Response::new(String::new()))
    });
    let service = firstlight::http::TelemetryLayer::new().layer(service);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let span = "e457b5a2e4d86bd1";
    for headers in [
        vec![
            ("traceparent", format!("00-{CALLER}-{span}-03")),
            ("tracestate", "a@@b=1".to_owned()),
            ("tracestate", "c=2".to_owned()),
        ],
        vec![("b3", format!("{CALLER}-{span}-d"))],
        vec![("b3", format!("{CALLER}-{span}"))],
        vec![
            ("x-b3-traceid", CALLER.to_owned()),
            ("x-b3-spanid", span.to_owned()),
            ("x-b3-sampled", "0".to_owned()),
        ],
        vec![("uber-trace-id", format!("{CALLER}:{span}:0:1"))],
        vec![],
    ] {
        let mut request = http::Request::builder();
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.body(String::new()).unwrap();
        runtime.block_on(service.clone().oneshot(request)).unwrap();
    }
    telemetry.finish(Ok::<(), Infallible>(()))
}

/// Checks that the sent headers of all formats agree on ids and decision.
///
/// The elements of `decision` are the trace flags of `traceparent`, the sampling states of `b3`, `x-b3-sampled` and
/// `x-b3-flags`, and the flags of `uber-trace-id`. The empty text stands for a header that is not sent.
fn assert_formats(line: &str, decision: [&str; 5]) {
    let parsed: Value = serde_json::from_str(line).unwrap();
    // The `Debug` form of these headers is JSON.
    let sent: Value = serde_json::from_str(parsed["sent"].as_str().unwrap()).unwrap();
    let header = |name: &str| sent[name].as_str().unwrap_or_default();
    let ids: Vec<_> = header("traceparent").split('-').collect();
    let (trace, span) = (ids[1], ids[2]);
    let [flags, state, sampled, debug, jaeger] = decision;
    for (name, value) in [
        ("traceparent", format!("00-{trace}-{span}-{flags}")),
        ("b3", format!("{trace}-{span}-{state}")),
        ("x-b3-traceid", trace.to_owned()),
        ("x-b3-spanid", span.to_owned()),
        ("x-b3-sampled", sampled.to_owned()),
        ("x-b3-flags", debug.to_owned()),
        // The header of the caller, which is removed.
        ("x-b3-parentspanid", String::new()),
        ("uber-trace-id", format!("{trace}:{span}:0:{jaeger}")),
    ] {
        assert_eq!(header(name), value, "{name} of {line}");
    }
}

pub(crate) fn formats() {
    let sent = |policy| {
        let variables = [
            ("FIRSTLIGHT_REMOTE_PARENT", policy),
            ("OTEL_PROPAGATORS", "tracecontext,baggage,b3,b3multi,jaeger"),
        ];
        let mut scenario = Scenario::start("formats", &variables);
        let lines = scenario.rest();
        assert_eq!(scenario.end().0, Some(0), "{lines:#?}");
        let lines: Vec<_> = (lines.into_iter())
            .filter(|line| line.contains("inside"))
            .collect();
        assert_eq!(lines.len(), 6, "{lines:#?}");
        lines
    };
    let lines = sent("continue");
    for (line, decision) in lines.iter().zip([
        ["03", "1", "1", "", "1"],
        ["01", "d", "", "1", "3"],
        // The caller defers the decision to the service, which samples all.
        ["01", "1", "1", "", "1"],
        ["00", "0", "0", "", "0"],
        ["01", "1", "1", "", "1"],
        // The service starts this trace. Its id is random, which the flag 02 says.
        ["03", "1", "1", "", "1"],
    ]) {
        assert_formats(line, decision);
    }
    let (last, continued) = lines.split_last().unwrap();
    assert!(
        continued.iter().all(|line| line.contains(CALLER)),
        "{lines:#?}"
    );
    assert!(!last.contains(CALLER), "{last}");
    assert!(lines[0].contains("a@@b=1,c=2"), "{}", lines[0]);
    for policy in ["link", "ignore"] {
        for line in sent(policy) {
            assert!(
                !line.contains(CALLER) && !line.contains("a@@b"),
                "{policy}: {line}"
            );
            assert_formats(&line, ["03", "1", "1", "", "1"]);
        }
    }
}
