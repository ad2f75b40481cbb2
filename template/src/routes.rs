//! The routes; a handler takes extractors and returns `Result<_, AppError>`.
{%- if example %}

use axum::Router;

use crate::{app::AppState, orders};

/// All routes of the service.
pub fn routes() -> Router<AppState> {
    Router::new().merge(orders::routes())
}
{%- else %}
//!
//! Add your first endpoint here. Its requests are logged, measured and traced without further code.
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
