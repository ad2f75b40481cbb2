//! Targets of events and spans that several modules know.

/// The target of an HTTP request's span and of its access log line.
pub(crate) const ACCESS_TARGET: &str = "firstlight::http";

/// The target of a gRPC call's span and of its access log line.
pub(crate) const GRPC_TARGET: &str = "firstlight::grpc";

/// The target of a job's span and of its log lines.
pub(crate) const JOB_TARGET: &str = "firstlight::jobs";

/// The target of a scheduled run's span and of its log lines.
pub(crate) const CRON_TARGET: &str = "firstlight::cron";

/// The target of sqlx's events about statements.
pub(crate) const QUERY_TARGET: &str = "sqlx::query";

/// Whether spans of this target are requests, jobs or runs.
pub(crate) fn is_unit_of_work(target: &str) -> bool {
    matches!(
        target,
        ACCESS_TARGET | GRPC_TARGET | JOB_TARGET | CRON_TARGET
    )
}
