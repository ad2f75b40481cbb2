//! Runs an attempt at a job.

use std::error::Error;

use tracing::Instrument;

use super::{
    catch::catch_panic,
    job::Job,
    outcome::{AttemptOutcome, Failure, FailureCause},
    queue::Queue,
    running::{AttemptEnd, Running, reason_of},
};
use crate::{error_type::error_type, panic::message_of};

impl Queue {
    /// Runs one attempt at a job, in a consumer span.
    ///
    /// It records the wait, the run and the outcome as metrics, and writes one log line at the end:
    /// INFO for success, WARN for a retry, ERROR for a dead-lettered job. The log line and the span
    /// contain the text of the error and of its causes, so it should quote nothing secret. An attempt that is dropped
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
    ) -> Result<T, Failure>
    where
        E: Into<Box<dyn Error + Send + Sync>> + 'static,
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
    ) -> Result<T, Failure>
    where
        E: Into<Box<dyn Error + Send + Sync>> + 'static,
    {
        let running = Running::start(self, &job);
        let span = running.span().clone();
        let (error_type, is_permanent, cause) = match catch_panic(work).instrument(span).await {
            Ok(Ok(value)) => {
                running.finish(&AttemptEnd {
                    outcome: AttemptOutcome::Ok,
                    error_type: None,
                    message: None,
                    next_attempt: None,
                });
                return Ok(value);
            }
            Ok(Err(error)) => {
                let (class, is_permanent) = (error_type(&error), is_permanent(&error));
                (class, is_permanent, FailureCause::Error(error.into()))
            }
            Err(payload) => {
                let message = message_of(&*payload).to_owned();
                ("panic", false, FailureCause::Panic(message))
            }
        };
        let reason = match &cause {
            FailureCause::Error(error) => reason_of(error.as_ref()),
            FailureCause::Panic(_) => cause.to_string(),
        };
        let outcome = running.failure_outcome(is_permanent);
        running.finish(&AttemptEnd {
            outcome,
            error_type: Some(error_type),
            message: Some(reason),
            next_attempt: None,
        });
        Err(Failure { outcome, cause })
    }
}
