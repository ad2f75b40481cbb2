//! The variants that are compared.

/// A set-up of telemetry, or none.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Variant {
    /// The name of the package in `xtask/bench` and of its program.
    pub(crate) package: &'static str,
    /// The name in tables and for `--only`.
    pub(crate) title: &'static str,
    /// Environment variables besides those of all variants.
    pub(crate) settings: &'static [(&'static str, &'static str)],
    /// Whether it has spans, an exposition and JSON log lines, and so is comparable.
    pub(crate) same_signals: bool,
    /// Whether it writes an access line, a large part of the cost of a request.
    pub(crate) access_line: bool,
    /// The description of the set-up, with its differences from the others.
    pub(crate) what: &'static str,
}

impl Variant {
    pub(crate) fn is_baseline(&self) -> bool {
        self.title == BARE
    }

    pub(crate) fn is_ours(&self) -> bool {
        self.package == "with-firstlight"
    }
}

pub(crate) fn names() -> Vec<&'static str> {
    VARIANTS.iter().map(|variant| variant.title).collect()
}

pub(crate) const BARE: &str = "bare";
pub(crate) const OURS: &str = "firstlight";
pub(crate) const OURS_WITHOUT_RECORDER: &str = "firstlight-no-recorder";
pub(crate) const BY_HAND: &str = "by-hand";
pub(crate) const OXTEL: &str = "oxtel";

pub(crate) const VARIANTS: [Variant; 9] = [
    Variant {
        package: "bare",
        title: BARE,
        settings: &[],
        same_signals: false,
        access_line: false,
        what: "No telemetry. The log calls find no subscriber.",
    },
    Variant {
        package: "with-firstlight",
        title: OURS,
        settings: &[],
        same_signals: true,
        access_line: true,
        what: "`firstlight::init!()` and `TelemetryLayer`. It also writes one access line per request, and its duration \
            histogram keeps exemplars. Only log lines from `warn` upwards are written on the span, too.",
    },
    Variant {
        package: "with-firstlight",
        title: OURS_WITHOUT_RECORDER,
        settings: &[("FIRSTLIGHT_RECORDER", "off")],
        same_signals: true,
        access_line: true,
        what: "The same program with `FIRSTLIGHT_RECORDER=off`, for the comparison with set-ups that have no flight \
            recorder.",
    },
    Variant {
        package: "with-firstlight",
        title: "firstlight-no-access-line",
        settings: &[("RUST_LOG", "info,firstlight::http=off")],
        same_signals: true,
        access_line: false,
        what: "The same program with `RUST_LOG=info,firstlight::http=off`, which switches the access line off, for \
            the comparison with set-ups that write none.",
    },
    Variant {
        package: "with-firstlight",
        title: "firstlight-span-events",
        settings: &[("FIRSTLIGHT_TRACE_EVENTS", "info")],
        same_signals: true,
        access_line: true,
        what: "The same program with `FIRSTLIGHT_TRACE_EVENTS=info`, which writes the handler's log lines on the span as \
            well, as peers with span events do.",
    },
    Variant {
        package: "by-hand",
        title: BY_HAND,
        settings: &[],
        same_signals: true,
        access_line: false,
        what: "The common stack: `tracing-subscriber`'s JSON layer on standard output, `tracing-opentelemetry`, \
            `opentelemetry-otlp` over HTTP, the middleware of `axum-tracing-opentelemetry`, and the `metrics` macros with \
            `metrics-exporter-prometheus`, each with the defaults of its documentation. The duration of requests has three \
            labels. Log lines carry the span's attributes and no trace id. There is no access line, and there are no exemplars.",
    },
    Variant {
        package: "with-init-tracing",
        title: "init-tracing-opentelemetry",
        settings: &[],
        same_signals: true,
        access_line: false,
        what: "`TracingConfig::production()` and `axum-tracing-opentelemetry`'s two layers. Its middleware has no metrics, \
            so two OpenTelemetry instruments are recorded by hand, as its documentation advises, and served by its \
            Prometheus router. Log lines carry the trace id and the span's attributes. There is no access line, and there \
            are no exemplars. The middleware also writes the trace context into each response.",
    },
    Variant {
        package: "with-oxtel",
        title: OXTEL,
        settings: &[],
        same_signals: true,
        access_line: true,
        what: "`oxtel::init()` and `oxtel-tower`'s server layer, told by the environment to serve Prometheus and to log JSON \
            to standard output. It has its own SDK. It also writes one access line per request and keeps exemplars.",
    },
    Variant {
        package: "with-logfire",
        title: "logfire",
        settings: &[],
        same_signals: false,
        access_line: false,
        what: "`logfire::configure()` with the layers of its axum example, sending to the benchmark's receiver instead of its \
            platform. Log lines go out as OTLP log records, and metrics are pushed once a minute. There is no JSON on \
            standard output and no exposition to scrape, so logfire is shown but is not a peer with the same signals.",
    },
];

/// The text about a set-up that is not compared, with the reason.
pub(crate) const ABSENT: &str = "\
`foundations` is not here because it cannot serve this program. It takes log lines, spans and metrics from its own macros, and
none from `tracing` and `metrics` (its `tracing-rs-compat` works in the opposite direction). It exports spans only over gRPC,
or to Jaeger over UDP. So the comparison would need another service and another receiver.";
