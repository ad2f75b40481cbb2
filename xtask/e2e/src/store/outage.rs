//! The server goes away and comes back, under load.

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
    Parts,
    account::{self, Account},
    clients,
    empty_database::Database,
    figures::Figures,
    orders, ready,
    symptoms::{Seen, Symptom},
};
use crate::service::Service;

pub(super) fn cases(cases: &mut Cases, parts: &Parts, seen: &mut Seen) {
    cases.check(
        "while the server is dead requests are answered with 503, and once it is back everything goes on without a restart",
        || killed(parts, seen),
    );
    cases.check(
        "a server that is shut down and started again costs no accepted order, and no client sees a 500",
        || shut_down(parts),
    );
}

fn killed(parts: &Parts, seen: &mut Seen) -> anyhow::Result<()> {
    let server = PostgresServer::start(&parts.postgres)?;
    let database = Database::create(&server, &parts.built.program, "outage")?;
    let mut service = database.serve(&[])?;
    queue_is_up(&service, 1.0)?;

    let answers = under_load(&database, &service, || {
        server.kill()?;
        ready(&service, 503)?;
        let status = http::get(&service.url("/orders/1"))?;
        ensure!(
            super::is_unavailable(&status),
            "GET /orders/1 without a server: found {status:?}, expected 503 and {}",
            super::UNAVAILABLE
        );
        let livez = http::get(&format!("{}/livez", service.admin))?;
        ensure!(livez.status == 200, "/livez: {livez:?}");
        let figures = queue_is_up(&service, 0.0)?;
        ensure!(
            Symptom::Broken.count(&figures) > 0.0,
            "no call has been cut off"
        );
        seen.note("a lost server", &figures);
        server.start_again()?;
        ready(&service, 200)
    })?;
    goes_on(&database, &mut service, &answers)?;
    queue_is_up(&service, 1.0)?;
    service.stop()
}

fn shut_down(parts: &Parts) -> anyhow::Result<()> {
    let server = PostgresServer::start(&parts.postgres)?;
    let database = Database::create(&server, &parts.built.program, "failover")?;
    let mut service = database.serve(&[])?;
    let answers = under_load(&database, &service, || {
        server.shut_down()?;
        server.start_again()?;
        ready(&service, 200)
    })?;
    goes_on(&database, &mut service, &answers)?;
    service.stop()
}

/// Clients that order one thing after the other, and one whose query runs when `trouble` begins; all answers to orders.
fn under_load(
    database: &Database<'_>,
    service: &Service,
    trouble: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<Vec<Answer>> {
    let stop = AtomicBool::new(false);
    let client = |number: usize| {
        let mut answers = Vec::new();
        if number == 0 {
            let url = service.url(&format!("/trouble/slow/{CUT_OFF_MILLISECONDS}"));
            let answer = http::send("POST", &url, &[], "")?;
            ensure!(
                answer.status == 503,
                "a query that was cut off: found {answer:?}, expected 503"
            );
            return Ok(answers);
        }
        while !stop.load(Ordering::Relaxed) {
            // One that hangs is an error here.
            answers.push(orders::send(service, orders::TELESCOPE, &[])?);
            thread::sleep(PAUSE);
        }
        Ok(answers)
    };
    let meanwhile = || {
        let result = all_are_busy(database, service).and_then(|()| trouble());
        stop.store(true, Ordering::Relaxed);
        result
    };
    let (answers, ()) = clients::at_once_while(1 + CLIENTS, client, meanwhile)?;
    Ok(answers.into_iter().flatten().collect())
}

fn all_are_busy(database: &Database<'_>, service: &Service) -> anyhow::Result<()> {
    Figures::wait(service, "a dozen orders", |figures| {
        figures.sum("orders_accepted_total", &[]) >= 12.0
    })?;
    database.wait_for("queries that could be cut off", SLEEPING, 1)
}

/// What must be true afterwards: nothing but 202 and 503 was answered, what was accepted is there and comes to its end, the
/// process is the same, and its schedule goes on.
fn goes_on(
    database: &Database<'_>,
    service: &mut Service,
    answers: &[Answer],
) -> anyhow::Result<()> {
    let (accepted, others): (Vec<_>, Vec<_>) =
        answers.iter().partition(|answer| answer.status == 202);
    if let Some(other) = others.iter().find(|answer| answer.status != 503) {
        anyhow::bail!(
            "an order while the server was away: found {other:?}, expected 503; the log:\n{}",
            service.output().join("\n")
        );
    }
    let accepted: anyhow::Result<Vec<_>> = accepted.into_iter().map(orders::accepted).collect();
    account::holds_all(database, &accepted?)?;

    let ticks = database.number(TICKS)?;
    orders::place(service, orders::TELESCOPE)?;
    let account = Account::settled(database)?;
    ensure!(account.dead == 0, "an outage kills no order: {account:?}");
    database.wait_for("scheduled runs since the server is back", TICKS, ticks + 1)?;
    ensure!(!service.has_ended(), "the service has ended");
    Ok(())
}

fn queue_is_up(service: &Service, up: f64) -> anyhow::Result<Figures> {
    let what = format!("worker_queue_up of {up}");
    Figures::wait(service, &what, |figures| {
        figures.has("worker_queue_up", &[], up)
    })
}

const CLIENTS: usize = 3;
/// Between two orders of one client: enough of them, and no more than the worker keeps up with.
const PAUSE: Duration = Duration::from_millis(100);
/// Longer than it takes until the server is away, and shorter than a client waits.
const CUT_OFF_MILLISECONDS: u32 = 19_000;
const SLEEPING: &str = "
    SELECT COUNT(*) FROM pg_stat_activity
    WHERE state = 'active' AND query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()";
const TICKS: &str = "SELECT COUNT(*) FROM ticks";
