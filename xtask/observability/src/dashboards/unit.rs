//! Units of panels, with Grafana's ids.

/// The unit in which a panel formats its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A count, shortened if it is large.
    Count,
    /// A ratio, shown as a percentage: 1 is 100 %.
    Part,
    /// A duration in seconds.
    Seconds,
    /// A Unix time in milliseconds, shown as the time since then.
    Since,
    /// Bytes, shortened by powers of 1024.
    Bytes,
    /// Requests per second.
    RequestsPerSecond,
    /// Database statements, jobs or runs per second.
    OperationsPerSecond,
    /// Other events per second.
    EventsPerSecond,
    /// 1 or 0, shown as yes or no.
    YesNo,
}

impl Unit {
    pub(super) fn id(self) -> &'static str {
        match self {
            Self::Count => "short",
            Self::Part => "percentunit",
            Self::Seconds => "s",
            Self::Since => "dateTimeFromNow",
            Self::Bytes => "bytes",
            Self::RequestsPerSecond => "reqps",
            Self::OperationsPerSecond => "ops",
            Self::EventsPerSecond => "cps",
            Self::YesNo => "bool_yes_no",
        }
    }
}
