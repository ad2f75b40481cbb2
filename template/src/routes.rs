//! The routes. A handler takes its input from extractors and returns `Result<_, AppError>`.
{%- if example %}

use axum::Router;

use crate::{app::AppState, orders};

/// All routes of the service.
pub fn routes() -> Router<AppState> {
    Router::new().merge(orders::routes())
}
{%- else %}
//!
//! Your first endpoint goes here. It needs no line of telemetry: its requests are measured, logged and traced.
//!
//! ```
//! use axum::{Router, extract::Path, routing::get};
//! use {{crate_name}}::{app::AppState, error::AppError};
//!
//! pub fn routes() -> Router<AppState> {
//!     Router::new().route("/hello/{name}", get(hello))
//! }
//!
//! async fn hello(Path(name): Path<String>) -> Result<String, AppError> {
//!     tracing::info!(name, "greeting");
//!     Ok(format!("hello, {name}"))
//! }
//! ```

use axum::Router;

use crate::app::AppState;

/// All routes of the service.
pub fn routes() -> Router<AppState> {
    Router::new()
}
{%- endif %}
