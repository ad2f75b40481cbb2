//! How large one span and one log record may be.

/// Limits of one span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SpanLimits {
    /// Characters of a value.
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

/// How large a record may be.
///
/// [`LogRecord` limits](https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#logrecord-limits):
/// `OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT` and `OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RecordLimits {
    /// Characters of a text; a longer one is cut. The body is no attribute.
    pub(crate) value_length: usize,
    /// Attributes of a record; those beyond are counted and left out.
    pub(crate) attributes: usize,
}

impl Default for RecordLimits {
    /// The specification's: no limit for a value, which is cut elsewhere, and 128 attributes.
    fn default() -> Self {
        Self {
            value_length: usize::MAX,
            attributes: 128,
        }
    }
}
