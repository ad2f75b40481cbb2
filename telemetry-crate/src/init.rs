//! From a configuration to running telemetry, in two steps.
//!
//! [`Telemetry::build`] does everything that can fail and touches nothing global: no subscriber, no recorder, no
//! thread. [`Telemetry::install`] is the only toucher of globals, and goes from the registration that is most often
//! taken already to the one that never is; what it has registered cannot be taken back, so its errors name exactly
//! what was refused.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tracing::Subscriber;
use tracing_subscriber::{Layer, layer::Identity, registry::LookupSpan};

use crate::{
    InitError, Readiness, Secret, TelemetryConfig, TelemetryGuard,
    admin::AdminListener,
    config::Settings,
    error::url_of,
    guard::Parts,
    layer::Pillars,
    logs::{
        LogFilter, LogFilterControl, LogLayer, LogWriter, RecordExport, Records, install_bridge,
    },
    metrics::{Metrics, MetricsOptions, MetricsPush, turn_exemplars_off},
    otlp::{ExporterThread, Exporters, Signal},
    panic,
    runtime::RuntimeObserver,
    secret, shutdown,
    status::{Configured, Status, warn_of_doubles, why_no_traces},
    traces::Traces,
};

/// Globals cannot be registered twice, so there is one telemetry in a process, ever.
static INSTALLED: AtomicBool = AtomicBool::new(false);

/// Whether telemetry runs in this process, or ran.
#[cfg(feature = "testing")]
pub(crate) fn is_installed() -> bool {
    INSTALLED.load(Ordering::Acquire)
}

/// Telemetry that is built and not yet running.
///
/// For a program that owns its `tracing` subscriber: add [`layer()`](Self::layer) to it, then call
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
    summary: Summary,
    writer: LogWriter,
    log_layer: LogLayer,
    log_filter: LogFilter,
    /// Whether somebody has asked for the layer.
    layer_taken: bool,
    traces: Traces,
    metrics_push: Option<MetricsPush>,
    log_records: Option<RecordExport>,
    metrics: Metrics,
    readiness: Readiness,
    admin: Option<AdminListener>,
    admin_token: Option<Secret<String>>,
    configured: Configured,
    #[cfg(feature = "sqlx")]
    query_limits: crate::config::QueryLimits,
    #[cfg(feature = "axum")]
    server_limits: crate::config::ServerLimits,
    known_methods: Option<Vec<String>>,
    drain_delay: Duration,
    drain_timeout: Option<Duration>,
    shutdown_timeout: Duration,
    warnings: Vec<String>,
    redact: Vec<String>,
    exemplars: bool,
}

impl fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Telemetry")
            .field("summary", &self.summary)
            .finish_non_exhaustive()
    }
}

impl Telemetry {
    pub(crate) fn build(
        config: TelemetryConfig,
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, InitError> {
        if INSTALLED.load(Ordering::Acquire) {
            return Err(InitError::AlreadyInitialized);
        }
        let settings = Settings::resolve(config, lookup)?;
        let mut summary = Summary::new(&settings);
        let configured = Configured::new(&settings);
        let traces = Traces::new(&settings)?;
        let metrics = Metrics::new(MetricsOptions {
            resource: settings.resource.to_pairs(),
            buckets: settings.buckets,
            budget: settings.budget,
        });
        let writer = LogWriter::new();
        let mut log_layer = LogLayer::new(
            settings.log_format,
            settings.colours,
            &settings.resource,
            writer.clone(),
        );
        metrics.handle().add_collector(log_layer.counts());
        let exports = &settings.exports;
        let log_records = exports.logs.as_ref();
        let log_records = log_records
            .map(|export| RecordExport::new(export, &settings.resource))
            .transpose()?;
        if let Some(records) = &log_records {
            let sink = Arc::new(records.queue().clone());
            log_layer = log_layer.with_records(Records::new(sink, settings.record_limits));
            metrics
                .handle()
                .add_collector(records.queue().stats().clone());
        }
        let metrics_push = exports.metrics.as_ref();
        let metrics_push = metrics_push
            .map(|export| MetricsPush::new(export, metrics.handle(), &settings.resource))
            .transpose()?;
        if let Some(push) = &metrics_push {
            metrics.handle().add_collector(push.stats());
        }
        #[cfg(feature = "sqlx")]
        metrics
            .handle()
            .add_collector(Arc::new(crate::sqlx::PoolCollector));
        if let Some(stats) = traces.stats() {
            metrics.handle().add_collector(stats);
        }

        // Last, because it is what another process on the machine can see.
        let readiness = Readiness::default();
        let admin = match settings.admin {
            None => None,
            Some((host, port)) => Some(AdminListener::bind(host, port, settings.admin_required)?),
        };
        let mut warnings = settings.warnings;
        warnings.extend(admin.as_ref().and_then(AdminListener::warning));
        summary.metrics_at(admin.as_ref());

        Ok(Self {
            summary,
            writer,
            log_layer,
            log_filter: settings.log_filter,
            layer_taken: false,
            traces,
            metrics_push,
            log_records,
            metrics,
            readiness,
            admin,
            admin_token: settings.admin_token,
            configured,
            #[cfg(feature = "sqlx")]
            query_limits: settings.query_limits,
            #[cfg(feature = "axum")]
            server_limits: settings.server_limits,
            known_methods: settings.known_methods,
            drain_delay: settings.drain_delay,
            drain_timeout: settings.drain_timeout,
            shutdown_timeout: settings.shutdown_timeout,
            warnings,
            redact: settings.redact,
            exemplars: settings.exemplars,
        })
    }

    /// The layer that makes log lines and spans, for a subscriber of the program's own. Once it was asked for,
    /// [`install()`](Self::install) leaves the global subscriber and the `log` bridge to the program.
    ///
    /// A second call returns a layer that does nothing.
    pub fn layer<S>(&mut self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        // Boxed, and not an `Option`: that one does not hand on `on_register_dispatch`.
        if std::mem::replace(&mut self.layer_taken, true) {
            Identity::new().boxed()
        } else {
            self.pillars().into_layer().boxed()
        }
    }

    fn pillars(&self) -> Pillars {
        Pillars::new(
            self.log_layer.clone(),
            self.log_filter.clone(),
            &self.traces,
            #[cfg(feature = "sqlx")]
            self.query_limits,
        )
    }

    /// Registers what is global in a process, and starts the threads: from here on telemetry runs.
    ///
    /// # Errors
    ///
    /// [`InitError::AlreadyInitialized`], [`InitError::SubscriberTaken`], [`InitError::LoggerTaken`],
    /// [`InitError::RecorderTaken`] and [`InitError::Thread`].
    pub fn install(mut self) -> Result<TelemetryGuard, InitError> {
        if INSTALLED.swap(true, Ordering::AcqRel) {
            return Err(InitError::AlreadyInitialized);
        }
        if !self.exemplars {
            turn_exemplars_off();
        }
        // Before there is anything to redact.
        secret::redact_also(std::mem::take(&mut self.redact));
        // Whoever asked for the layer has a subscriber, and decides about the bridge.
        let owns_subscriber = !self.layer_taken;
        if let Err(refused) = self.register(owns_subscriber) {
            INSTALLED.store(false, Ordering::Release);
            return Err(refused);
        }

        let bridged = owns_subscriber.then(|| self.pillars().filter().level_in_traces());
        self.writer.start(std::io::stdout())?;
        panic::install_hook(self.writer.clone());
        shutdown::set_drain(self.drain_delay, self.drain_timeout);
        #[cfg(feature = "axum")]
        crate::http::set_server_limits(self.server_limits);
        if let Some(methods) = self.known_methods {
            crate::http::set_known_methods(methods);
        }
        let mut thread = ExporterThread::default();
        let exporters = Exporters {
            traces: self.traces.install(&mut thread),
            metrics: self.metrics_push.map(|push| push.install(&mut thread)),
            logs: self.log_records.map(|records| records.install(&mut thread)),
        };
        let status = Arc::new(Status::new(
            self.configured,
            Arc::new(LogFilterControl::new(self.log_filter, bridged)),
            self.writer.clone(),
            self.log_layer.counts(),
            self.metrics.handle(),
            Signal::ALL.map(|signal| exporters.stats(signal).cloned()),
        ));
        thread.start()?;
        let runtime = Arc::new(RuntimeObserver::default());
        self.metrics.handle().add_collector(runtime.clone());
        // Outside of a runtime there is none to observe yet; `observe_runtime()` is for that.
        let _ = runtime.observe_current();
        let admin_address = self
            .admin
            .as_ref()
            .map(AdminListener::address)
            .unwrap_or_default();
        if let Some(admin) = self.admin {
            let token = self.admin_token;
            admin.start(
                self.readiness.clone(),
                status.clone(),
                runtime.clone(),
                token,
            )?;
        }
        self.summary.log();
        for warning in &self.warnings {
            tracing::warn!(target: "firstlight", "{warning}");
        }
        warn_of_doubles();
        Ok(TelemetryGuard::new(Parts {
            exporters,
            metrics: self.metrics.handle(),
            logs: self.writer,
            readiness: self.readiness,
            runtime,
            status,
            admin_address,
            shutdown_timeout: self.shutdown_timeout,
        }))
    }

    fn register(&self, owns_subscriber: bool) -> Result<(), InitError> {
        if owns_subscriber {
            let pillars = self.pillars();
            let level_of_records = pillars.filter().level_of_records();
            tracing::subscriber::set_global_default(pillars.into_subscriber())
                .map_err(|_| InitError::SubscriberTaken)?;
            install_bridge(level_of_records).map_err(|_| InitError::LoggerTaken)?;
        }
        ::metrics::set_global_recorder(self.metrics.recorder())
            .map_err(|_| InitError::RecorderTaken)
    }
}

/// The line at start: what is on, where it goes, and what is off.
#[derive(Debug)]
struct Summary {
    service_name: String,
    logs: String,
    metrics: String,
    traces: String,
    serves_page: bool,
}

impl Summary {
    fn new(settings: &Settings) -> Self {
        let format = settings.log_format.name();
        let exports = &settings.exports;
        let traces = match &exports.traces {
            Some(export) => format!("{}, sampler {}", export.destination, settings.sampler),
            None => format!("off: {}", why_no_traces(settings)),
        };
        let mut logs = format!(
            "{format} to stdout, filter {}",
            settings.log_filter.directives().text()
        );
        if let Some(export) = &exports.logs {
            logs += &format!("; {}", export.destination);
        }
        let pushed = exports.metrics.as_ref().map(|export| {
            let seconds = export.interval.as_secs_f64();
            format!("{} every {seconds} s", export.destination)
        });
        Self {
            service_name: settings.resource.service_name().to_owned(),
            logs,
            metrics: pushed.unwrap_or_default(),
            traces,
            serves_page: exports.page,
        }
    }

    /// Pushing, if any, is in there already.
    fn metrics_at(&mut self, admin: Option<&AdminListener>) {
        let page = match admin {
            Some(admin) if self.serves_page => match admin.address().get() {
                Some(address) => format!("{}/metrics", url_of(*address)),
                None => "served nowhere yet".to_owned(),
            },
            _ if !self.metrics.is_empty() => return,
            Some(_) => "off: OTEL_METRICS_EXPORTER is none".to_owned(),
            None => "recorded, and served nowhere: set OTEL_EXPORTER_PROMETHEUS_PORT to serve them"
                .to_owned(),
        };
        let pushed = std::mem::take(&mut self.metrics);
        self.metrics = match &*pushed {
            "" => page,
            pushed => format!("{page}; {pushed}"),
        };
    }

    fn log(&self) {
        tracing::info!(
            target: "firstlight",
            { service.name = self.service_name, logs = self.logs, metrics = self.metrics, traces = self.traces },
            "telemetry is up"
        );
    }
}
