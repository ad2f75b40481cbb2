//! Runs an attempt at a job.

use std::fmt::Display;

use tracing::Instrument;

use super::{
    catch::CatchUnwind,
    job::Job,
    outcome::{AttemptOutcome, Failure, FailureCause},
    queue::Queue,
    running::{AttemptEnd, Running},
};
use crate::{error_type::error_type, values::printed};

impl Queue {
    /// Runs one attempt at a job, in a consumer span.
    ///
    /// It records the wait, the run and the outcome as metrics, and writes one log line at the end:
    /// INFO for success, WARN for a retry, ERROR for a dead-lettered job. The log line and the span
    /// contain the text of the error, so it should quote nothing secret. An attempt that is dropped
    /// before its end counts as `retry` with the error type `cancelled`.
    ///
    /// # Errors
    ///
    /// Returns the error or the panic of the work, and whether the job may be tried again. See
    /// [`Job::attempt`].
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

    /// Runs one attempt like [`run`](Self::run), with a test for permanent errors.
    ///
    /// `is_permanent` returns whether an error makes further attempts useless, such as an address
    /// that does not exist or a canceled order. A job with such an error is dead-lettered at once.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`run`](Self::run).
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
        let (error, cause) = match CatchUnwind::new(work).instrument(span).await {
            Ok(Ok(value)) => {
                running.finish(&AttemptEnd {
                    outcome: AttemptOutcome::Ok,
                    error_type: None,
                    message: None,
                    next_attempt: None,
                });
                return Ok(value);
            }
            Ok(Err(error)) => (error_type(&error), FailureCause::Error(error)),
            Err(message) => ("panic", FailureCause::Panic(message)),
        };
        let is_permanent = match &cause {
            FailureCause::Error(error) => is_permanent(error),
            FailureCause::Panic(_) => false,
        };
        let outcome = running.failure_outcome(is_permanent);
        running.finish(&AttemptEnd {
            outcome,
            error_type: Some(error),
            message: Some(printed(format_args!("{cause}"))),
            next_attempt: None,
        });
        Err(Failure { outcome, cause })
    }
}
