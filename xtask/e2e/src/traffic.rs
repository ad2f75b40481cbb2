//! Requests to the orders API of the example, for the demo and the tests.

use anyhow::{Context as _, bail};
use support::http::{self, Answer};

use crate::service::Service;

/// The path of the first order, an example for `curl`.
pub const EXAMPLE_PATH: &str = "/orders/1";
/// The path of a report that takes about a second, in several steps.
pub const SLOW_PATH: &str = "/orders/1/slow-report";
/// The path of a request that fails with 500, because no invoice service runs.
pub const FAILING_PATH: &str = "/orders/1/invoice";
/// The path of an order that does not exist, which is answered with 404.
pub const UNKNOWN_ORDER: &str = "/orders/999999";

/// Places an order.
pub fn order(service: &Service) -> anyhow::Result<Answer> {
    let json = ("content-type", "application/json");
    let answer = http::send(
        "POST",
        &service.url("/orders"),
        &[json],
        r#"{"item":"telescope","quantity":2}"#,
    )?;
    if answer.status != 201 {
        bail!(
            "POST /orders: found status {}, expected 201: {}",
            answer.status,
            answer.body
        );
    }
    Ok(answer)
}

/// Sends a GET request that must be answered with `status`.
///
/// With `traceparent`, the request continues the caller's trace.
pub fn get(
    service: &Service,
    path: &str,
    status: u16,
    traceparent: Option<&str>,
) -> anyhow::Result<Answer> {
    let headers: Vec<_> = traceparent
        .map(|value| ("traceparent", value))
        .into_iter()
        .collect();
    let answer = http::send("GET", &service.url(path), &headers, "")?;
    if answer.status != status {
        bail!(
            "GET {path}: found status {}, expected {status}: {}",
            answer.status,
            answer.body
        );
    }
    Ok(answer)
}

/// Sends fast, failing and slow requests one after the other.
///
/// Returns their number. `progress` is called with a description of each step.
pub fn mixed(service: &Service, progress: impl Fn(&str)) -> anyhow::Result<usize> {
    for round in 1..=ROUNDS {
        progress(&format!("round {round} of {ROUNDS}"));
        order(service)?;
        // The request continues a trace, like one from another service.
        let traceparent = format!("00-{:032x}-{round:016x}-01", 0xca11_0000 + round);
        get(service, EXAMPLE_PATH, 200, Some(&traceparent))?;
        get(service, EXAMPLE_PATH, 200, None)?;
        get(service, UNKNOWN_ORDER, 404, None)?;
        get(service, FAILING_PATH, 500, None)?;
    }
    progress(SLOW_PATH);
    get(service, SLOW_PATH, 200, None).context("the slow request")?;
    Ok(5 * ROUNDS + 1)
}

/// How often [`mixed`] repeats its fast and failing requests.
const ROUNDS: usize = 10;
