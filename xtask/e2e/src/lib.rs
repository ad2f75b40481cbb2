//! End-to-end tests of generated services with real backends.
//!
//! The suite [`template`] generates every combination of options. [`signals`] follows logs, metrics and traces to a real
//! Prometheus and a real collector. [`store`] injects faults between a service and its database.
//! [`integrations`] starts programs on crates that the library does not depend on.
//! [`console`] opens the console in a browser.
//! [`live`] runs every query of every panel and injects the causes of most alerts.

#![expect(
    clippy::exhaustive_structs,
    reason = "never published; its callers change with it"
)]

mod background_load;
mod collector;
pub mod console;
pub mod correlation;
mod custom_service;
pub mod edit;
pub mod generate;
pub mod integrations;
pub mod live;
pub mod log_line;
pub mod openmetrics;
pub mod service;
pub mod signals;
pub mod store;
pub mod template;
pub mod traffic;
