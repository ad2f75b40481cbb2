//! The exporter's thread: its own runtime, so that it depends on no runtime of the application's, of whatever flavour,
//! and cannot deadlock with it.
//!
//! Nothing that happens here becomes telemetry: the thread has no `tracing` subscriber, and its spans are suppressed.
//! The exceptions are two log lines, one when exporting starts to fail and one when it works again.

use std::{sync::Arc, thread};

use opentelemetry_sdk::trace::SpanExporter;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{Dispatch, dispatcher};

use super::{
    processor::BatchProcessor,
    stats::{ExportError, ExportStats},
};
use crate::{InitError, config::ExportSettings, error::without_query};

const THREAD: &str = "firstlight-traces";

pub(super) struct ExporterThread {
    settings: ExportSettings,
    processor: BatchProcessor,
    exporter: opentelemetry_otlp::SpanExporter,
    stats: Arc<ExportStats>,
    /// The application's subscriber, for the two lines.
    dispatch: Dispatch,
    failing: Option<Failing>,
}

struct Failing {
    lost_before: u64,
}

impl ExporterThread {
    pub(super) fn start(
        settings: ExportSettings,
        processor: BatchProcessor,
        exporter: opentelemetry_otlp::SpanExporter,
        stats: Arc<ExportStats>,
    ) -> Result<(), InitError> {
        let failed = |source| InitError::Thread {
            name: THREAD,
            source,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(failed)?;
        let dispatch = dispatcher::get_default(Clone::clone);
        let this = Self {
            settings,
            processor,
            exporter,
            stats,
            dispatch,
            failing: None,
        };
        thread::Builder::new()
            .name(THREAD.to_owned())
            .spawn(move || {
                let _silent = dispatcher::set_default(&Dispatch::none());
                let _suppressed = opentelemetry::Context::enter_telemetry_suppressed_scope();
                runtime.block_on(this.run());
            })
            .map(drop)
            .map_err(failed)
    }

    /// Never ends: a span may end after a shutdown, and a flush may be asked for at any time.
    async fn run(mut self) {
        let mut next = Instant::now() + self.settings.schedule_delay;
        loop {
            tokio::select! {
                () = self.processor.woken() => {}
                () = sleep_until(next) => {}
            }
            loop {
                self.export_waiting().await;
                // A batch that filled up meanwhile does not wait for the timer.
                if !self.processor.batch_is_full() {
                    break;
                }
            }
            next = Instant::now() + self.settings.schedule_delay;
        }
    }

    /// Exports what waits now, and answers the flushes that were asked for by now; spans that keep coming don't delay
    /// the answer.
    async fn export_waiting(&mut self) {
        let flushes = self.processor.take_flushes();
        let mut waiting = self.processor.waiting();
        while waiting > 0 {
            let batch = self.processor.take_batch();
            let spans = batch.len();
            self.export(batch).await;
            self.processor.settled(spans);
            waiting = waiting.saturating_sub(spans);
        }
        for flush in flushes {
            // Whoever asked may have given up.
            let _ = flush.send(());
        }
    }

    async fn export(&mut self, batch: Vec<opentelemetry_sdk::trace::SpanData>) {
        let spans = batch.len();
        let error = match timeout(self.settings.batch_timeout, self.exporter.export(batch)).await {
            Ok(Ok(())) => {
                self.stats.exported(spans);
                return self.recovered();
            }
            // The client has kept the cause, which the SDK's error leaves out.
            Ok(Err(error)) => self.stats.last_error().unwrap_or_else(|| ExportError {
                kind: "_OTHER".to_owned(),
                text: error.to_string(),
            }),
            Err(_) => {
                let limit = self.settings.batch_timeout.as_millis();
                let text = format!("no success within OTEL_BSP_EXPORT_TIMEOUT, {limit} ms");
                ExportError {
                    kind: "timeout".to_owned(),
                    text,
                }
            }
        };
        let lost_before = self.stats.total_lost();
        self.stats.failed(spans, &error);
        self.failed(&error, lost_before);
    }

    fn failed(&mut self, error: &ExportError, lost_before: u64) {
        if self.failing.is_some() {
            return;
        }
        self.failing = Some(Failing { lost_before });
        let endpoint = without_query(&self.settings.endpoint);
        dispatcher::with_default(&self.dispatch, || {
            tracing::warn!(
                target: "firstlight",
                endpoint,
                error.r#type = error.kind,
                "trace export fails: {}; spans are lost and counted until it works again",
                error.text
            );
        });
    }

    fn recovered(&mut self) {
        let Some(Failing { lost_before }) = self.failing.take() else {
            return;
        };
        let lost = self.stats.total_lost() - lost_before;
        let endpoint = without_query(&self.settings.endpoint);
        dispatcher::with_default(&self.dispatch, || {
            tracing::info!(target: "firstlight", endpoint, "trace export works again; {lost} spans were lost");
        });
    }
}
