//! The headers that identify a request: its id, and its trace.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::span_ids::SpanIds;

/// The header of a request id, in requests and responses.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The header of W3C's Trace Context Level 2.
const TRACERESPONSE: HeaderName = HeaderName::from_static("traceresponse");

/// Maximum length of a client's request id in bytes.
///
/// Ids are on each line of the request. Usual ids, such as UUIDs, have 36 bytes.
const MAX_REQUEST_ID: usize = 128;

/// The headers that a layer adds.
#[derive(Debug, Clone, Default)]
pub(super) struct IdentityHeaders {
    pub(super) request_id: bool,
    pub(super) trace: Option<TraceHeader>,
}

/// The header that tells the client which trace its request is in.
#[derive(Debug, Clone)]
pub(super) enum TraceHeader {
    Traceresponse,
    /// A header with the trace id.
    Id(HeaderName),
}

/// The id of a request.
#[derive(Debug, Clone)]
pub(super) struct RequestId(HeaderValue);

impl RequestId {
    /// Takes the client's id, or else the trace id.
    ///
    /// Returns `None` for a request without either.
    pub(super) fn new(headers: &HeaderMap, ids: Option<SpanIds>) -> Option<Self> {
        let sent = headers.get(REQUEST_ID).filter(|id| is_id(id.as_bytes()));
        let id = match sent {
            Some(id) => id.clone(),
            None => HeaderValue::try_from(ids?.trace_id.to_string()).ok()?,
        };
        Some(Self(id))
    }

    pub(super) fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    #[cfg(feature = "actix")]
    pub(super) fn header(&self) -> (HeaderName, HeaderValue) {
        (REQUEST_ID, self.0.clone())
    }

    /// Writes the id into the headers of the request, for its handler.
    pub(super) fn insert_into(&self, headers: &mut HeaderMap) {
        headers.insert(REQUEST_ID, self.0.clone());
    }
}

impl IdentityHeaders {
    /// Writes the identity into the headers of the response.
    ///
    /// Keeps a header that the service has written itself.
    pub(super) fn write(
        &self,
        response: &mut HeaderMap,
        request: Option<RequestId>,
        ids: impl FnOnce() -> Option<SpanIds>,
    ) {
        if let Some(RequestId(id)) = request {
            response.entry(REQUEST_ID).or_insert(id);
        }
        let Some(trace) = &self.trace else { return };
        let Some(ids) = ids() else { return };
        let trace_id = ids.trace_id;
        let (name, value) = match trace {
            TraceHeader::Id(name) => (name.clone(), trace_id.to_string()),
            TraceHeader::Traceresponse => {
                let flags = ids.flags.to_u8();
                let value = format!("00-{trace_id}-{}-{flags:02x}", ids.span_id);
                (TRACERESPONSE, value)
            }
        };
        if let Ok(value) = HeaderValue::try_from(value) {
            response.entry(name).or_insert(value);
        }
    }
}

/// Whether a client's text may be an id: visible ASCII, and not too long.
fn is_id(text: &[u8]) -> bool {
    (1..=MAX_REQUEST_ID).contains(&text.len()) && text.iter().all(u8::is_ascii_graphic)
}

#[cfg(test)]
mod tests {
    use super::{MAX_REQUEST_ID, is_id};

    #[test]
    fn ids_of_clients_are_checked() {
        assert!(is_id(b"c1d2-42"));
        assert!(is_id(&[b'a'; MAX_REQUEST_ID]));
        assert!(!is_id(&[b'a'; MAX_REQUEST_ID + 1]));
        for text in ["", "two words", "tab\t", "ü"] {
            assert!(!is_id(text.as_bytes()), "{text:?}");
        }
    }
}
