//! The scenario of the child: a service that makes common mistakes with secrets.

use std::{error::Error, fmt, io, process::ExitCode};

use axum::{
    Router,
    http::StatusCode,
    routing::{get, post},
};
use firstlight::{Secret, http::TelemetryLayer};
use tracing::Instrument as _;

/// Returns a secret: the marker of this run, and the place of the secret.
fn secret(place: &str) -> String {
    std::env::var("MARKER").unwrap() + place
}

/// An error whose source quotes a connection string, as errors of many drivers do.
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

/// Returns a connection string whose user and password are secrets.
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

/// Records telemetry with a secret in each form that must be redacted.
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
    // The first event, at INFO, is only a log line. The second event, at WARN, is on the span as well.
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

/// Fails after it has recorded the same as [`leak`].
async fn fails() -> StatusCode {
    leak().await;
    StatusCode::INTERNAL_SERVER_ERROR
}

/// Never ends, with a secret in its span and in an event.
async fn hangs() {
    let span = tracing::info_span!("hung", password = secret("hung-password"));
    let work = async {
        tracing::error!("waits for {}", connection("hung-message"));
        std::future::pending::<()>().await;
    };
    work.instrument(span).await;
}

/// Returns the headers that this service would send to another service.
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
pub(crate) async fn run_scenario() -> ExitCode {
    let telemetry = match firstlight::init!() {
        Ok(telemetry) => telemetry,
        Err(error) => {
            eprintln!("{error} {error:?}");
            return ExitCode::FAILURE;
        }
    };
    let router = Router::new()
        .route("/leak", get(leak))
        .route("/fails", get(fails))
        .route("/hangs", get(hangs))
        .route("/next", get(next))
        .route("/panics", get(panics))
        .route("/broken", get(async || StatusCode::INTERNAL_SERVER_ERROR))
        .route("/body", post(async |body: String| body.len().to_string()))
        .layer(TelemetryLayer::new());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tracing::info!(target: "firstlight::check", address, "serving");
    let closed = async {
        // Completes when the test closes standard input.
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
