//! What strangers and secrets do to a service, judged from outside: by all that it writes, serves and sends.
//!
//! The test starts itself as a child that plays a part; see `support::part`.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests, and one handler is to panic"
)]

mod support;

use std::{
    collections::hash_map::RandomState,
    error::Error,
    fmt,
    hash::{BuildHasher, Hasher},
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    process::ExitCode,
    time::Duration,
};

use axum::{
    Router,
    http::StatusCode,
    routing::{get, post},
};
use firstlight::{Secret, http::TelemetryLayer, testing::OtlpReceiver};
use support::{
    Answer, ask,
    part::{self, Part},
    send,
};

fn main() -> ExitCode {
    part::run(
        &[
            (
                "no_secret_gets_out_wherever_it_was_planted",
                planted_secrets,
            ),
            (
                "a_collector_that_fails_gets_no_secret_out_either",
                failing_exports,
            ),
            (
                "a_strangers_sampled_flag_decides_only_where_its_trace_is_continued",
                sampled_flags,
            ),
            (
                "hostile_context_headers_break_nothing_and_are_sent_on_within_bounds",
                hostile_headers,
            ),
        ],
        &[("service", play_service)],
    )
}

/// A secret of this run; all of them contain the marker, and the place where it was planted.
fn secret(place: &str) -> String {
    std::env::var("MARKER").unwrap() + place
}

/// An error that quotes its connection string, as those of many drivers do.
#[derive(Debug)]
struct Refused(io::Error);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cannot save")
    }
}

impl Error for Refused {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

fn connection(place: &str) -> String {
    let (user, password) = (secret(place), secret(place));
    format!("postgres://{user}:{password}@db.example:5432/orders")
}

#[derive(Debug)]
#[expect(dead_code, reason = "shown by its Debug form")]
struct Login {
    user: &'static str,
    password: Secret<String>,
}

#[tracing::instrument]
fn sign_in(login: Login, key: Secret<String>) {
    tracing::info!(?key, %key, "signed in");
}

/// Everything that a program does with secrets by mistake.
async fn leak() -> ([(&'static str, String); 1], &'static str) {
    let span = tracing::info_span!(
        "work",
        password = secret("span-password"),
        db.token = secret("span-token"),
        connection = connection("span-connection"),
        later_secret = tracing::field::Empty,
    );
    span.record("later_secret", secret("span-later"));
    let _entered = span.enter();
    sign_in(
        Login {
            user: "ada",
            password: Secret::new(secret("debug-form")),
        },
        Secret::new(secret("argument")),
    );
    // The first is a line only, the second is on the span as well.
    tracing::info!(
        visible = "control",
        token = secret("field-token"),
        api_key = secret("field-api-key"),
        http.request.header.authorization = secret("field-authorization"),
        http.request.header.cookie = secret("field-cookie"),
        stripe_secret = ?secret("field-debug"),
        callback = format!("https://h.example/cb?page=2&access_token={}", secret("field-query")),
        "with secrets"
    );
    let error = Refused(io::Error::other(connection("error")));
    tracing::warn!(
        passwd = secret("event-passwd"),
        connection = %connection("event-connection"),
        error = &error as &dyn Error,
        "on the span"
    );
    tracing::error!("cannot reach {}", connection("message"));
    log::warn!("a record: cannot reach {}", connection("record"));
    let labels = [
        ("token", secret("label-token")),
        ("shard", connection("label-connection")),
        ("visible", "control".to_owned()),
    ];
    metrics::counter!("leaks_total", &labels).increment(1);
    metrics::histogram!("leaks_seconds", &labels).record(1.0);
    ([("set-cookie", secret("set-cookie"))], "leaked")
}

/// What this service would send on to the next.
async fn next() -> String {
    let mut headers = axum::http::HeaderMap::new();
    firstlight::http::inject(&mut headers);
    let lines = headers
        .iter()
        .map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap()));
    lines.collect()
}

async fn panics() -> StatusCode {
    panic!("cannot reach {}", connection("panic"))
}

#[tokio::main(flavor = "current_thread")]
async fn play_service() -> ExitCode {
    let telemetry = match firstlight::init!() {
        Ok(telemetry) => telemetry,
        Err(error) => {
            eprintln!("{error} {error:?}");
            return ExitCode::FAILURE;
        }
    };
    let router = Router::new()
        .route("/leak", get(leak))
        .route("/next", get(next))
        .route("/panics", get(panics))
        .route("/broken", get(async || StatusCode::INTERNAL_SERVER_ERROR))
        .route("/body", post(async |body: String| body.len().to_string()))
        .layer(TelemetryLayer::new());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tracing::info!(target: "firstlight::check", address, "serving");
    let closed = async {
        // Until the test closes it.
        let wait = || io::copy(&mut io::stdin(), &mut io::sink());
        let _ = tokio::task::spawn_blocking(wait).await;
    };
    axum::serve(listener, router)
        .with_graceful_shutdown(closed)
        .await
        .unwrap();
    let error = Refused(io::Error::other(connection("the-end")));
    telemetry.finish(Err::<(), _>(error))
}

/// The service, and all that it has said so far.
struct Service {
    part: Part,
    admin: SocketAddr,
    address: SocketAddr,
    output: String,
}

impl Service {
    fn start(variables: &[(&str, &str)]) -> Self {
        let mut part = Part::start("service", variables);
        let (mut output, mut found) = (String::new(), Vec::new());
        while found.len() < 2 {
            let line = part.line();
            output += &format!("{line}\n");
            match line["message"].as_str() {
                Some("telemetry is up") => found.push(line["metrics"].clone()),
                Some("serving") => found.push(line["address"].clone()),
                _ => {}
            }
        }
        let address = |found: &serde_json::Value| {
            let text = found.as_str().unwrap();
            let text = text.trim_start_matches("http://");
            let text = text.trim_end_matches("/metrics");
            let port = text.parse::<SocketAddr>().unwrap().port();
            ([127, 0, 0, 1], port).into()
        };
        Self {
            admin: address(&found[0]),
            address: address(&found[1]),
            part,
            output,
        }
    }

    fn keep(&mut self, answer: Answer) {
        self.output += &format!("{}\n{}\n", answer.head, answer.body);
    }

    /// Reads all pages.
    fn read_pages(&mut self) {
        for (page, accept) in [
            ("/metrics", "text/plain"),
            ("/metrics", "application/openmetrics-text; version=1.0.0"),
            ("/telemetry", "text/plain"),
            ("/telemetry", "application/json"),
            ("/log-filter", "*/*"),
            ("/readyz", "*/*"),
        ] {
            let head = format!("GET {page} HTTP/1.1\r\nhost: localhost\r\naccept: {accept}");
            let answer = send(self.admin, &head, "");
            assert_eq!(answer.status, 200, "{page}");
            self.keep(answer);
        }
    }

    /// Ends it; all that it has ever said.
    fn end(mut self) -> String {
        drop(self.part.child.stdin.take());
        for line in self.part.rest() {
            self.output += &format!("{line}\n");
        }
        let (code, stderr) = self.part.end();
        assert_eq!(code, Some(1), "{stderr}");
        self.output + &stderr
    }
}

fn marker() -> String {
    format!("zq{:016x}-", RandomState::new().build_hasher().finish())
}

/// Shows what is around the first leak.
fn assert_clean(output: &str, marker: &str) {
    if let Some(at) = output.find(marker) {
        let context = |at: usize| output.floor_char_boundary(at);
        let around = &output[context(at.saturating_sub(300))..context(at + 100)];
        panic!("a secret got out: {around}");
    }
}

fn planted_secrets() {
    let receiver = OtlpReceiver::start().unwrap();
    let marker = marker();
    let planted = |place: &str| format!("{marker}{place}");
    let endpoint = format!(
        "{}/v1/traces?x={}",
        receiver.endpoint(),
        planted("endpoint-query")
    );
    let token = planted("admin-token");
    let mut service = Service::start(&[
        ("MARKER", &marker),
        ("RUST_LOG", "trace"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &endpoint),
        (
            "OTEL_EXPORTER_OTLP_HEADERS",
            &format!(
                "authorization=Bearer%20{},x-api-key={}",
                planted("otlp"),
                planted("otlp")
            ),
        ),
        (
            "OTEL_RESOURCE_ATTRIBUTES",
            &format!("visible=control,deploy.token={}", planted("resource")),
        ),
        ("FIRSTLIGHT_ADMIN_TOKEN", &token),
    ]);
    let headers = [
        ("host", "orders.example".to_owned()),
        (
            "authorization",
            format!("Bearer {}", planted("authorization")),
        ),
        ("proxy-authorization", format!("Basic {}", planted("proxy"))),
        ("cookie", format!("session={}", planted("cookie"))),
        ("x-api-key", planted("x-api-key")),
        (
            "referer",
            format!("https://h.example/?token={}", planted("referer")),
        ),
        // Well-formed, and malformed, which the SDK would have a word about.
        ("baggage", format!("user={}", planted("baggage"))),
        (
            "baggage",
            format!("%ff={},{}", planted("baggage"), planted("baggage")),
        ),
        ("tracestate", format!("{}", planted("tracestate"))),
    ];
    let headers: String = headers
        .iter()
        .map(|(name, value)| format!("\r\n{name}: {value}"))
        .collect();
    let query = format!("?token={0}&q={0}", planted("query"));
    let user = planted("userinfo");
    for (line, status) in [
        (format!("GET /leak{query}"), 200),
        (
            format!("GET http://{user}:{user}@orders.example/leak{query}"),
            200,
        ),
        (format!("GET /broken{query}"), 500),
        (format!("POST /body{query}"), 200),
        (format!("GET /wp-login.php{query}"), 404),
        (format!("{} /leak", planted("method").to_uppercase()), 405),
    ] {
        let head = format!("{line} HTTP/1.1{headers}");
        let answer = send(service.address, &head, &planted("body"));
        assert_eq!(answer.status, status, "{line}");
    }
    // The connection breaks off, so there is no answer.
    let mut stream = TcpStream::connect(service.address).unwrap();
    let request = format!("GET /panics{query} HTTP/1.1{headers}\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    assert_eq!(stream.read_to_end(&mut Vec::new()).unwrap_or(0), 0);

    for (shown, status) in [(&*planted("wrong-token"), 401), (&*token, 200)] {
        let head = format!(
            "PUT /log-filter?for=1h HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {shown}"
        );
        let answer = send(service.admin, &head, "trace");
        assert_eq!(answer.status, status);
        service.keep(answer);
    }
    service.read_pages();
    let output = service.end();
    let spans = receiver.wait_for(Duration::from_secs(30), |spans| spans.len() >= 10);
    let spans = format!("{spans:?}");
    for (what, text) in [("output", &output), ("spans", &spans)] {
        assert!(
            text.contains("control") && text.contains("***"),
            "nothing was planted in {what}"
        );
        // Upper case is how it comes in a method.
        assert_clean(text, &marker);
        assert_clean(&text.to_lowercase(), &marker);
    }
    for shown in [
        "postgres://***@db.example:5432/orders",
        "cannot save: postgres://***@db",
        "https://h.example/cb?page=2&access_token=***",
        "leaks_total{shard=\"postgres://***@db.example:5432/orders\",token=\"***\",visible=\"control\"} 2",
        "panicked: cannot reach postgres://***@",
        "deploy_token=\"***\"",
    ] {
        assert!(output.contains(shown), "no {shown} in {output}");
    }
}

fn failing_exports() {
    let marker = marker();
    let planted = |place: &str| format!("{marker}{place}");
    // An endpoint with credentials is refused, and does not show them.
    for (variable, value) in [
        (
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            format!("http://{0}:{0}@127.0.0.1:1", planted("user")),
        ),
        (
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            format!("{0}:{0}@collector:4317", planted("user")),
        ),
        (
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            format!("https://h/?k={}", planted("query")),
        ),
    ] {
        let mut part = Part::start("service", &[(variable, &value)]);
        assert_eq!(part.rest(), [""; 0]);
        let (code, stderr) = part.end();
        assert_eq!(code, Some(1));
        assert!(stderr.starts_with(variable), "{stderr}");
        assert_clean(&stderr, &marker);
    }
    // Nobody listens there.
    let mut service = Service::start(&[
        ("MARKER", &marker),
        ("RUST_LOG", "trace"),
        (
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            &format!(
                "http://127.0.0.1:1/v1/traces?k={}",
                planted("endpoint-query")
            ),
        ),
        // Malformed, which is warned about.
        ("OTEL_EXPORTER_OTLP_HEADERS", &planted("headers")),
        ("OTEL_BSP_SCHEDULE_DELAY", "10"),
    ]);
    assert_eq!(ask(service.address, "GET /leak").status, 200);
    let mut tries = 0;
    while !ask(service.admin, "GET /telemetry")
        .body
        .contains("spans lost: 3")
    {
        tries += 1;
        assert!(tries < 300, "{}", ask(service.admin, "GET /telemetry").body);
        std::thread::sleep(Duration::from_millis(100));
    }
    service.read_pages();
    let output = service.end();
    assert!(output.contains("trace export fails"), "{output}");
    assert!(
        output.contains("OTEL_EXPORTER_OTLP_HEADERS: found"),
        "{output}"
    );
    assert_clean(&output, &marker);
}

fn sampled_flags() {
    for (policy, spans) in [("continue", 20), ("link", 0), ("ignore", 0)] {
        let receiver = OtlpReceiver::start().unwrap();
        let service = Service::start(&[
            ("MARKER", "none"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &receiver.endpoint()),
            ("OTEL_TRACES_SAMPLER", "parentbased_always_off"),
            ("FIRSTLIGHT_REMOTE_PARENT", policy),
        ]);
        for n in 1..=20 {
            let request =
                format!("GET /next HTTP/1.1\r\nhost: h\r\ntraceparent: 00-{n:032x}-{n:016x}-01");
            assert_eq!(send(service.address, &request, "").status, 200);
        }
        service.end();
        assert_eq!(receiver.spans().len(), spans, "{policy}");
    }
}

fn hostile_headers() {
    let service = Service::start(&[("MARKER", "none")]);
    let many = |count: usize, member: &str| vec![member; count].join(",");
    let trace = "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331";
    let valid = format!("traceparent: 00-{trace}-01\r\n");
    let requests = [
        format!("traceparent: {}", "0".repeat(60_000)),
        format!("traceparent: {}", "-".repeat(60_000)),
        format!("traceparent: ff-{trace}-01"),
        "traceparent: 00-00000000000000000000000000000000-0000000000000000-01".to_owned(),
        "traceparent: 00-\u{fc}-\u{fc}-01".to_owned(),
        "traceparent:".to_owned(),
        format!("traceparent: 00-{trace}-01\r\ntraceparent: 00-{trace}-00"),
        format!("{valid}tracestate: {}", many(20_000, "a=b")),
        format!("{valid}tracestate: a={}", "x".repeat(60_000)),
        format!("{valid}tracestate: {}", "=,".repeat(20_000)),
        format!("{valid}tracestate: \u{fc}=\u{fc}"),
        format!("baggage: {}", many(20_000, "a=b")),
        format!("baggage: {}", many(2_000, "k=v")),
        format!("baggage: a={}", "\"".repeat(8_000)),
        format!("baggage: a={}", "x".repeat(60_000)),
        format!("baggage: {}", ";,=%".repeat(2_000)),
        "baggage: a=%ff%fe,%zz=%,b=%0d%0ax".to_owned(),
        "baggage: a=\u{fc}".to_owned(),
        vec!["baggage: a=1"; 60].join("\r\n"),
    ];
    for headers in requests {
        let shown = &headers[..headers.floor_char_boundary(100)];
        let head = format!("GET /next HTTP/1.1\r\nhost: h\r\n{headers}");
        let answer = send(service.address, &head, "");
        assert_eq!(answer.status, 200, "{shown}");
        let mut names = Vec::new();
        for line in answer.body.lines() {
            let (name, value) = line.split_once(": ").unwrap();
            names.push(name);
            let fits = match name {
                "traceparent" => {
                    let lengths = value.split('-').map(str::len);
                    lengths.eq([2, 32, 16, 2])
                }
                // 32 members of 2 * 256 characters, by the specification's syntax.
                "tracestate" => value.split(',').count() <= 32 && value.len() <= 32 * 514,
                "baggage" => value.split(',').count() <= 64 && value.len() <= 8_192,
                _ => false,
            };
            assert!(fits, "{shown}: sent on {line}");
        }
        assert!(names.contains(&"traceparent"), "{shown}: {}", answer.body);
    }
    assert!(!service.end().contains("panicked"));
}
