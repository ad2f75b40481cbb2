//! Further names of metrics.

/// A second name of a metric on `/metrics`.
#[derive(Debug, Clone)]
pub(crate) struct MetricAlias {
    pub(crate) metric: String,
    pub(crate) alias: String,
    /// Pairs of a label's name and its name under the alias.
    pub(crate) labels: Vec<(String, String)>,
}
