//! How old may an answer be? Declared per type of data, kept by the code that serves it, and shown on the metrics page.
//!
//! Every cache and every replica answers with yesterday's truth, and each kind of data bears another age: a profile five
//! minutes, a cart ten seconds, a payment none. Declare the window once, and serve through it:
//!
//! ```
//! use std::time::Duration;
//! use firstlight::staleness::{Cache, DataType};
//!
//! static PROFILE: DataType = DataType::declare("profile", Duration::from_secs(300));
//! static CART: DataType = DataType::declare("cart", Duration::from_secs(10));
//! static PAYMENT: DataType = DataType::declare("payment", Duration::ZERO);
//!
//! # #[derive(Clone)] struct Profile;
//! # async fn select_profile(_: u64) -> Result<Profile, std::io::Error> { Ok(Profile) }
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let profiles: Cache<u64, Profile, std::io::Error> = Cache::new(&PROFILE);
//! let profile = profiles.get(7, || select_profile(7)).await?;
//!
//! // An answer of a replica that is three seconds behind: fit for a cart, and never for a payment.
//! let lag = Duration::from_secs(3);
//! assert!(CART.serve_replica(lag).is_ok());
//! assert!(PAYMENT.serve_replica(lag).is_err());
//! # let _ = profile;
//! # Ok(())
//! # }
//! ```
//!
//! # What is promised
//!
//! * A value of the cache is served inside its window and never outside of it, not even while the source is down: then the
//!   source's error is what the caller gets.
//! * **Age is counted from the moment before the source was asked.** What the source answers is what it knew at some time
//!   between the question and the answer; the question is the only one of the two that is surely not too late. A query
//!   that took four seconds returns data that may be four seconds old.
//! * A window of zero reads the source for each call, whatever other calls ask for the same.
//! * Reads of one key that need the source at the same time become one question to it, and share its answer or its error.
//!
//! An answer that the source gave to this very call is always served, even if giving it took longer than the window: there
//! is nothing fresher. A caller that had to wait for another caller's question for so long that the answer is too old by now
//! asks again.
//!
//! # What it leaves out
//!
//! Serving old data while the source is down (declare the window that you can bear, and that is what happens), refreshing
//! ahead of time, caches that are shared between processes, and invalidation from outside.

mod cache;
mod data_type;
mod entry;
mod metrics;
#[cfg(test)]
mod tests;

pub use self::{
    cache::Cache,
    data_type::{DataType, TooStale},
};
