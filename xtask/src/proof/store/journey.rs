//! One trace from a client through two services, a queue and two databases, followed at the receiver.

use std::collections::{BTreeSet, HashMap};

use anyhow::{bail, ensure};
use firstlight::testing::{OtlpReceiver, ReceivedSpan};

use super::{Parts, SOON, orders};
use crate::test::Cases;

pub(super) fn cases(cases: &mut Cases, parts: &Parts) {
    cases.check(
        "a client's trace goes on through service, database, queue, worker, outgoing call and second service, and is whole",
        || run(parts),
    );
}

fn run(parts: &Parts) -> anyhow::Result<()> {
    let collector = OtlpReceiver::start()?;
    let endpoint = collector.endpoint();
    // A database of its own, or it would work off the first one's queue.
    let bank_database = parts.database("bank")?;
    let mut bank = bank_database.serve_traced(Some(&endpoint), &[("OTEL_SERVICE_NAME", BANK)])?;
    let shop_database = parts.database("shop")?;
    let shop_settings = [("OTEL_SERVICE_NAME", SHOP), ("BANK_URL", &*bank.address)];
    let mut shop = shop_database.serve_traced(Some(&endpoint), &shop_settings)?;

    let traceparent = format!("00-{TRACE}-{CLIENT}-01");
    let answer = orders::send(&shop, orders::TELESCOPE, &[("traceparent", &traceparent)])?;
    orders::accepted(&answer)?;
    let of_it = |span: &&ReceivedSpan| span.trace_id == TRACE;
    let has = |spans: &[ReceivedSpan], name: &str| {
        spans.iter().filter(of_it).any(|span| span.name == name)
    };
    collector.wait_for(SOON, |spans| {
        has(spans, PAYMENT) && has(spans, "UPDATE orders")
    });
    shop.stop()?;
    bank.stop()?;
    // Both have flushed.
    let spans = collector.spans();
    let trace: Trace<'_> = spans
        .iter()
        .filter(of_it)
        .map(|span| (span.span_id.as_str(), span))
        .collect();

    for span in trace.values() {
        ensure!(
            span.parent_span_id == CLIENT || trace.contains_key(span.parent_span_id.as_str()),
            "the parent of {:?} never arrived",
            span.name
        );
        ensure!(
            span.status != "error",
            "nothing went wrong, and {:?} has the status error: {span:?}",
            span.name
        );
    }
    // Back from the last to the first, by the ids that each has of its parent.
    let way = way_to(PAYMENT, &trace)?;
    let hops: Vec<_> = way
        .iter()
        .filter(|span| span.kind != "internal")
        .map(|span| (service_of(span), span.kind, span.name.as_str()))
        .collect();
    ensure!(hops == HOPS, "found {hops:#?}, expected {HOPS:#?}");
    let first = way.last().map(|span| span.parent_span_id.as_str());
    ensure!(
        first == Some(CLIENT),
        "the first hop's parent: found {first:?}, expected the client's span {CLIENT}"
    );
    // The first database is left again before the queue is reached, so its spans are beside the way.
    for name in ["INSERT orders", ENQUEUE, "UPDATE orders"] {
        let end = way_to(name, &trace)?;
        let request = end.last().map(|span| span.name.as_str());
        ensure!(
            request == Some("POST /orders"),
            "{name} belongs to {request:?}, expected it below the client's request"
        );
    }
    Ok(())
}

type Trace<'a> = HashMap<&'a str, &'a ReceivedSpan>;

/// The span of this name, its parent, and so on to the first that has none in the trace.
fn way_to<'a>(name: &str, trace: &Trace<'a>) -> anyhow::Result<Vec<&'a ReceivedSpan>> {
    let mut next = trace.values().find(|span| span.name == name).copied();
    let mut way = Vec::new();
    while let Some(span) = next {
        way.push(span);
        next = trace.get(span.parent_span_id.as_str()).copied();
        ensure!(way.len() <= trace.len(), "{name} is its own ancestor");
    }
    if way.is_empty() {
        let names: BTreeSet<_> = trace.values().map(|span| &span.name).collect();
        bail!("no span {name:?} among {names:?}");
    }
    Ok(way)
}

fn service_of(span: &ReceivedSpan) -> &str {
    span.resource.get("service.name").map_or("", String::as_str)
}

const SHOP: &str = "shop";
const BANK: &str = "bank";
const PAYMENT: &str = "INSERT payments";
const ENQUEUE: &str = "INSERT apalis.jobs SELECT";

/// The way back, from the second database to the request of the client.
const HOPS: [(&str, &str, &str); 6] = [
    (BANK, "client", PAYMENT),
    (BANK, "server", "POST /payments/{order}"),
    (SHOP, "client", "POST /payments/{order}"),
    (SHOP, "consumer", "process charges"),
    (SHOP, "producer", "send charges"),
    (SHOP, "server", "POST /orders"),
];

const TRACE: &str = "70a57000000000000000000000000006";
const CLIENT: &str = "c11e000000000001";
