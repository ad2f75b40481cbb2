//! The bank: another service, called over HTTP at `BANK_URL`. Without an address it is only pretended.
//!
//! Each call is a span of the job's trace, and is tried once: what may work later is the queue's to try again.

use std::time::Duration;

use firstlight::{
    http::ClientLayer,
    jobs::apalis::{AbortError, BoxDynError},
};
use reqwest::{Client, Url};
use serde_json::json;

use super::table::Order;

/// How long an answer may take. Less than an attempt may, which is 15 s, so that what hangs is the bank by name.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The client of the bank. Clones share its connections.
#[derive(Debug, Clone)]
pub struct Bank {
    url: Option<String>,
    client: Client,
    calls: ClientLayer,
}

impl Bank {
    pub fn new(url: Option<String>) -> Result<Self, reqwest::Error> {
        if url.is_none() {
            tracing::info!("BANK_URL is not set: charges are only pretended");
        }
        let client = Client::builder().timeout(TIMEOUT).build()?;
        let calls = ClientLayer::new();
        Ok(Self { url, client, calls })
    }

    /// Takes the money for an order. An [`AbortError`] is the bank's no; after any other error it is asked again, with the same key.
    #[tracing::instrument(name = "ask_bank", skip_all)]
    pub async fn charge(&self, order: &Order) -> Result<(), BoxDynError> {
        let Some(url) = &self.url else {
            return Ok(pretend(&order.item).await?);
        };
        let payment = self
            .client
            .post(format!("{url}/payments/{}", order.id))
            .header("idempotency-key", order.id)
            .json(&json!({ "item": order.item, "quantity": order.quantity }));
        let call = self.calls.send(payment).url_template("/payments/{order}");
        let status = call.await?.status();
        // Too slow and too many are about this moment, and not about this order.
        let is_no = status.is_client_error() && ![408, 429].contains(&status.as_u16());
        match status.is_success() {
            true => Ok(()),
            false if is_no => Err(AbortError::new(format!("the bank declines: {status}")).into()),
            false => Err(format!("the bank answers {status}").into()),
        }
    }
}

const EXPECTED: &str = "BANK_URL: found a value that is none, expected an address such as http://bank.internal, without user, query and fragment; for https, Cargo.toml has no TLS yet";

/// The address of a server, to which a path can be added. An error does not show it: it may hold a password.
pub fn url(given: String) -> anyhow::Result<String> {
    let is_server = |url: Url| url.scheme() == "http" && url.has_host();
    let is_address = !given.contains(['?', '#', '@']) && Url::parse(&given).is_ok_and(is_server);
    anyhow::ensure!(is_address, EXPECTED);
    Ok(given.trim_end_matches('/').to_owned())
}

async fn pretend(item: &str) -> Result<(), AbortError> {
    tokio::time::sleep(Duration::from_millis(25)).await;
    if item == "declined" {
        return Err(AbortError::new("the bank declines"));
    }
    Ok(())
}
