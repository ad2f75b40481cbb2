//! Staleness of served data: windows per type of data, a cache, and metrics.
//!
//! Every cache and every replica returns old data. How old it may be depends on the type of data: a
//! profile five minutes, a cart ten seconds, and a payment no time at all. Declare this window once
//! per type, and serve the data through it:
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
//! // A replica's answer that is three seconds old may be served for a cart, but not for a payment.
//! let lag = Duration::from_secs(3);
//! assert!(CART.check_age(lag).is_ok());
//! assert!(PAYMENT.check_age(lag).is_err());
//! # let _ = profile;
//! # Ok(())
//! # }
//! ```
//!
//! # Guarantees
//!
//! * A value from the cache is served only within its window, even while the source is unavailable.
//!   The caller then gets the source's error.
//! * **The age counts from the moment before the source is read.** The source's answer was true at
//!   some time between the request and the response, and only the time of the request is certainly
//!   early enough. A query that takes four seconds returns data that may be four seconds old.
//! * With a window of zero, each call reads the source, whatever other calls read at the same time.
//! * With a longer window, concurrent reads of one key that need the source share one request and
//!   its answer or its error.
//!
//! The answer to a caller's own request is always served, even if the request took longer than the
//! window, because there is nothing fresher. A caller that waits for another caller's request reads
//! again if the answer is too old on arrival.
//!
//! # What is left out
//!
//! Serving old data while the source is unavailable (declare a window that is long enough instead),
//! refreshing ahead of time, caches that processes share, and invalidation from outside.

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
