//! Temporary changes of the log filter.
//!
//! The requests are `PUT /log-filter?for=10m&who=…&why=…` and `DELETE /log-filter`. A permanent change belongs in
//! `RUST_LOG`, where it survives a restart.

use std::{
    net::SocketAddr,
    time::{Duration, SystemTime},
};

use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use jiff::SignedDuration;
use serde_json::Value;

use super::{
    answer::{self, Answer, accepts_json, text},
    identity::Identity,
    query,
};
use crate::{
    directives::Directives,
    logs::{Change, FilterState, rfc3339},
    status::Status,
};

/// The version of the JSON format.
const FORMAT: u32 = 1;

/// The default duration of a change.
///
/// It is long enough to reproduce a problem, and limits the volume of a forgotten `trace`.
const DEFAULT_DURATION: Duration = Duration::from_secs(10 * 60);

/// The longest duration of a change.
const MAX_DURATION: Duration = Duration::from_secs(24 * 60 * 60);

const EXPECTED_FOR: &str =
    "from `1s` to `24h`, such as `for=10m`; a permanent change needs RUST_LOG and a restart";

/// The size limit of the directives, ten times the longest lists in use.
const MAX_BODY_BYTES: usize = 8 * 1024;

/// How much of an oversized body is read before the response is sent.
///
/// A client that is still sending its body may not read the response.
const MAX_DRAINED_BYTES: usize = 256 * 1024;

/// The timeout for reading the body.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// The largest number of characters of a name or a reason.
const MAX_CHARACTERS: usize = 200;

/// The parameters of the query.
#[derive(Debug, Default)]
struct Query {
    duration: Option<Duration>,
    who: Option<String>,
    why: Option<String>,
}

impl Query {
    /// Parses the query; a `From` header replaces a missing `who`.
    ///
    /// # Errors
    ///
    /// A sentence that says what was found and what is expected.
    fn parse(query: &str, headers: &HeaderMap) -> Result<Self, String> {
        let mut parsed = Self::default();
        for (key, value) in query::pairs(query) {
            match key {
                "for" => parsed.duration = Some(duration(&value)?),
                "who" => parsed.who = one_line(&value),
                "why" => parsed.why = one_line(&value),
                _ => {
                    return Err(format!(
                        "unknown parameter {:?}; there are `for`, `who` and `why`",
                        one_line(key).unwrap_or_default()
                    ));
                }
            }
        }
        // `From` names the human who controls the client (RFC 9110, section 10.1.2).
        let from = headers
            .get(header::FROM)
            .and_then(|value| value.to_str().ok());
        parsed.who = parsed.who.or_else(|| one_line(from?));
        Ok(parsed)
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    text.parse::<SignedDuration>()
        .ok()
        .and_then(|duration| Duration::try_from(duration).ok())
        .filter(|duration| (Duration::from_secs(1)..=MAX_DURATION).contains(duration))
        .ok_or_else(|| {
            format!(
                "for: found {:?}, expected a duration {EXPECTED_FOR}",
                one_line(text).unwrap_or_default()
            )
        })
}

/// Replaces control characters with spaces, and cuts to [`MAX_CHARACTERS`].
///
/// Returns `None` if the text is blank.
fn one_line(text: &str) -> Option<String> {
    let line: String = text
        .chars()
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .take(MAX_CHARACTERS)
        .collect();
    let line = line.trim();
    (!line.is_empty()).then(|| line.to_owned())
}

fn bad_request(sentence: &str) -> Answer {
    text(StatusCode::BAD_REQUEST, format!("{sentence}\n"))
}

/// Answers `GET /log-filter`.
pub(super) fn get(status: &Status, headers: &HeaderMap) -> Answer {
    describe(status, accepts_json(headers))
}

/// The filter, since when, by whom, and when it reverts.
fn describe(status: &Status, is_json: bool) -> Answer {
    let control = status.log_filter();
    if !is_json {
        return text(StatusCode::OK, control.describe());
    }
    let mut answer = Identity::of(status).json(FORMAT);
    for (key, value) in json(&control.state(), SystemTime::now()) {
        answer[key] = value;
    }
    answer::json(&answer)
}

fn json(state: &FilterState, now: SystemTime) -> [(&'static str, Value); 6] {
    let change = state.change.as_ref();
    let until = change.map(|change| change.until);
    // A change that is about to end has no time left.
    let left = until.map(|until| until.duration_since(now).unwrap_or_default());
    [
        ("filter", state.filter.as_str().into()),
        ("start_filter", state.original.as_str().into()),
        ("until", until.map(rfc3339).into()),
        ("seconds_left", left.map(|left| left.as_secs()).into()),
        ("who", change.and_then(|change| change.who.clone()).into()),
        ("why", change.and_then(|change| change.why.clone()).into()),
    ]
}

/// Answers `PUT /log-filter`: changes the filter for a limited time.
pub(super) async fn put(status: &Status, request: Request<Incoming>, client: SocketAddr) -> Answer {
    let (control, is_json) = (status.log_filter(), accepts_json(request.headers()));
    let query = request.uri().query().unwrap_or_default();
    let query = match Query::parse(query, request.headers()) {
        Ok(query) => query,
        Err(sentence) => return bad_request(&sentence),
    };
    let body = match tokio::time::timeout(BODY_TIMEOUT, read(request.into_body())).await {
        Ok(Ok(body)) => body,
        Ok(Err(refused)) => return refused,
        Err(_) => {
            return text(
                StatusCode::REQUEST_TIMEOUT,
                "the body did not arrive in time\n",
            );
        }
    };
    let directives = match parse(&body) {
        Ok(directives) => directives,
        Err(sentence) => return bad_request(&sentence),
    };

    let duration = query.duration.unwrap_or(DEFAULT_DURATION);
    let change = Change::new(client.ip().to_string(), query.who, query.why, duration);
    let number = control.change(directives, change);
    let timer_control = control.clone();
    let timer = tokio::spawn(async move {
        tokio::time::sleep(duration).await;
        timer_control.end(number);
    });
    control.set_timer(number, timer.abort_handle());
    describe(status, is_json)
}

/// Answers `DELETE /log-filter`: ends a temporary change.
pub(super) fn delete<B>(status: &Status, request: &Request<B>, client: SocketAddr) -> Answer {
    let query = request.uri().query().unwrap_or_default();
    match Query::parse(query, request.headers()) {
        Err(sentence) => bad_request(&sentence),
        Ok(Query { who, why, .. }) => {
            let client = client.ip().to_string();
            status.log_filter().revert(&client, who, why);
            describe(status, accepts_json(request.headers()))
        }
    }
}

fn parse(body: &[u8]) -> Result<Directives, String> {
    const EXPECTED: &str = "directives in the syntax of RUST_LOG, such as `info,orders=debug`";
    let text = std::str::from_utf8(body)
        .map_err(|_| format!("the body is not UTF-8; expected {EXPECTED}"))?
        .trim();
    if text.is_empty() {
        return Err(format!("the body is empty; expected {EXPECTED}"));
    }
    if text.chars().any(char::is_control) {
        return Err(format!(
            "the body has more than one line; expected {EXPECTED}"
        ));
    }
    Directives::parse(text).map_err(|error| format!("{error}; expected {EXPECTED}"))
}

/// Reads the body, up to [`MAX_BODY_BYTES`].
async fn read(mut body: Incoming) -> Result<Vec<u8>, Answer> {
    let (mut kept, mut bytes) = (Vec::new(), 0);
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return Err(bad_request("the body could not be read"));
        };
        let Some(data) = frame.data_ref() else {
            continue;
        };
        bytes += data.len();
        if bytes <= MAX_BODY_BYTES {
            kept.extend_from_slice(data);
        } else if bytes > MAX_DRAINED_BYTES {
            break;
        }
    }
    if bytes > MAX_BODY_BYTES {
        let sentence = format!("the body is larger than {MAX_BODY_BYTES} bytes\n");
        return Err(text(StatusCode::PAYLOAD_TOO_LARGE, sentence));
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn durations_are_one_second_to_one_day() {
        assert_eq!(duration("10m"), Ok(DEFAULT_DURATION));
        assert_eq!(duration("1h30m"), Ok(Duration::from_secs(5_400)));
        assert_eq!(duration("24h"), Ok(MAX_DURATION));
        for text in [
            "",
            "forever",
            "10",
            "0s",
            "-5m",
            "25h",
            "99999999999999999h",
        ] {
            let error = duration(text).unwrap_err();
            assert!(
                error.contains("24h") && error.contains("RUST_LOG"),
                "{error}"
            );
        }
    }

    #[test]
    fn changes_have_their_time_left() {
        let change = |lasts| {
            let why = Some("slow orders".to_owned());
            Change::new("::1".to_owned(), None, why, Duration::from_secs(lasts))
        };
        let state = |change| FilterState {
            filter: "debug".to_owned(),
            original: "info".to_owned(),
            change,
        };
        let now = SystemTime::now();
        let found = |change| json(&state(change), now).map(|(_, value)| value);
        let [filter, original, until, left, who, why] = found(Some(change(600)));
        assert_eq!((filter, original), ("debug".into(), "info".into()));
        assert!(until.as_str().unwrap().ends_with('Z'));
        assert!((599..=600).contains(&left.as_u64().unwrap()), "{left}");
        assert_eq!((who, why), (Value::Null, "slow orders".into()));
        assert_eq!(found(None)[2..], [const { Value::Null }; 4]);
        let [_, _, _, left, ..] =
            json(&state(Some(change(1))), now + Duration::from_secs(9)).map(|(_, value)| value);
        assert_eq!(left, 0);
    }

    #[test]
    fn query_values_are_one_line() {
        let headers = HeaderMap::new();
        let query = Query::parse("who=ada%0Aforged&why=slow+orders", &headers).unwrap();
        assert_eq!(query.who.unwrap(), "ada forged");
        assert_eq!(query.why.unwrap(), "slow orders");
        let from = HeaderMap::from_iter([(
            header::FROM,
            header::HeaderValue::from_static("ada@example.com"),
        )]);
        let query = Query::parse("", &from).unwrap();
        assert_eq!(query.who.unwrap(), "ada@example.com");
        assert!(Query::parse("fro=10m", &headers).is_err());
    }

    #[test]
    fn invalid_directives_are_explained() {
        assert!(parse(b"info,orders=debug\n").is_ok());
        assert!(parse(b"[order{id=7}]=trace").is_ok());
        for body in [
            &b""[..],
            b" \n",
            b"\xff",
            b"info\norders=debug",
            b"orders=loud",
            b"[x",
        ] {
            let error = parse(body).map(drop).unwrap_err();
            assert!(error.contains("RUST_LOG"), "{error}");
        }
    }
}
