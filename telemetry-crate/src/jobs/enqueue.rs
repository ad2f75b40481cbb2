//! Stores a job, in a producer span.

use opentelemetry::{KeyValue, trace::Status};
use tracing::Instrument;

use super::{TARGET, envelope::Envelope, queue::Queue};
use crate::{catalog, error_type::error_type, span_end::OpenSpan, traces::SPAN_LEVEL};

impl Queue {
    /// Stores a job in a producer span.
    ///
    /// `store` gets the [`Envelope`] and stores it with the job. It may run an `INSERT` in the
    /// transaction that saves an order, or send a message to a broker.
    ///
    /// ```no_run
    /// # use firstlight::jobs::{Envelope, Queue};
    /// # async fn insert(_: Envelope) -> Result<u64, std::io::Error> { Ok(1) }
    /// # async fn handler(emails: Queue) -> Result<(), std::io::Error> {
    /// let id = emails.enqueue("welcome", |envelope| async move { insert(envelope).await }).await?;
    /// # let _ = id;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// The job is counted when `store` succeeds, even if a transaction is rolled back later.
    ///
    /// # Errors
    ///
    /// Returns the error of `store`. The span records the error, but there is no log line, because
    /// the caller has the error.
    pub async fn enqueue<T, E, F>(
        &self,
        kind: &str,
        store: impl FnOnce(Envelope) -> F,
    ) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>>,
        E: 'static,
    {
        self.export_budget();
        let producer = ProducerSpan::start(self, kind);
        let span = producer.0.span().clone();
        // The envelope is created inside the span, so that the job continues this span.
        let result = async { store(Envelope::current()).await };
        let result = result.instrument(span).await;
        match &result {
            Ok(_) => {
                let labels = [("queue", self.name().to_owned()), ("kind", kind.to_owned())];
                ::metrics::counter!(catalog::WORKER_TASKS_ENQUEUED.name, &labels).increment(1);
            }
            Err(error) => producer.failed(error_type(error)),
        }
        result
    }
}

/// Producer span that ends even if the caller drops the future early.
struct ProducerSpan(OpenSpan);

impl ProducerSpan {
    fn start(queue: &Queue, kind: &str) -> Self {
        let open = OpenSpan::new(tracing::span!(
            target: TARGET,
            SPAN_LEVEL,
            "send",
            otel.kind = "producer",
            messaging.destination.name = queue.name(),
            worker.task.kind = kind
        ));
        let span = open.span().clone();
        span.in_scope(|| {
            open.entered(None);
            // The conventions' name of a messaging span is the operation and the destination.
            open.write(|span| {
                span.update_name(format!("send {}", queue.name()));
                span.set_attributes([
                    KeyValue::new("messaging.system.name", queue.system().to_owned()),
                    KeyValue::new("messaging.operation.name", "send"),
                    KeyValue::new("messaging.operation.type", "send"),
                ]);
            });
        });
        Self(open)
    }

    fn failed(&self, error: &'static str) {
        self.0.write(|span| {
            span.set_attribute(KeyValue::new("error.type", error));
            span.set_status(Status::error(""));
        });
    }
}

impl Drop for ProducerSpan {
    fn drop(&mut self) {
        self.0.end();
    }
}
