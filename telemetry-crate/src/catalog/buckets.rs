//! Upper bounds that several metrics share.

/// Seconds, as the semantic conventions recommend for requests.
///
/// The bounds are listed in
/// [HTTP metrics](https://opentelemetry.io/docs/specs/semconv/http/http-metrics/#metric-httpserverrequestduration).
pub(crate) const SECONDS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];

/// Seconds of work in the background, from a few milliseconds to an hour.
///
/// Adjacent bounds differ by a factor of 2 to 3, so that the usual latency budgets of queues can be told apart.
pub(crate) const BACKGROUND_SECONDS: [f64; 18] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0,
    1_800.0, 3_600.0,
];
