//! Faults that one command finds, with PostgreSQL and under load.
//!
//! Each case asserts that the answer names the request or job, its open or failed span, and since when.

use std::{thread, time::Duration};

use anyhow::{Context as _, ensure};
use serde_json::Value;
use support::{Cases, http};

use super::{DEADLINE, Fixture, clients, orders, test_database::Database};
use crate::service::Service;

pub(super) fn cases(cases: &mut Cases, fixture: &Fixture) {
    cases.check("evidence: a hung query is found with its span", || {
        hung_query(fixture)
    });
    cases.check("evidence: the holders of a pool are found", || {
        starved_pool(fixture)
    });
    cases.check("evidence: a deadlock is found with its error", || {
        deadlock(fixture)
    });
    cases.check("evidence: a blocked runtime is found meanwhile", || {
        blocked_runtime(fixture)
    });
    cases.check("evidence: a panic is found with its message", || {
        panic(fixture)
    });
    cases.check("evidence: a dead-lettered job is found", || {
        dead_letter(fixture)
    });
}

/// Sends orders and reads until `find` has succeeded.
fn under_load<T>(service: &Service, find: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    let stop = std::sync::atomic::AtomicBool::new(false);
    let client = |_| {
        while !stop.load(std::sync::atomic::Ordering::Relaxed) {
            let _ = http::get(&service.url("/orders/1"));
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    };
    let (_, found) = clients::run_while(2, client, || {
        let found = find();
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        found
    })?;
    Ok(found)
}

/// Waits for a local root of this name in a section of `/traces`.
fn wait_for_root(service: &Service, section: &str, name: &str) -> anyhow::Result<Value> {
    wait_for_root_with(service, section, name, "")
}

/// Waits for a local root of this name whose JSON contains `part`.
fn wait_for_root_with(
    service: &Service,
    section: &str,
    name: &str,
    part: &str,
) -> anyhow::Result<Value> {
    let url = format!("{}/traces?{section}", service.admin);
    let json = [("accept", "application/json")];
    let root = http::poll(&url, &json, DEADLINE, |answer| {
        let answer: Value = serde_json::from_str(&answer.body).ok()?;
        let mut roots = answer[section]["roots"].as_array()?.iter();
        let is_wanted = |root: &&Value| root["name"] == name && root.to_string().contains(part);
        roots.find(is_wanted).cloned()
    });
    root.with_context(|| format!("{name} is not in /traces?{section}"))
}

/// The text of one trace.
fn waterfall(service: &Service, root: &Value) -> anyhow::Result<String> {
    let id = root["trace_id"].as_str().context("a root without an id")?;
    Ok(http::get(&format!("{}/traces/{id}", service.admin))?.body)
}

fn ensure_contains(text: &str, parts: &[&str]) -> anyhow::Result<()> {
    for part in parts {
        ensure!(text.contains(part), "{part:?} is not in:\n{text}");
    }
    Ok(())
}

fn serve(database: &Database<'_>, settings: &[(&str, &str)]) -> anyhow::Result<Service> {
    let sampler = [
        ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "0.01"),
    ];
    database.serve(&[&sampler[..], settings].concat())
}

fn post(service: &Service, path: &str) -> anyhow::Result<http::Answer> {
    http::send("POST", &service.url(path), &[], "")
}

const SLOW: &str = "POST /trouble/slow/{milliseconds}";

fn hung_query(fixture: &Fixture) -> anyhow::Result<()> {
    let database = fixture.database("evidence_hung")?;
    let mut service = serve(&database, &[])?;
    // The statement of a call is known from its previous run.
    post(&service, "/trouble/slow/1")?;
    let (_, root) = clients::run_while(
        1,
        |_| post(&service, "/trouble/slow/8000"),
        || {
            under_load(&service, || {
                wait_for_root_with(&service, "open", SLOW, "pg_sleep")
            })
        },
    )?;
    let waits_in = &root["waits_in"];
    ensure!(
        waits_in["seconds"].is_number() && waits_in["since"].is_string(),
        "the open span has no age: {root}"
    );
    ensure_contains(&waits_in.to_string(), &["pg_sleep"])?;
    service.stop()
}

fn starved_pool(fixture: &Fixture) -> anyhow::Result<()> {
    let database = fixture.database("evidence_pool")?;
    let mut service = serve(&database, &[("DATABASE_MAX_CONNECTIONS", "3")])?;
    let (_, text) = clients::run_while(
        3,
        |_| post(&service, "/trouble/slow/8000"),
        || {
            wait_for_root(&service, "open", SLOW)?;
            http::poll(
                &format!("{}/explain", service.admin),
                &[],
                DEADLINE,
                |answer| {
                    answer
                        .body
                        .contains("is exhausted")
                        .then(|| answer.body.clone())
                },
            )
        },
    )?;
    ensure_contains(&text, &["verdict: broken", "DatabasePoolExhausted", SLOW])?;
    service.stop()
}

fn deadlock(fixture: &Fixture) -> anyhow::Result<()> {
    let database = fixture.database("evidence_deadlock")?;
    let mut service = serve(&database, &[])?;
    let paths = ["/trouble/transfer/1/2", "/trouble/transfer/2/1"];
    clients::run_concurrently(2, |number| post(&service, paths[number % 2]))?;
    let root = wait_for_root(&service, "failed", "POST /trouble/transfer/{from}/{to}")?;
    let text = waterfall(&service, &root)?;
    ensure_contains(&text, &["UPDATE accounts", "40P01", "error"])?;
    service.stop()
}

fn blocked_runtime(fixture: &Fixture) -> anyhow::Result<()> {
    let database = fixture.database("evidence_blocked")?;
    let mut service = serve(&database, &[("TOKIO_WORKER_THREADS", "1")])?;
    let name = "POST /faults/block/{milliseconds}";
    let (_, text) = clients::run_while(
        1,
        |_| post(&service, "/faults/block/8000"),
        || {
            // The runtime has one thread, so this is answered while it is blocked.
            wait_for_root(&service, "open", name)?;
            http::poll(
                &format!("{}/explain", service.admin),
                &[],
                DEADLINE,
                |answer| {
                    answer
                        .body
                        .contains("has run no task")
                        .then(|| answer.body.clone())
                },
            )
        },
    )?;
    ensure_contains(&text, &["RuntimeSchedulerDelay"])?;
    service.wait_for_log("what blocks the runtime", |log| {
        log.iter()
            .any(|line| line.text("message").contains("has run no task") && line.raw.contains(name))
    })?;
    service.stop()
}

fn panic(fixture: &Fixture) -> anyhow::Result<()> {
    let database = fixture.database("evidence_panic")?;
    let mut service = serve(&database, &[])?;
    // The connection is closed, or answered with 500.
    let _ = post(&service, "/faults/panic");
    let root = wait_for_root(&service, "failed", "POST /faults/panic")?;
    let text = waterfall(&service, &root)?;
    ensure_contains(&text, &["panicked: out of paper", "src/faults.rs"])?;
    service.stop()
}

fn dead_letter(fixture: &Fixture) -> anyhow::Result<()> {
    let database = fixture.database("evidence_letters")?;
    let mut service = serve(&database, &[])?;
    orders::place(&service, orders::DECLINED)?;
    let root = wait_for_root(&service, "failed", "process charges")?;
    ensure!(root["kind"] == "job", "found {root}, expected a job");
    let text = waterfall(&service, &root)?;
    ensure_contains(&text, &["dead-lettered", "worker.task.attempt"])?;
    service.stop()
}
