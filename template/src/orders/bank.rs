//! Client of the bank, another service that is called over HTTP at `BANK_URL`.
//!
//! Each call is a span of the job's trace. A failed call is retried with its job. Without `BANK_URL`, charges are simulated.

use std::time::Duration;

use firstlight::http::ClientLayer;
use firstlight::jobs::apalis::{AbortError, BoxDynError};
use reqwest::{Client, Url, redirect::Policy};
use serde_json::json;

use super::table::Order;

/// Less than the 15 s of an attempt, so that the error names the bank.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Client of the bank; clones share its connections.
#[derive(Debug, Clone)]
pub struct Bank {
    url: Option<String>,
    client: Client,
    calls: ClientLayer,
}

impl Bank {
    /// Creates a client for the bank at `url`, or a simulation without one.
    pub fn new(url: Option<String>) -> Result<Self, reqwest::Error> {
        if url.is_none() {
            tracing::info!("BANK_URL is not set: charges are simulated");
        }
        let client = Client::builder().redirect(Policy::none()); // a redirect may turn a POST into a GET
        let (client, calls) = (client.timeout(TIMEOUT).build()?, ClientLayer::new());
        Ok(Self { url, client, calls })
    }

    /// Charges the card; fails with an [`AbortError`] if the bank declines.
    #[tracing::instrument(name = "ask_bank", skip_all)]
    pub async fn charge(&self, order: &Order) -> Result<(), BoxDynError> {
        let Some(url) = &self.url else {
            return Ok(simulate(&order.item).await?);
        };
        let payment = self
            .client
            .post(format!("{url}/payments/{}", order.id))
            .header("idempotency-key", order.id)
            .json(&json!({ "item": order.item, "quantity": order.quantity }));
        let call = self.calls.send(payment).url_template("/payments/{order}");
        let status = call.await?.status();
        // 408 (timeout) and 429 (rate limit) may succeed later; any other 4xx is a decision about this order.
        if status.is_client_error() && ![408, 429].contains(&status.as_u16()) {
            return Err(AbortError::new(format!("the bank declines: {status}")).into());
        }
        match status.is_success() {
            true => Ok(()),
            false => Err(format!("the bank answers {status}").into()),
        }
    }
}

const EXPECTED: &str = "BANK_URL: found a value that is not an address, expected one such as http://bank, without user, query and fragment; for https, add TLS to Cargo.toml and bank.rs";

/// Checks the bank's address; the error hides it, because it may hold a password.
pub fn url(given: String) -> anyhow::Result<String> {
    let is_server = |url: Url| url.scheme() == "http" && url.has_host();
    let is_address = !given.contains(['?', '#', '@']) && Url::parse(&given).is_ok_and(is_server);
    anyhow::ensure!(is_address, EXPECTED);
    Ok(given.trim_end_matches('/').to_owned())
}

async fn simulate(item: &str) -> Result<(), AbortError> {
    tokio::time::sleep(Duration::from_millis(25)).await;
    if item == "declined" {
        return Err(AbortError::new("the bank declines"));
    }
    Ok(())
}
