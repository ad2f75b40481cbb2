//! The modules of the service, in a library so that tests can use them.

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
