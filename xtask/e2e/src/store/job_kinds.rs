//! Two kinds of job, with undecodable rows of both.

use std::{path::Path, process::Command};

use anyhow::{Context as _, ensure};
use support::{Cases, command, http, paths};

use super::{Fixture, orders, small_disk::wait};
use crate::{custom_service, service::Service};

pub(super) fn on_sqlite(cases: &mut Cases, program: &Path) {
    cases.check("kinds: SQLite runs both kinds of job", || {
        let file = paths::fresh("e2e-kinds")?.join("kinds.db");
        run(program, &format!("sqlite://{}", file.display()))
    });
}

pub(super) fn on_postgres(cases: &mut Cases, fixture: &Fixture) {
    cases.check("kinds: PostgreSQL runs both kinds of job", || {
        let built = custom_service::with_two_kinds("postgres")?;
        fixture.server.psql("postgres", "CREATE DATABASE kinds")?;
        run(&built.program, &fixture.server.url_of("kinds"))
    });
}

fn run(program: &Path, url: &str) -> anyhow::Result<()> {
    let settings = [("DATABASE_URL", url)];
    let mut service = Service::start(program, None, &settings)?;
    send_letter(&service, "before", 0)?;
    orders::place(&service, orders::TELESCOPE)?;
    for (number, queue) in ["letters", "charges"].into_iter().enumerate() {
        insert_job(&service, queue, number * 2, b"not json at all")?;
        insert_job(&service, queue, number * 2 + 1, br#"{"renamed":7}"#)?;
    }
    // Two letters are being sent while the rows above fail and the service stops.
    send_letter(&service, "slow", SLOW)?;
    send_letter(&service, "slower", SLOW)?;
    send_letter(&service, "after", 0)?;
    orders::place(&service, orders::TELESCOPE)?;
    wait_for_rows(&service, "letters Running 0", 2)?;
    for queue in ["letters", "charges"] {
        wait_for_rows(&service, &format!("{queue} Killed 1"), 2)?;
        wait_for_rows(&service, &format!("{queue} Done 1"), 2)?;
    }
    service.stop()?;

    let mut service = Service::start(program, None, &settings)?;
    wait_for_rows(&service, "letters Done 1", 4)?;
    wait_for_rows(&service, "charges Done 1", 2)?;
    let sent = http::get(&service.url("/letters"))?.body;
    ensure!(
        sent.lines().eq(["after", "before", "slow", "slower"]),
        "found the letters {sent:?}, expected each of the four once"
    );
    send_letter(&service, "late", 0)?;
    wait_for_rows(&service, "letters Done 1", 5)?;
    for queue in ["letters", "charges"] {
        for (state, depth) in [
            ("dead_lettered", 2),
            ("ready", 0),
            ("running", 0),
            ("retry", 0),
            ("stuck", 0),
        ] {
            let gauge =
                format!("worker_queue_depth{{queue=\"{queue}\",status=\"{state}\"}} {depth}\n");
            wait(&gauge, || {
                http::get(&service.metrics_url()).is_ok_and(|answer| answer.body.contains(&gauge))
            })?;
        }
    }
    check_admin_commands(program, &settings, &service)?;
    service.stop()
}

/// Checks that the program's commands list and retry dead letters of both kinds.
fn check_admin_commands(
    program: &Path,
    settings: &[(&str, &str)],
    service: &Service,
) -> anyhow::Result<()> {
    let dead_letters = admin(program, settings, &["dead-letters"])?;
    for (queue, job) in [("letters", "Letter"), ("charges", "Charge")] {
        let of_queue = dead_letters.lines().filter(|line| line.starts_with(queue));
        let of_queue: Vec<_> = of_queue.collect();
        let reason = format!("{job}: ");
        ensure!(
            of_queue.len() == 2
                && of_queue.iter().all(|line| {
                    line.contains("\t1 attempt\t")
                        && line.contains("cannot be decoded as")
                        && line.contains(&reason)
                }),
            "found {dead_letters}, expected two dead letters of {queue} with their decoding errors"
        );
    }
    // The job 0 is a letter, and the job 3 is a charge.
    let retried = admin(program, settings, &["retry-dead-letters", &id(0), &id(3)])?;
    ensure!(
        retried.contains("2 dead letters will be tried again"),
        "found {retried:?}, expected 2 dead letters"
    );
    let undecodable = "worker_tasks_total{error_type=\"undecodable\",";
    wait("one more dead letter of each queue", || {
        let answer = http::get(&service.metrics_url());
        answer.is_ok_and(|answer| answer.body.matches(undecodable).count() == 2)
    })?;
    wait_for_rows(service, "letters Killed 1", 2)?;
    wait_for_rows(service, "charges Killed 1", 2)
}

/// Runs a command of the program to its end and returns its output.
fn admin(program: &Path, settings: &[(&str, &str)], arguments: &[&str]) -> anyhow::Result<String> {
    let mut admin = Command::new(program);
    admin.args(arguments).envs(settings.iter().copied());
    command::run_quietly(&mut admin)
}

fn send_letter(service: &Service, to: &str, milliseconds: u32) -> anyhow::Result<()> {
    let url = service.url(&format!("/letters/{to}/{milliseconds}"));
    let answer = http::send("POST", &url, &[], "")?;
    ensure!(
        answer.status == 202,
        "a letter: found {answer:?}, expected 202"
    );
    Ok(())
}

/// Inserts a job with any content, as another version or program may have done.
fn insert_job(service: &Service, queue: &str, number: usize, job: &[u8]) -> anyhow::Result<()> {
    let url = service.url(&format!("/rows/{queue}/{}", id(number)));
    let answer = http::send("POST", &url, &[], std::str::from_utf8(job)?)?;
    ensure!(
        answer.status == 200,
        "a row: found {answer:?}, expected 200"
    );
    Ok(())
}

/// A ULID that ends in `number`.
fn id(number: usize) -> String {
    format!("01K0000000000000000000000{number}")
}

/// Waits for `expected` jobs whose queue, status and attempts are `row`.
fn wait_for_rows(service: &Service, row: &str, expected: usize) -> anyhow::Result<()> {
    let rows = || Ok::<_, anyhow::Error>(http::get(&service.url("/rows"))?.body);
    let waited = wait(&format!("{expected} jobs with {row:?}"), || {
        rows().is_ok_and(|rows| rows.lines().filter(|found| *found == row).count() == expected)
    });
    waited.with_context(|| format!("found {:?}", rows()))
}

/// The duration of a slow job in milliseconds.
///
/// It is longer than the other steps take on a busy machine, and shorter than the timeout of an attempt.
const SLOW: u32 = 12_000;
