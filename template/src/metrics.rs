//! The service's own metrics: declarations, and functions that record them.
//!
//! `tests/metrics.rs` fails if a metric is recorded and not declared, or declared and not recorded,
//! or if it is not as in `docs/metrics.md` and the dashboard. The types of parameters limit the
//! values of labels. Values that clients choose belong on spans and log lines.
//! A handle that is created before telemetry has started never records anything.
{%- if example %}

use std::time::Duration;

use firstlight::metrics::{DeclaredMetric, Label};
use metrics::{Counter, counter, gauge, histogram};

/// All metrics of the service.
pub const ALL: &[DeclaredMetric] = &[
    ORDERS_ACCEPTED,
    ORDERS_REJECTED,
    ORDERS_IN_PROGRESS,
    ORDER_ITEMS,
    ORDER_ACCEPTANCE,
];

const ORDERS_ACCEPTED: DeclaredMetric =
    DeclaredMetric::counter("orders_accepted_total", "Orders that were accepted.");

const ORDERS_REJECTED: DeclaredMetric =
    DeclaredMetric::counter("orders_rejected_total", "Orders that were rejected.")
        .labels(&[Label::one_of("reason", &["item", "quantity"])]);

// The limit is the number of requests that `http::serve` lets in by default.
const ORDERS_IN_PROGRESS: DeclaredMetric =
    DeclaredMetric::gauge("orders_in_progress", "Valid orders before their answer.").limit(512.0);

const ORDER_ITEMS: DeclaredMetric =
    DeclaredMetric::histogram("order_items", "Items per accepted order.")
        .unit("{item}")
        .buckets(&[1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0]);

const ORDER_ACCEPTANCE: DeclaredMetric =
    DeclaredMetric::histogram("order_acceptance_seconds", "Time to accept a valid order.")
        .objective(0.99, 0.25);

/// Why an order is rejected: the label `reason`.
pub enum Rejection {
    Item,
    Quantity,
}

/// Records an accepted order: its number of items, and the time that it took.
pub fn order_accepted(quantity: i32, took: Duration) {
    counter!(ORDERS_ACCEPTED.name).increment(1);
    histogram!(ORDER_ITEMS.name).record(quantity);
    histogram!(ORDER_ACCEPTANCE.name).record(took);
}

/// The counter of rejected orders.
pub fn rejected(reason: Rejection) -> Counter {
    let reason = match reason {
        Rejection::Item => "item",
        Rejection::Quantity => "quantity",
    };
    counter!(ORDERS_REJECTED.name, "reason" => reason)
}

/// An order in progress, until it is dropped; so also if the client disconnects.
pub struct InProgress;

impl InProgress {
    /// Counts one more order in progress.
    pub fn start() -> Self {
        gauge!(ORDERS_IN_PROGRESS.name).increment(1);
        Self
    }
}

impl Drop for InProgress {
    fn drop(&mut self) {
        gauge!(ORDERS_IN_PROGRESS.name).decrement(1);
    }
}
{%- else %}
//!
//! ```
//! use firstlight::metrics::DeclaredMetric;
//! use metrics::counter;
//!
//! pub const ALL: &[DeclaredMetric] = &[GREETINGS_SENT];
//!
//! const GREETINGS_SENT: DeclaredMetric =
//!     DeclaredMetric::counter("greetings_sent_total", "Greetings that were sent.");
//!
//! pub fn greeting_sent() {
//!     counter!(GREETINGS_SENT.name).increment(1);
//! }
//! ```

use firstlight::metrics::DeclaredMetric;

/// All metrics of the service.
pub const ALL: &[DeclaredMetric] = &[];
{%- endif %}
