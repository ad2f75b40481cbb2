//! The pages that say what to do, one per alert.

use crate::addresses::RUNBOOKS;

/// Where the page of this alert is read.
pub(crate) fn address(alert: &str) -> String {
    format!("{}/{alert}.md", *RUNBOOKS)
}

macro_rules! runbooks {
    ($($name:ident,)+) => {
        /// One page of `docs/runbooks`, named like its alert.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Runbook { $($name),+ }

        impl Runbook {
            pub(crate) const ALL: &[Self] = &[$(Self::$name),+];

            pub(crate) fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name)),+ }
            }
        }
    };
}

runbooks! {
    CronRunMissed,
    CronThunderingHerd,
    DataStalerThanBudget,
    DatabaseNPlusOne,
    DatabasePoolExhausted,
    DatabasePoolTimeouts,
    HttpAvailabilityBudgetBurn,
    HttpLatencyBudgetBurn,
    MetricsOverBudget,
    PostgresConnectionsNearMax,
    PostgresDeadlocks,
    PostgresIdleInTransaction,
    PostgresReplicationLag,
    ProcessMemoryNearLimit,
    ProcessOpenFilesNearLimit,
    RuntimeSchedulerDelay,
    ServiceAbsent,
    ServiceDown,
    TelemetryDropping,
    WorkerAttemptsFailing,
    WorkerDeadLetters,
    WorkerJobsStuck,
    WorkerQueueGrowing,
    WorkerQueueStalled,
    WorkerQueueUnknown,
    WorkerQueueUnreadable,
    WorkerQueueUnwatched,
}

impl Runbook {
    pub(crate) fn url(self) -> String {
        address(self.name())
    }
}
