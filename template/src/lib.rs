//! The service. `main.rs` starts it; everything else is here, so that tests can reach it.

pub mod app;
pub mod config;
pub mod error;
pub mod metrics;
{%- if example %}
pub mod orders;
{%- endif %}
pub mod routes;
