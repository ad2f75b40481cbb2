//! Outages of the database server under load.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use anyhow::ensure;
use support::{
    Cases,
    http::{self, Answer},
    tools::PostgresServer,
};

use super::{
    Fixture, clients,
    exposition::Exposition,
    order_counts::{self, OrderCounts},
    orders,
    symptoms::{Observations, Symptom},
    test_database::Database,
    wait_for_readyz,
};
use crate::service::Service;

pub(super) fn cases(cases: &mut Cases, fixture: &Fixture, observations: &mut Observations) {
    cases.check(
        "outage: 503 while the server is down, then recovery",
        || killed(fixture, observations),
    );
    cases.check("outage: a restart of the server loses no order", || {
        shut_down(fixture)
    });
}

fn killed(fixture: &Fixture, observations: &mut Observations) -> anyhow::Result<()> {
    let server = PostgresServer::start(&fixture.postgres)?;
    let database = Database::create(&server, &fixture.built.program, "outage")?;
    let mut service = database.serve(&[])?;
    wait_for_queue_up(&service, 1.0)?;

    let answers = under_load(&database, &service, || {
        server.kill()?;
        wait_for_readyz(&service, 503)?;
        let answer = http::get(&service.url("/orders/1"))?;
        ensure!(
            super::is_unavailable(&answer),
            "GET /orders/1 without a server: found {answer:?}, expected 503 and {}",
            super::UNAVAILABLE
        );
        let livez = http::get(&format!("{}/livez", service.admin))?;
        ensure!(livez.status == 200, "/livez: {livez:?}");
        let exposition = wait_for_queue_up(&service, 0.0)?;
        ensure!(
            Symptom::Broken.count(&exposition) > 0.0,
            "no call was interrupted"
        );
        observations.record("a lost server", &exposition);
        server.start_again()?;
        wait_for_readyz(&service, 200)
    })?;
    check_recovery(&database, &mut service, &answers)?;
    wait_for_queue_up(&service, 1.0)?;
    service.stop()
}

fn shut_down(fixture: &Fixture) -> anyhow::Result<()> {
    let server = PostgresServer::start(&fixture.postgres)?;
    let database = Database::create(&server, &fixture.built.program, "failover")?;
    let mut service = database.serve(&[])?;
    let answers = under_load(&database, &service, || {
        server.shut_down()?;
        server.start_again()?;
        wait_for_readyz(&service, 200)
    })?;
    check_recovery(&database, &mut service, &answers)?;
    service.stop()
}

/// Places orders from several clients while `fault` runs.
///
/// Returns all answers. One more client has a query running when the fault starts.
fn under_load(
    database: &Database<'_>,
    service: &Service,
    fault: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<Vec<Answer>> {
    let stop = AtomicBool::new(false);
    let client = |number: usize| {
        let mut answers = Vec::new();
        if number == 0 {
            let url = service.url(&format!("/trouble/slow/{INTERRUPTED_MILLISECONDS}"));
            let answer = http::send("POST", &url, &[], "")?;
            ensure!(
                answer.status == 503,
                "an interrupted query: found {answer:?}, expected 503"
            );
            return Ok(answers);
        }
        while !stop.load(Ordering::Relaxed) {
            // A request that hangs times out, which is an error.
            answers.push(orders::send(service, orders::TELESCOPE, &[])?);
            thread::sleep(PAUSE);
        }
        Ok(answers)
    };
    let meanwhile = || {
        let result = wait_until_busy(database, service).and_then(|()| fault());
        stop.store(true, Ordering::Relaxed);
        result
    };
    let (answers, ()) = clients::run_while(1 + CLIENTS, client, meanwhile)?;
    Ok(answers.into_iter().flatten().collect())
}

fn wait_until_busy(database: &Database<'_>, service: &Service) -> anyhow::Result<()> {
    Exposition::wait(service, "a dozen orders", |exposition| {
        exposition.sum("orders_accepted_total", &[]) >= 12.0
    })?;
    database.wait_for("running queries", SLEEPING, 1)
}

/// Checks the answers, the orders and the schedule after an outage.
///
/// All answers are 202 or 503, accepted orders are stored and done, the process still runs, and so does its schedule.
fn check_recovery(
    database: &Database<'_>,
    service: &mut Service,
    answers: &[Answer],
) -> anyhow::Result<()> {
    let (accepted, others): (Vec<_>, Vec<_>) =
        answers.iter().partition(|answer| answer.status == 202);
    if let Some(other) = others.iter().find(|answer| answer.status != 503) {
        anyhow::bail!(
            "an order during the outage: found {other:?}, expected 503; the log:\n{}",
            service.output().join("\n")
        );
    }
    let accepted: anyhow::Result<Vec<_>> = accepted.into_iter().map(orders::accepted).collect();
    order_counts::check_stored(database, &accepted?)?;

    let ticks = database.number(TICKS)?;
    orders::place(service, orders::TELESCOPE)?;
    let counts = OrderCounts::when_settled(database)?;
    ensure!(
        counts.dead_lettered == 0,
        "found orders that are dead-lettered: {counts:?}"
    );
    database.wait_for("scheduled runs since the server is back", TICKS, ticks + 1)?;
    ensure!(!service.has_ended(), "the service has ended");
    Ok(())
}

fn wait_for_queue_up(service: &Service, up: f64) -> anyhow::Result<Exposition> {
    let what = format!("worker_queue_up of {up}");
    Exposition::wait(service, &what, |exposition| {
        exposition.has("worker_queue_up", &[], up)
    })
}

const CLIENTS: usize = 3;
/// The pause between a client's orders, so that the worker keeps up.
const PAUSE: Duration = Duration::from_millis(100);
/// The duration of the query that the outage interrupts, in milliseconds.
///
/// It is longer than it takes until the server is down, and shorter than the client's timeout of 20 s.
const INTERRUPTED_MILLISECONDS: u32 = 19_000;
/// Counts the running queries that sleep.
const SLEEPING: &str = "
    SELECT COUNT(*) FROM pg_stat_activity
    WHERE state = 'active' AND query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()";
/// Counts the scheduled runs.
const TICKS: &str = "SELECT COUNT(*) FROM ticks";
