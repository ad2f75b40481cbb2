//! What is compared.

/// One way to have telemetry, or to have none.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Variant {
    /// The package in `xtask/bench`, and its program.
    pub(crate) package: &'static str,
    /// What a table calls it, and `--only`.
    pub(crate) title: &'static str,
    /// What it needs in its environment besides what all variants have.
    pub(crate) settings: &'static [(&'static str, &'static str)],
    /// Whether it gives spans, a metrics page and log lines for machines, so that its cost can be compared with ours.
    pub(crate) same_signals: bool,
    /// Whether it writes a line of its own about each request, which is a good part of what a request costs.
    pub(crate) access_line: bool,
    /// How it is set up, and what it does more or less than the others.
    pub(crate) what: &'static str,
}

impl Variant {
    pub(crate) fn is_baseline(&self) -> bool {
        self.title == BARE
    }
}

pub(crate) fn names() -> Vec<&'static str> {
    VARIANTS.iter().map(|variant| variant.title).collect()
}

pub(crate) const BARE: &str = "bare";
pub(crate) const OURS: &str = "firstlight";
pub(crate) const OURS_WITH_EVENTS: &str = "firstlight-span-events";
pub(crate) const OURS_WITHOUT_ACCESS_LINE: &str = "firstlight-no-access-line";
pub(crate) const BY_HAND: &str = "by-hand";

pub(crate) const VARIANTS: [Variant; 8] = [
    Variant {
        package: "bare",
        title: BARE,
        settings: &[],
        same_signals: false,
        access_line: false,
        what: "No telemetry. The calls that log are there and find no subscriber.",
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
        title: OURS_WITHOUT_ACCESS_LINE,
        settings: &[("RUST_LOG", "info,firstlight::http=off")],
        same_signals: true,
        access_line: false,
        what: "The same program with `RUST_LOG=info,firstlight::http=off`, which switches the access line off: what to \
            compare with set-ups that write none.",
    },
    Variant {
        package: "with-firstlight",
        title: OURS_WITH_EVENTS,
        settings: &[("FIRSTLIGHT_TRACE_EVENTS", "info")],
        same_signals: true,
        access_line: true,
        what: "The same program with `FIRSTLIGHT_TRACE_EVENTS=info`, which writes the handler's log lines on the span as \
            well, as the peers do that have span events.",
    },
    Variant {
        package: "by-hand",
        title: BY_HAND,
        settings: &[],
        same_signals: true,
        access_line: false,
        what: "What people assemble today: `tracing-subscriber`'s JSON layer on standard output, `tracing-opentelemetry`, \
            `opentelemetry-otlp` over HTTP, the middleware of `axum-tracing-opentelemetry`, and the `metrics` macros with \
            `metrics-exporter-prometheus`; each with the defaults of its documentation. Its duration has three labels, its log lines carry the span's \
            attributes and no trace id, there is no access line, and no exemplars.",
    },
    Variant {
        package: "with-init-tracing",
        title: "init-tracing-opentelemetry",
        settings: &[],
        same_signals: true,
        access_line: false,
        what: "`TracingConfig::production()` and `axum-tracing-opentelemetry`'s two layers; its middleware has no metrics, \
            so two OpenTelemetry instruments are recorded by hand, as its documentation advises, and served by its \
            Prometheus router. Its log lines carry the trace id and the span's attributes; no access line, no exemplars. \
            It also writes the trace context into each response.",
    },
    Variant {
        package: "with-oxtel",
        title: "oxtel",
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
            platform. Log lines go out as OTLP log records, and metrics are pushed once a minute: there is no JSON on \
            standard output and no page to scrape, so it is shown and not counted as a peer with the same signals.",
    },
];

/// Who is missing, and why.
pub(crate) const ABSENT: &str = "\
`foundations` is not here because it cannot serve this program. It takes log lines, spans and metrics from macros of its own;
what goes through `tracing` and `metrics` does not reach it (its `tracing-rs-compat` leads the other way). It exports a
service's spans over gRPC or to Jaeger over UDP only. So it would be another service that sends to another receiver.";
