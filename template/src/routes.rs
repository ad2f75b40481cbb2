//! The routes. A handler takes its input from extractors and returns `Result<_, AppError>`.
//!
//! Your first endpoint goes here. It needs no line of telemetry: its requests are measured, logged and traced.
//!
//! ```
//! use axum::{Router, extract::Path, routing::get};
//! use {{crate_name}}::error::AppError;
//!
//! pub fn routes() -> Router {
//!     Router::new().route("/hello/{name}", get(hello))
//! }
//!
//! async fn hello(Path(name): Path<String>) -> Result<String, AppError> {
//!     tracing::info!(name, "greeting");
//!     Ok(format!("hello, {name}"))
//! }
//! ```

use axum::Router;
{%- if example and store != "none" %}

use crate::{orders, store::Store};
{%- elsif example %}

use crate::orders;
{%- elsif store != "none" %}

use crate::store::Store;
{%- endif %}

/// All routes of the service.
pub fn routes({% if store != "none" %}{% unless example %}_{% endunless %}store: Store{% endif %}) -> Router {
    Router::new(){% if example %}.merge(orders::routes({% if store != "none" %}store{% endif %})){% endif %}
}
