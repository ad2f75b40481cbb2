//! Metrics of the service, one typed function for each.
//!
//! The types of parameters limit the values of labels. Values that clients choose belong on spans
//! and log lines. A handle that is created before telemetry has started never records anything.
{%- if example %}

use metrics::{Counter, counter, describe_counter, describe_histogram, histogram};

/// Why an order is rejected: the label `reason`.
pub enum Rejection {
    Item,
    Quantity,
}

/// Describes the metrics; telemetry must have started.
pub fn register() {
    describe_counter!("orders_accepted_total", "Orders that were accepted.");
    describe_counter!("orders_rejected_total", "Orders that were rejected.");
    describe_histogram!("order_items", "Items per accepted order.");
    counter!("orders_accepted_total").increment(0); // visible as 0 before the first order, like the others
    rejected(Rejection::Item).increment(0);
    rejected(Rejection::Quantity).increment(0);
}

/// Records an accepted order and the number of its items.
pub fn order_accepted(quantity: i32) {
    counter!("orders_accepted_total").increment(1);
    histogram!("order_items").record(quantity);
}

/// The counter of rejected orders.
pub fn rejected(reason: Rejection) -> Counter {
    let reason = match reason {
        Rejection::Item => "item",
        Rejection::Quantity => "quantity",
    };
    counter!("orders_rejected_total", "reason" => reason)
}
{%- else %}
//!
//! ```
//! use metrics::{counter, describe_counter};
//!
//! pub fn register() {
//!     describe_counter!("greetings_sent_total", "Greetings that were sent.");
//! }
//!
//! pub fn greeting_sent() {
//!     counter!("greetings_sent_total").increment(1);
//! }
//! ```

/// Describes the metrics; telemetry must have started.
pub fn register() {}
{%- endif %}
