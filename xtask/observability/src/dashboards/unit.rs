//! Units, under the ids that Grafana formats them by.

/// How a panel writes its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A number of things, shortened when it is large.
    Count,
    /// 0 to 1, written as per cent.
    Part,
    /// A duration in seconds.
    Seconds,
    /// Seconds since 1970, written as the time since then.
    Since,
    /// Bytes, shortened by powers of 1024.
    Bytes,
    /// Requests per second.
    RequestsPerSecond,
    /// Statements of a database, jobs, runs.
    OperationsPerSecond,
    /// Anything else that is counted.
    EventsPerSecond,
    /// 1 or 0.
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
