//! Tests of failures that pass through three services in a row.
//!
//! Each service is a process of its own.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
    routing::get,
};
use firstlight::{
    http::{ClientLayer, TelemetryLayer},
    testing::{OtlpReceiver, ReceivedSpan},
};

use crate::{
    serve::{listening, serve_until_stopped},
    support::{ask, scenario::Scenario},
};

/// The attribute of spans that are exported because their local root failed.
const FAILURE: &str = "firstlight.trace.failure";

/// How this service gets its answer.
#[derive(Clone)]
struct Next {
    /// The address of the next service; `None` in the last one.
    address: Option<String>,
    calls: ClientLayer,
    client: reqwest::Client,
}

/// Serves `/ok` and `/fail`, which the last service of the row answers.
#[tokio::main]
pub(crate) async fn run_links() -> ExitCode {
    let next = Next {
        address: std::env::var("NEXT").ok(),
        calls: ClientLayer::new(),
        client: reqwest::Client::new(),
    };
    let app = Router::new()
        .route("/ok", get(answer))
        .route("/fail", get(answer))
        .with_state(next)
        .layer(TelemetryLayer::new());
    serve_until_stopped(app).await
}

async fn answer(State(next): State<Next>, uri: Uri, headers: HeaderMap) -> StatusCode {
    let Some(address) = next.address else {
        let parent = headers["traceparent"].to_str().unwrap();
        tracing::info!(parent, state = ?headers.get("tracestate"), "reached");
        return match uri.path() {
            "/ok" => StatusCode::OK,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
    };
    let call = next.client.get(format!("http://{address}{}", uri.path()));
    match next.calls.send(call).await {
        Ok(answer) if answer.status().is_success() => StatusCode::OK,
        _ => StatusCode::BAD_GATEWAY,
    }
}

/// Three services in a row, which export to one collector.
struct Row {
    collector: OtlpReceiver,
    /// The first service comes last.
    services: Vec<Scenario>,
    first: SocketAddr,
}

impl Row {
    fn start(variables: &[(&str, &str)]) -> Self {
        let collector = OtlpReceiver::start().unwrap();
        let endpoint = collector.endpoint();
        let mut services = Vec::new();
        let mut next: Option<SocketAddr> = None;
        for name in ["third", "second", "first"] {
            let address = next.map(|next| next.to_string());
            let mut all = vec![
                ("OTEL_SERVICE_NAME", name),
                ("OTEL_EXPORTER_OTLP_ENDPOINT", &*endpoint),
                ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
                ("OTEL_TRACES_SAMPLER_ARG", "0.01"),
            ];
            all.extend(address.as_deref().map(|address| ("NEXT", address)));
            all.extend(variables);
            let mut service = Scenario::start("links", &all);
            next = Some(listening(&mut service).0);
            services.push(service);
        }
        Self {
            collector,
            services,
            first: next.unwrap(),
        }
    }

    fn ask(&self, path: &str, expected: u16) {
        assert_eq!(ask(self.first, &format!("GET {path}")).status, expected);
    }

    /// Stops the services, which flush.
    ///
    /// Returns the sampled flags by trace as the last service received them, and all spans.
    fn stop(mut self) -> (BTreeMap<String, bool>, Vec<ReceivedSpan>) {
        let mut reached = BTreeMap::new();
        for service in self.services.iter_mut().rev() {
            service.send_signal("-TERM");
            for line in service
                .rest()
                .iter()
                .filter(|line| line.contains("reached"))
            {
                let line: serde_json::Value = serde_json::from_str(line).unwrap();
                assert_eq!(line["state"], "None", "{line}");
                let parent: Vec<_> = line["parent"].as_str().unwrap().split('-').collect();
                // A new trace has the flag 02, because its id is random.
                assert!(["02", "03"].contains(&parent[3]), "{line}");
                reached.insert(parent[1].to_owned(), parent[3] == "03");
            }
            assert_eq!(service.end().0, Some(0));
        }
        (reached, self.collector.spans())
    }
}

/// Whether these are all spans of a trace through the row, each with its parent.
fn is_whole(spans: &[&ReceivedSpan]) -> bool {
    let expected = [
        ("first", "server"),
        ("first", "client"),
        ("second", "server"),
        ("second", "client"),
        ("third", "server"),
    ];
    let mut parent = "";
    let mut is_in_a_row = |(service, kind): &(&str, &str)| {
        let next = spans.iter().find(|span| {
            span.parent_span_id == parent
                && span.kind == *kind
                && span.resource["service.name"] == *service
        });
        parent = next.map_or("none", |span| &span.span_id);
        next.is_some()
    };
    expected.iter().all(&mut is_in_a_row) && spans.len() == expected.len()
}

fn by_trace(spans: &[ReceivedSpan]) -> BTreeMap<&str, Vec<&ReceivedSpan>> {
    let mut traces: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for span in spans {
        traces.entry(&*span.trace_id).or_default().push(span);
    }
    traces
}

pub(crate) fn path() {
    for recorder in ["on", "off"] {
        let row = Row::start(&[
            ("FIRSTLIGHT_TRACE_FAILURES", "5"),
            ("FIRSTLIGHT_RECORDER", recorder),
        ]);
        for number in 0..300 {
            row.ask("/ok", 200);
            if number == 150 {
                row.ask("/fail", 502);
            }
        }
        let (reached, spans) = row.stop();
        assert_eq!(reached.len(), 301);
        let traces = by_trace(&spans);
        let mut failing = Vec::new();
        let mut succeeding = BTreeSet::new();
        for (trace, spans) in &traces {
            assert!(is_whole(spans), "{spans:#?}");
            let is_sampled = reached[*trace];
            for span in spans {
                let mark = span.attributes.get(FAILURE).map(String::as_str);
                assert_eq!(mark, (!is_sampled).then_some("true"), "{span:#?}");
            }
            if spans.iter().any(|span| span.status == "error") {
                assert!(spans.iter().all(|span| span.status == "error"));
                failing.push(trace);
            } else {
                succeeding.insert((*trace).to_owned());
            }
        }
        assert_eq!(failing.len(), 1, "{spans:#?}");
        let sampled = reached.iter().filter(|(trace, is_sampled)| {
            **is_sampled && !failing.iter().any(|failing| *failing == trace)
        });
        let sampled: BTreeSet<_> = sampled.map(|(trace, _)| trace.clone()).collect();
        assert_eq!(succeeding, sampled);
        // More than 15 of 300 at 1 % happen once in ten million runs.
        assert!(sampled.len() <= 15, "{sampled:?}");
    }
}

pub(crate) fn off() {
    let row = Row::start(&[]);
    (0..20).for_each(|_| row.ask("/fail", 502));
    let (reached, spans) = row.stop();
    let traces = by_trace(&spans);
    assert!(traces.keys().all(|trace| reached[*trace]), "{spans:#?}");
}

pub(crate) fn storm() {
    let row = Row::start(&[("FIRSTLIGHT_TRACE_FAILURES", "5")]);
    let started = Instant::now();
    for number in 0..250 {
        row.ask("/fail", 502);
        // Fifty a second, which is ten times the limit.
        let next = started + number * Duration::from_millis(20);
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    let (reached, spans) = row.stop();
    assert_eq!(reached.len(), 250);
    let mut traces = by_trace(&spans);
    traces.retain(|trace, _| !reached[*trace]);
    let broken: Vec<_> = traces.values().filter(|spans| !is_whole(spans)).collect();
    // A trace that fails while levels change is broken if its services are at different levels. Few are, because the
    // services see the failures in the same order; without an agreement, nearly all would be. On a busy machine the rate
    // varies, and the levels change more often.
    assert!(
        broken.len() * 10 <= traces.len(),
        "{} of {}: {broken:#?}",
        broken.len(),
        traces.len()
    );
    // The first failures are all chosen, and most of the others are not.
    assert!((5..125).contains(&traces.len()), "{}", traces.len());
}
