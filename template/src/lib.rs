//! The service. `main.rs` starts it; everything else is here, so that tests can reach it.

pub mod app;
pub mod cli;
pub mod config;
pub mod error;
{%- if worker %}
pub mod jobs;
{%- endif %}
pub mod metrics;
{%- if example %}
pub mod orders;
{%- endif %}
pub mod routes;
{%- if worker %}
pub mod schedule;
{%- endif %}
{%- if store != "none" %}
pub mod store;
{%- endif %}
