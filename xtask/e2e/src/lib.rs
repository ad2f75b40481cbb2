//! End-to-end tests: a service is generated and built, started beside real backends, and judged from outside.
//!
//! Four suites: [`template`] generates every combination of options, [`signals`] follows logs, metrics and traces to a real
//! Prometheus and a real collector, [`store`] breaks what is between a service and its database, and [`live`] asks
//! every query of every panel and raises every alert.

#![expect(
    clippy::exhaustive_structs,
    reason = "never published; its callers change with it"
)]

mod collector;
pub mod correlation;
pub mod edit;
pub mod generate;
pub mod live;
pub mod log_line;
pub mod openmetrics;
pub mod service;
mod service_under_test;
pub mod signals;
pub mod store;
pub mod template;
pub mod traffic;
