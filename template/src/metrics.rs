//! Metrics of the service, one typed function for each.
//!
//! A function spells the name of its metric once, and its parameter types limit the values of the labels. Values that a client
//! can choose do not belong in labels; put them on a span or a log line.
{%- if example %}

use std::sync::LazyLock;

use metrics::{Counter, Histogram, counter, describe_counter, describe_histogram, histogram};

/// Counts an accepted order.
pub fn order_accepted() {
    static ACCEPTED: LazyLock<Counter> = LazyLock::new(|| {
        describe_counter!("orders_accepted_total", "Orders that were accepted.");
        counter!("orders_accepted_total")
    });
    ACCEPTED.increment(1);
}

/// Records the number of items of an accepted order.
pub fn order_items(quantity: i32) {
    static ITEMS: LazyLock<Histogram> = LazyLock::new(|| {
        describe_histogram!("order_items", "Items per accepted order.");
        histogram!("order_items")
    });
    ITEMS.record(quantity);
}
{%- else %}
//!
//! ```
//! use std::sync::LazyLock;
//!
//! use metrics::{Counter, counter, describe_counter};
//!
//! /// Counts a greeting that was sent.
//! pub fn greeting_sent() {
//!     static SENT: LazyLock<Counter> = LazyLock::new(|| {
//!         describe_counter!("greetings_sent_total", "Greetings that were sent.");
//!         counter!("greetings_sent_total")
//!     });
//!     SENT.increment(1);
//! }
//! ```
{%- endif %}
