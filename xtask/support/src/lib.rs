//! Shared helpers of xtask: processes, files, requests, tools, terminal output.
//!
//! Nothing here depends on the library or on the template.

#![expect(
    clippy::exhaustive_structs,
    reason = "never published; its callers change with it"
)]

mod cases;
pub mod command;
pub mod files;
pub mod git;
pub mod http;
pub mod interrupt;
pub mod paths;
pub mod process;
pub mod svg;
pub mod toolchains;
pub mod tools;
pub mod ui;
mod validate;
pub mod yaml;

pub use cases::{Cases, Report};
pub use validate::validate;
