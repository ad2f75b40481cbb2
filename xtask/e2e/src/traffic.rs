//! The requests that the demo and the tests send to the example's orders API.

use anyhow::{Context as _, bail};
use support::http::{self, Answer};

use crate::service::Service;

/// What `curl` shows best, once an order has been made.
pub const EXAMPLE_PATH: &str = "/orders/1";
/// Takes about a second, in steps.
pub const SLOW_PATH: &str = "/orders/1/slow-report";
/// Fails with 500, because a service that it needs is not there.
pub const FAILING_PATH: &str = "/orders/1/invoice";
/// Fails with 404.
pub const UNKNOWN_ORDER: &str = "/orders/999999";

/// Makes an order.
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

/// A GET that must be answered with `status`, as a caller that traces sends it where `traceparent` is given.
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

/// Fast, failing and slow requests, one after the other; returns how many. `watch` hears what is being sent.
pub fn mixed(service: &Service, watch: impl Fn(&str)) -> anyhow::Result<usize> {
    for round in 1..=ROUNDS {
        watch(&format!("round {round} of {ROUNDS}"));
        order(service)?;
        // A caller that traces, as another service would be.
        let traceparent = format!("00-{:032x}-{round:016x}-01", 0xca11_0000 + round);
        get(service, EXAMPLE_PATH, 200, Some(&traceparent))?;
        get(service, EXAMPLE_PATH, 200, None)?;
        get(service, UNKNOWN_ORDER, 404, None)?;
        get(service, FAILING_PATH, 500, None)?;
    }
    watch(SLOW_PATH);
    get(service, SLOW_PATH, 200, None).context("the slow request")?;
    Ok(5 * ROUNDS + 1)
}

const ROUNDS: usize = 10;
