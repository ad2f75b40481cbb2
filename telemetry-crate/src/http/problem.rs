//! Error responses as problem details (RFC 9457).
//!
//! The book's decision 26 has the reasons why no other crate is used.

use axum::{
    body::Body,
    extract::Request,
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE},
};
use serde_json::json;

use super::delivery::Delivery;

const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");
/// Longest text in bytes that becomes a `detail`; a longer text is dropped.
const MAX_DETAIL: usize = 8 * 1024;

/// Middleware that turns plain-text and empty errors into problem details.
///
/// It applies [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457) to errors of handlers, rejections
/// of extractors, unknown routes and methods, and bodies that are too large.
///
/// ```
/// use axum::{Router, middleware};
/// use firstlight::http::{TelemetryLayer, problem_details};
///
/// let app: Router = Router::new()
///     .layer(middleware::from_fn(problem_details))
///     .layer(TelemetryLayer::new());
/// ```
///
/// ```json
/// {"type": "about:blank", "title": "Not Found", "status": 404, "detail": "order 7 not found"}
/// ```
///
/// The text becomes `detail` for a client error (4xx), and is logged at `DEBUG`. For a server error
/// (5xx) the text is logged at `ERROR` and not sent to the client. Other headers stay, and so does
/// an error with any other content type. Add the middleware inside
/// [`TelemetryLayer`](super::TelemetryLayer), so that the telemetry sees the final response.
pub async fn problem_details(request: Request, next: Next) -> Response {
    let delivery = request.extensions().get::<Delivery>().cloned();
    let mut response = next.run(request).await;
    let answered = response.status();
    if let Some(delivery) = delivery {
        // An extractor answers 400 even if the body is too large or too slow.
        delivery.apply_rejection(&mut response);
    }
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    if !is_error || !is_plain(response.headers()) {
        return response;
    }
    let (mut head, body) = response.into_parts();
    let text = axum::body::to_bytes(body, MAX_DETAIL).await;
    let text = text
        .ok()
        .and_then(|text| String::from_utf8(text.into()).ok());
    let mut text = text.filter(|text| !text.trim().is_empty());
    if status.is_server_error() {
        // A replaced status means that the request's body reached a limit, which is no failure.
        let text = text.take().filter(|_| status == answered);
        if let Some(text) = text {
            tracing::error!({ exception.message = text.trim() }, "request failed");
        }
    } else if let Some(text) = &text {
        tracing::debug!({ exception.message = text.trim() }, "request refused");
    }
    head.headers.remove(CONTENT_LENGTH);
    head.headers.insert(CONTENT_TYPE, PROBLEM);
    Response::from_parts(head, body_of(status, text.as_deref()))
}

/// Builds a problem response of the server itself.
pub(super) fn problem(status: StatusCode, detail: Option<&str>) -> Response {
    let headers = [(CONTENT_TYPE, PROBLEM)];
    (status, headers, body_of(status, detail)).into_response()
}

fn body_of(status: StatusCode, detail: Option<&str>) -> Body {
    let mut problem = json!({
        "type": "about:blank",
        "title": status.canonical_reason().unwrap_or("Error"),
        "status": status.as_u16(),
    });
    if let Some(detail) = detail {
        problem["detail"] = detail.trim().into();
    }
    Body::from(problem.to_string())
}

fn is_plain(headers: &HeaderMap) -> bool {
    let is_text = |value: &HeaderValue| value.as_bytes().starts_with(b"text/plain");
    headers.get(CONTENT_TYPE).is_none_or(is_text) && !headers.contains_key(CONTENT_ENCODING)
}
