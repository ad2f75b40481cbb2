//! What the rest of xtask stands on: child processes, files, requests, installed programs, and what a terminal shows.
//!
//! Knows neither the library nor the template.

#![expect(
    clippy::exhaustive_structs,
    reason = "never published; its callers change with it"
)]
#![expect(clippy::print_stdout, reason = "a terminal is the output of xtask")]

mod cases;
pub mod command;
pub mod files;
pub mod http;
pub mod interrupt;
pub mod paths;
pub mod process;
pub mod tools;
pub mod ui;
pub mod yaml;

pub use cases::{Cases, Report};
