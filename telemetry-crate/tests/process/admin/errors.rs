//! Tests of `/errors` with a service whose requests fail.

use std::{
    error::Error,
    fmt,
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    process::ExitCode,
    thread,
    time::Duration,
};

use axum::{Router, http::StatusCode, routing::get};
use firstlight::{
    http::TelemetryLayer,
    jobs::{Job, Queue},
};
use serde_json::Value;

use crate::{
    serve::{listening, serve_until_stopped},
    support::{ask, scenario::Scenario, send},
};

/// An error with a cause.
#[derive(Debug)]
struct Because<E>(&'static str, E);

impl<E> fmt::Display for Because<E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}

impl<E: Error + 'static> Error for Because<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.1)
    }
}

type Unsaved = Because<Because<io::Error>>;

fn unsaved() -> Unsaved {
    let refused = io::Error::other("postgres://shop:hunter2@db:5432/orders refused");
    Because("cannot save", Because("no connection", refused))
}

/// The line of the event in [`save`].
const SAVE_LINE: u32 = line!() + 4;

async fn save() -> StatusCode {
    let error = unsaved();
    tracing::error!(
        error = &error as &dyn Error,
        password = "hunter2",
        order = 4711,
        "order lost"
    );
    StatusCode::INTERNAL_SERVER_ERROR
}

/// The line of the attribute of [`store`], which logs the error.
const STORE_LINE: u32 = line!() + 2;

#[tracing::instrument(err)]
fn store() -> Result<(), Unsaved> {
    Err(unsaved())
}

#[tracing::instrument(err)]
fn place_order() -> Result<(), Unsaved> {
    store()
}

/// Logs an error that two functions have returned.
async fn order() -> StatusCode {
    if let Err(error) = place_order() {
        tracing::error!(error = &error as &dyn Error, "request failed");
    }
    StatusCode::INTERNAL_SERVER_ERROR
}

async fn mail() {
    let work = async { Err::<(), _>(Because("no mail", io::Error::other("closed"))) };
    let queue = Queue::declare("emails").latency_budget(Duration::from_secs(60));
    assert!(queue.run(Job::new("welcome"), work).await.is_err());
}

#[tokio::main]
pub(crate) async fn run_failing() -> ExitCode {
    let app = Router::new()
        .route("/save", get(save))
        .route("/order", get(order))
        .route("/mail", get(mail))
        .route("/broken", get(async || StatusCode::INTERNAL_SERVER_ERROR))
        .route("/panics", get(async || -> &str { panic!("at order 4711") }))
        .layer(TelemetryLayer::new());
    serve_until_stopped(app).await
}

/// Sends a request whose connection may be closed without a response.
pub(super) fn request(address: SocketAddr, path: &str) {
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut response = Vec::new();
    // A reset ends the response as well.
    let _ = stream.read_to_end(&mut response);
}

fn errors(admin: SocketAddr) -> Value {
    let head = "GET /errors HTTP/1.1\r\nhost: localhost\r\naccept: application/json";
    let answer = send(admin, head, "");
    assert_eq!(answer.status, 200, "{}", answer.body);
    serde_json::from_str(&answer.body).unwrap()
}

pub(crate) fn failing_requests() {
    let revision = ("OTEL_RESOURCE_ATTRIBUTES", "vcs.ref.head.revision=abc1234");
    let mut service = Scenario::start("fails", &[revision]);
    let (address, admin) = listening(&mut service);
    for path in ["/save", "/save", "/order", "/mail", "/broken", "/panics"] {
        request(address, path);
    }
    // The line of a request is written before the request has ended.
    let mut polls = 0;
    let groups = loop {
        let answer = errors(admin);
        polls += 1;
        assert!(polls < 300, "{answer:#}");
        // The listener answers 20 such requests a second.
        thread::sleep(Duration::from_millis(100));
        let groups = answer["errors"].as_array().unwrap().clone();
        if groups.len() >= 5 {
            assert_eq!(answer["format"], 1);
            assert!(!answer["instance"].as_str().unwrap().is_empty());
            break groups;
        }
    };
    let mut rows: Vec<_> = groups
        .iter()
        .map(|group| {
            let (place, error_type) = (&group["place"], &group["type"]);
            let file = place.as_str().unwrap().rsplit('/').next().unwrap();
            let place = place.as_str().filter(|place| !place.contains(".rs"));
            let place = place.unwrap_or(file).to_owned();
            (
                place,
                error_type.as_str().unwrap_or("-").to_owned(),
                group["count"].clone(),
            )
        })
        .collect();
    rows.sort_by(|a, b| a.0.cmp(&b.0));
    let line = |at: u32| format!("errors.rs:{at}");
    let [broken, save, store, panic, mail] = rows.try_into().unwrap();
    assert_eq!(
        broken,
        ("GET /broken".to_owned(), "500".to_owned(), 1.into())
    );
    assert_eq!(save, (line(SAVE_LINE), "-".to_owned(), 2.into()));
    assert_eq!(store, (line(STORE_LINE), "-".to_owned(), 1.into()));
    assert_eq!((&*panic.1, panic.2), ("panic", 1.into()));
    assert_eq!((&*mail.0, mail.2), ("process emails", 1.into()));

    let saved = groups.iter().find(|group| group["count"] == 2).unwrap();
    assert_eq!(
        saved["example"],
        "order lost: cannot save: no connection: postgres://***@db:5432/orders refused"
    );
    assert_eq!(saved["revision"], "abc1234");
    assert!(saved["is_new"].is_null());
    let trace_id = saved["trace_id"].as_str().unwrap();
    assert_eq!(ask(admin, &format!("GET /traces/{trace_id}")).status, 200);

    let text = ask(admin, "GET /errors?since=start").body;
    assert!(
        text.contains("FIRSTLIGHT_RECORDER_FILE leaves them to the next one\n"),
        "{text}"
    );
    assert!(
        text.contains(&format!("\n    /traces/{trace_id}\n")),
        "{text}"
    );
    assert!(!text.contains("hunter2"), "{text}");
    assert!(!format!("{groups:?}").contains("hunter2"));
    let unknown = ask(admin, "GET /errors?since=yesterday");
    assert_eq!(unknown.status, 400);
    assert!(unknown.body.contains("?since=start"), "{}", unknown.body);
    service.send_signal("-TERM");
    assert_eq!(service.end().0, Some(0));
}

pub(crate) fn recorder_off() {
    let variables = [("FIRSTLIGHT_RECORDER", "off")];
    let (_service, admin) = Scenario::serving("service", &variables);
    let answer = ask(admin, "GET /errors");
    assert_eq!(answer.status, 404);
    assert!(
        answer.body.contains("FIRSTLIGHT_RECORDER"),
        "{}",
        answer.body
    );
}
