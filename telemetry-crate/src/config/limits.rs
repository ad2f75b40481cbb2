//! Size limits of spans and log records.

/// Limits of one span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SpanLimits {
    /// Largest number of characters in a value; a longer value is cut.
    pub(crate) value_length: usize,
    pub(crate) attributes: usize,
    pub(crate) events: usize,
    pub(crate) links: usize,
    pub(crate) attributes_per_event: usize,
    pub(crate) attributes_per_link: usize,
}

impl Default for SpanLimits {
    fn default() -> Self {
        Self {
            value_length: 8 * 1024,
            attributes: 128,
            events: 128,
            links: 128,
            attributes_per_event: 128,
            attributes_per_link: 128,
        }
    }
}

/// Limits of one log record.
///
/// `OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT` and `OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT` set them. See
/// ["LogRecord Limits"](https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#logrecord-limits).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RecordLimits {
    /// Largest number of characters in an attribute's value; a longer value is cut.
    ///
    /// The body has no such limit.
    pub(crate) value_length: usize,
    /// Largest number of attributes; further attributes are dropped and counted.
    pub(crate) attributes: usize,
}

impl Default for RecordLimits {
    /// The specification's defaults: 128 attributes, and values of any length.
    ///
    /// Long values are cut before they reach the record.
    fn default() -> Self {
        Self {
            value_length: usize::MAX,
            attributes: 128,
        }
    }
}
