//! Blocking HTTP requests to servers on the loopback interface.

use std::time::Duration;

use anyhow::Context as _;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use ureq::{Agent, http::Request};

/// A complete response.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The `content-type` header, or the empty string.
    pub content_type: String,
    /// The body, which must be UTF-8.
    pub body: String,
}

/// Sends a GET request without headers; see [`send`].
pub fn get(url: &str) -> anyhow::Result<Answer> {
    send("GET", url, &[], "")
}

/// Sends a request; `headers` are names and values.
///
/// # Errors
///
/// If no complete response arrives within 20 s. A status of 400 or more is not an error.
pub fn send(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> anyhow::Result<Answer> {
    let agent: Agent = Agent::config_builder()
        .timeout_global(Some(TIMEOUT))
        .http_status_as_error(false)
        // Requests to the loopback interface must not go through a proxy of the machine.
        .proxy(None)
        .build()
        .into();
    let mut request = Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request
        .body(body.to_owned())
        .with_context(|| format!("{method} {url} is not a valid request"))?;
    let mut response = agent
        .run(request)
        .with_context(|| format!("{method} {url}"))?;
    let content_type = response
        .headers()
        .get("content-type")
        .and_then(|value| value.to_str().ok());
    let content_type = content_type.unwrap_or_default().to_owned();
    let status = response.status().as_u16();
    let body = response
        .body_mut()
        .read_to_string()
        .with_context(|| format!("{method} {url}: reading the body"))?;
    Ok(Answer {
        status,
        content_type,
        body,
    })
}

/// Repeats a GET request until `wanted` returns a value for the response.
///
/// # Errors
///
/// If the deadline passes first. The message holds the last response.
pub fn poll<T>(
    url: &str,
    headers: &[(&str, &str)],
    deadline: Duration,
    mut wanted: impl FnMut(&Answer) -> Option<T>,
) -> anyhow::Result<T> {
    let until = std::time::Instant::now() + deadline;
    loop {
        let answer = send("GET", url, headers, "");
        if let Some(found) = answer.as_ref().ok().and_then(&mut wanted) {
            return Ok(found);
        }
        if std::time::Instant::now() >= until {
            let last = answer.map_or_else(|error| format!("{error:#}"), |answer| answer.body);
            anyhow::bail!("{url} did not return what was expected; its last answer:\n{last}");
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Percent-encodes `text` for the query of a URL.
pub fn encoded(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

/// All characters except those that RFC 3986 calls unreserved, without the tilde.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');
const TIMEOUT: Duration = Duration::from_secs(20);
