//! This service's own metrics, one typed function for each: its name is spelled once, and its labels have the values that the
//! types allow. A value that a client can choose is no label; it belongs on a span or a log line.
{%- if example %}

use std::sync::LazyLock;

use metrics::{Counter, Histogram, counter, describe_counter, describe_histogram, histogram};

/// Orders that were accepted.
pub fn order_accepted() {
    static ACCEPTED: LazyLock<Counter> = LazyLock::new(|| {
        describe_counter!("orders_accepted_total", "Orders that were accepted.");
        counter!("orders_accepted_total")
    });
    ACCEPTED.increment(1);
}

/// Items per accepted order.
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
//! /// Greetings that were sent.
//! pub fn greeting_sent() {
//!     static SENT: LazyLock<Counter> = LazyLock::new(|| {
//!         describe_counter!("greetings_sent_total", "Greetings that were sent.");
//!         counter!("greetings_sent_total")
//!     });
//!     SENT.increment(1);
//! }
//! ```
{%- endif %}
