//! Running one job.

use std::fmt::Display;

use tracing::Instrument;

use super::{
    catch::Caught,
    job::Job,
    outcome::{Cause, Failure, Outcome},
    queue::Queue,
    running::{End, Running},
};
use crate::{error_type::error_type, values::printed};

impl Queue {
    /// Runs one attempt at a job: a consumer span around it, the wait, the run and the outcome in the metrics, one log line
    /// at its end.
    ///
    /// The line is INFO for a job that is done, WARN for one to be tried again, ERROR for a dead one. What the error says is
    /// in the line and on the span, so it should quote nothing secret. Dropped before its end, the attempt counts as `retry`
    /// with the error type `cancelled`.
    ///
    /// # Errors
    ///
    /// What the work returns, or its panic, and whether the job may be tried again: see [`Job::attempt`].
    pub async fn run<T, E>(
        &self,
        job: Job,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Failure<E>>
    where
        E: Display + 'static,
    {
        self.run_with(job, |_| false, work).await
    }

    /// The same, with a function that tells which errors make every further attempt pointless: the address does not
    /// exist, the order is cancelled. Such a job is dead at once.
    ///
    /// # Errors
    ///
    /// As of [`run`](Self::run).
    pub async fn run_with<T, E>(
        &self,
        job: Job,
        is_permanent: impl FnOnce(&E) -> bool,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Failure<E>>
    where
        E: Display + 'static,
    {
        let running = Running::start(self, &job);
        let span = running.span().clone();
        let (error, cause) = match Caught::new(work).instrument(span).await {
            Ok(Ok(value)) => {
                running.finish(&End {
                    outcome: Outcome::Ok,
                    error_type: None,
                    message: None,
                });
                return Ok(value);
            }
            Ok(Err(error)) => (error_type(&error), Cause::Error(error)),
            Err(message) => ("panic", Cause::Panic(message)),
        };
        let is_permanent = match &cause {
            Cause::Error(error) => is_permanent(error),
            Cause::Panic(_) => false,
        };
        let outcome = running.judge(is_permanent);
        running.finish(&End {
            outcome,
            error_type: Some(error),
            message: Some(printed(format_args!("{cause}"))),
        });
        Err(Failure { outcome, cause })
    }
}
