//! The two steps from a configuration to running telemetry.
//!
//! [`Telemetry::build`] validates the settings and binds the listener, and sets nothing global: no subscriber, no
//! recorder, no thread. [`Telemetry::install`] registers the globals and starts the threads. It registers the subscriber
//! first, because another crate is most likely to have registered one. A registration cannot be undone, so an error names
//! the global that is already taken.

mod check_command;
mod last_state;
mod pipeline;
mod query_observer;
mod start_summary;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tracing::Subscriber;
use tracing_subscriber::{Layer, layer::Identity, registry::LookupSpan};

use self::last_state::LastState;
pub(crate) use self::pipeline::Pipeline;
use crate::{
    InitError, Readiness, TelemetryConfig, TelemetryGuard,
    admin::{AdminListener, history_bytes},
    config::{Settings, process_environment, process_variables, unread_warnings},
    evidence,
    export::{ExporterThread, Exporters},
    guard::Parts,
    http,
    logs::{LogFilterControl, RecordExport, Records, install_bridge},
    metrics::{MetricsPush, turn_exemplars_off},
    panic,
    recorder::{Recorder, last_words::Writer as LastWordsWriter},
    runtime::RuntimeObserver,
    secret, shutdown,
    signal::Signal,
    status::{Status, missing_levels, report_versions},
    traces::Traces,
};

/// Set by the first installation: globals can be registered only once per process.
static INSTALLED: AtomicBool = AtomicBool::new(false);

/// Whether telemetry was installed in this process.
#[cfg(feature = "testing")]
pub(crate) fn is_installed() -> bool {
    INSTALLED.load(Ordering::Acquire)
}

/// Telemetry that is built and not running yet.
///
/// A program that owns its `tracing` subscriber adds [`layer()`](Self::layer) to the subscriber, then calls
/// [`install()`](Self::install) for everything else.
///
/// ```no_run
/// use firstlight::TelemetryConfig;
/// use tracing_subscriber::{layer::SubscriberExt, util::SubscriberInitExt};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut telemetry = TelemetryConfig::new().service_name("orders").build()?;
/// tracing_subscriber::registry().with(telemetry.layer()).try_init()?;
/// let guard = telemetry.install()?;
/// # drop(guard);
/// # Ok(())
/// # }
/// ```
#[must_use = "telemetry does nothing until `install()` is called"]
pub struct Telemetry {
    settings: Settings,
    pipeline: Pipeline,
    metrics_push: Option<MetricsPush>,
    log_records: Option<RecordExport>,
    /// Whether the program has called `layer()`.
    layer_taken: bool,
    readiness: Readiness,
    admin: Option<AdminListener>,
}

impl fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Telemetry")
            .field("service_name", &self.settings.resource.service_name())
            .finish_non_exhaustive()
    }
}

impl Telemetry {
    pub(crate) fn build(
        mut config: TelemetryConfig,
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, InitError> {
        if INSTALLED.load(Ordering::Acquire) {
            return Err(InitError::AlreadyInitialized);
        }
        let readiness = std::mem::take(&mut config.readiness);
        let mut settings = Settings::resolve(config, lookup)?;
        settings
            .warnings
            .extend(unread_warnings(process_variables()));
        let recorder = settings.recorder.clone();
        let has_admin = settings.admin.is_some();
        let recorder = recorder.map(|recorder| {
            let history = if has_admin {
                history_bytes(recorder.bytes)
            } else {
                0
            };
            Recorder::with_history(recorder.bytes, recorder.filter, history)
        });
        let mut pipeline = Pipeline::new(&settings, Traces::new(&settings)?, recorder)?;
        let metrics = pipeline.metrics.handle();
        let (exports, resource) = (&settings.exports, &settings.resource);
        let log_records = exports.logs.as_ref();
        let log_records = log_records
            .map(|export| RecordExport::new(export, resource))
            .transpose()?;
        if let Some(records) = &log_records {
            let sink = Arc::new(records.queue().clone());
            let records = Records::new(sink, settings.record_limits);
            pipeline.logs = pipeline.logs.with_records(records);
        }
        let level = settings.recorder.as_ref();
        if let Some(recorder) = &pipeline.recorder
            && let Some(level) = level.and_then(|recorder| recorder.log_on_failure)
        {
            recorder.log_failures(level, pipeline.logs.held_sink());
        }
        let metrics_push = exports.metrics.as_ref();
        let metrics_push = metrics_push
            .map(|export| MetricsPush::new(export, metrics.clone(), resource))
            .transpose()?;
        let stats = [
            log_records
                .as_ref()
                .map(|records| records.queue().stats().clone()),
            metrics_push.as_ref().map(MetricsPush::stats),
            pipeline.traces.stats(),
        ];
        for stats in stats.into_iter().flatten() {
            metrics.add_collector(stats);
        }
        if let Some(failures) = pipeline.traces.failures() {
            metrics.add_collector(failures);
        }
        #[cfg(feature = "db")]
        metrics.add_collector(Arc::new(crate::db::PoolCollector));

        // The listener is bound last, because other processes can see it.
        let admin = match settings.admin.clone() {
            None => None,
            Some((host, port)) => Some(AdminListener::bind(host, port, settings.admin_required)?),
        };
        let in_use = admin.as_ref().and_then(AdminListener::warning);
        settings.warnings.extend(in_use);
        Ok(Self {
            settings,
            pipeline,
            metrics_push,
            log_records,
            layer_taken: false,
            readiness,
            admin,
        })
    }

    /// Returns the layer of log lines and spans, for the program's own subscriber.
    ///
    /// If this method was called, [`install()`](Self::install) leaves the global subscriber and the `log` bridge to the
    /// program. A second call returns a layer that does nothing.
    pub fn layer<S>(&mut self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        // The layer is boxed and not an `Option`, whose `Layer` implementation does not forward `on_register_dispatch`.
        if std::mem::replace(&mut self.layer_taken, true) {
            Identity::new().boxed()
        } else {
            self.pipeline.signals().into_layer().boxed()
        }
    }

    /// Registers the globals and starts the threads.
    ///
    /// # Errors
    ///
    /// [`InitError::AlreadyInitialized`], [`InitError::SubscriberTaken`], [`InitError::LoggerTaken`],
    /// [`InitError::RecorderTaken`] and [`InitError::Thread`].
    pub fn install(self) -> Result<TelemetryGuard, InitError> {
        if INSTALLED.swap(true, Ordering::AcqRel) {
            return Err(InitError::AlreadyInitialized);
        }
        let settings = Arc::new(self.settings);
        if !settings.exemplars {
            turn_exemplars_off();
        }
        // Redaction is set up first, so that no event is recorded without it.
        secret::redact_also(settings.redact.clone());
        // A program that has called `layer()` has its own subscriber and decides about the `log` bridge.
        let owns_subscriber = !self.layer_taken;
        if let Err(refused) = register(&self.pipeline, owns_subscriber) {
            INSTALLED.store(false, Ordering::Release);
            return Err(refused);
        }

        let bridged = owns_subscriber.then(|| self.pipeline.filter().level_in_traces());
        let Pipeline {
            writer,
            log_filter,
            logs,
            traces,
            metrics,
            recorder,
            ..
        } = self.pipeline;
        let metrics = metrics.handle();
        writer.start(settings.log_output.stream())?;
        let runtime = Arc::new(RuntimeObserver::new(recorder.clone(), logs.contexts()));
        let last_words = recorder
            .as_ref()
            .and_then(|recorder| last_words(&settings, recorder, &runtime));
        if let Some(last_words) = &last_words {
            metrics.add_collector(Arc::new(last_words.clone()));
        }
        panic::install_hook(writer.clone(), last_words.clone());
        apply(&settings);
        let mut thread = ExporterThread::default();
        let mut exporters = Exporters::default();
        if let Some(spans) = traces.install(&mut thread) {
            exporters.add(Signal::Traces, spans);
        }
        if let Some(push) = self.metrics_push {
            exporters.add(Signal::Metrics, push.install(&mut thread));
        }
        if let Some(records) = self.log_records {
            exporters.add(Signal::Logs, records.install(&mut thread));
        }
        let log_filter = Arc::new(LogFilterControl::new(log_filter, bridged));
        let status = Status::new(
            settings.clone(),
            log_filter.clone(),
            writer.clone(),
            logs.counts(),
            metrics.clone(),
            Signal::ALL.map(|signal| exporters.stats(signal).cloned()),
            recorder,
        );
        let status = Arc::new(status.with_runtime(runtime.clone()));
        thread.start()?;
        metrics.add_collector(runtime.clone());
        // This fails outside a runtime. The program can call `instrument_runtime()` later.
        let _ = runtime.observe_current();
        runtime.install();
        let admin_address = self
            .admin
            .as_ref()
            .map(AdminListener::address)
            .unwrap_or_default();
        let summary = start_summary::summary(&settings, self.admin.as_ref());
        if let Some(admin) = self.admin {
            admin.start(
                self.readiness.clone(),
                status.clone(),
                runtime.clone(),
                settings.admin_token.clone(),
            )?;
        }
        summary.log();
        for warning in &settings.warnings {
            tracing::warn!(target: "firstlight", "{warning}");
        }
        if let Some(missing) = missing_levels() {
            tracing::warn!(target: "firstlight", "{missing}");
        }
        if let Some(caution) = log_filter.caution() {
            // The log filter could hide this warning, so the event has a target that always passes the filter.
            tracing::warn!(target: "firstlight::admin", "log filter {}: {caution}", log_filter.text());
        }
        report_versions();
        Ok(TelemetryGuard::new(Parts {
            exporters,
            metrics,
            logs: writer,
            readiness: self.readiness,
            runtime,
            status,
            admin_address,
            last_words,
            shutdown_timeout: settings.shutdown_timeout,
        }))
    }
}

/// Starts the thread that writes the last words, if they have a file.
fn last_words(
    settings: &Settings,
    recorder: &Recorder,
    runtime: &Arc<RuntimeObserver>,
) -> Option<LastWordsWriter> {
    let file = settings.recorder.as_ref()?.file.clone()?;
    let process = last_state::process(&settings.resource);
    let state = LastState::new(recorder.clone(), runtime.clone());
    match LastWordsWriter::start(file, process, state) {
        Ok(writer) => {
            recorder.keep_last_words(writer.clone());
            Some(writer)
        }
        Err(error) => {
            tracing::warn!(
                target: "firstlight",
                "FIRSTLIGHT_RECORDER_FILE is not written, because its thread cannot start: {error}"
            );
            None
        }
    }
}

fn register(pipeline: &Pipeline, owns_subscriber: bool) -> Result<(), InitError> {
    if owns_subscriber {
        tracing::subscriber::set_global_default(pipeline.signals().into_subscriber())
            .map_err(|_| InitError::SubscriberTaken)?;
        install_bridge(pipeline.filter().level_of_records()).map_err(|_| InitError::LoggerTaken)?;
    }
    ::metrics::set_global_recorder(pipeline.metrics.recorder())
        .map_err(|_| InitError::RecorderTaken)
}

/// Applies the settings that are global in the process.
fn apply(settings: &Settings) {
    if settings.recorder.is_some() {
        evidence::turn_on();
    }
    shutdown::set_drain(settings.drain_delay, settings.drain_timeout);
    #[cfg(feature = "axum")]
    http::set_server_limits(settings.server_limits);
    if let Some(methods) = settings.known_methods.clone() {
        http::set_known_methods(methods);
    }
}

impl TelemetryConfig {
    /// Builds and installs telemetry.
    ///
    /// Calls [`build()`](Self::build), then [`install()`](Telemetry::install).
    ///
    /// # Errors
    ///
    /// See [`InitError`].
    pub fn init(self) -> Result<TelemetryGuard, InitError> {
        self.build()?.install()
    }

    /// Builds telemetry without setting anything global.
    ///
    /// Suits a program that owns its `tracing` subscriber. Only the registration of globals and the start of threads can
    /// fail afterward.
    ///
    /// # Errors
    ///
    /// See [`InitError`]. After an error no global is set, and no thread or listener remains.
    pub fn build(self) -> Result<Telemetry, InitError> {
        Telemetry::build(self, &process_environment)
    }
}
