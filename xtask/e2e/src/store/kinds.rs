//! A second kind of job beside the first, with rows of both that no version of the service can read.

use std::{path::Path, process::Command};

use anyhow::{Context as _, ensure};
use support::{Cases, command, http, paths};

use super::{Parts, orders, small_disk::wait};
use crate::{service::Service, service_under_test};

pub(super) fn on_sqlite(cases: &mut Cases, program: &Path) {
    cases.check("kinds::sqlite_keeps_both_kinds_of_job", || {
        let file = paths::fresh("e2e-kinds")?.join("kinds.db");
        run(program, &format!("sqlite://{}", file.display()))
    });
}

pub(super) fn on_postgres(cases: &mut Cases, parts: &Parts) {
    cases.check("kinds::postgres_keeps_both_kinds_of_job", || {
        let built = service_under_test::with_two_kinds("postgres")?;
        parts.server.psql("postgres", "CREATE DATABASE kinds")?;
        run(&built.program, &parts.server.url_of("kinds"))
    });
}

fn run(program: &Path, url: &str) -> anyhow::Result<()> {
    let settings = [("DATABASE_URL", url)];
    let mut service = Service::start(program, None, &settings)?;
    ask(&service, "before", 0)?;
    orders::place(&service, orders::TELESCOPE)?;
    for (number, queue) in ["letters", "charges"].into_iter().enumerate() {
        put(&service, queue, number * 2, b"not json at all")?;
        put(&service, queue, number * 2 + 1, br#"{"renamed":7}"#)?;
    }
    // Two that run at the same time, while the rows above fail and the service is told to stop.
    ask(&service, "slow", SLOW)?;
    ask(&service, "slower", SLOW)?;
    ask(&service, "after", 0)?;
    orders::place(&service, orders::TELESCOPE)?;
    becomes(&service, "letters Running 0", 2)?;
    for queue in ["letters", "charges"] {
        becomes(&service, &format!("{queue} Killed 1"), 2)?;
        becomes(&service, &format!("{queue} Done 1"), 2)?;
    }
    service.stop()?;

    let mut service = Service::start(program, None, &settings)?;
    becomes(&service, "letters Done 1", 4)?;
    becomes(&service, "charges Done 1", 2)?;
    let sent = http::get(&service.url("/letters"))?.body;
    ensure!(
        sent.lines().eq(["after", "before", "slow", "slower"]),
        "found the letters {sent:?}, expected each of the four once"
    );
    ask(&service, "late", 0)?;
    becomes(&service, "letters Done 1", 5)?;
    for queue in ["letters", "charges"] {
        for (state, depth) in [
            ("dead", 2),
            ("ready", 0),
            ("running", 0),
            ("retry", 0),
            ("stuck", 0),
        ] {
            let gauge =
                format!("worker_queue_depth{{queue=\"{queue}\",status=\"{state}\"}} {depth}\n");
            wait(&gauge, || {
                http::get(&service.metrics_url()).is_ok_and(|page| page.body.contains(&gauge))
            })?;
        }
    }
    retried(program, &settings, &service)?;
    service.stop()
}

/// The program's own commands know the dead letters of both.
fn retried(program: &Path, settings: &[(&str, &str)], service: &Service) -> anyhow::Result<()> {
    let letters = admin(program, settings, &["dead-letters"])?;
    for (queue, job) in [("letters", "Letter"), ("charges", "Charge")] {
        let of_queue = letters.lines().filter(|line| line.starts_with(queue));
        let of_queue: Vec<_> = of_queue.collect();
        let reason = format!("{job}: ");
        ensure!(
            of_queue.len() == 2
                && of_queue.iter().all(|line| {
                    line.contains("\t1 attempt\t")
                        && line.contains("cannot be decoded as")
                        && line.contains(&reason)
                }),
            "found {letters}, expected two dead letters of {queue} with their decoding errors"
        );
    }
    let retried = admin(program, settings, &["retry-dead-letters", &id(0), &id(3)])?;
    ensure!(
        retried.contains("2 dead letters will be tried again"),
        "found {retried:?}, expected 2 of them"
    );
    let retried = "worker_tasks_total{error_type=\"undecodable\",";
    wait("one more dead letter of each queue", || {
        let page = http::get(&service.metrics_url());
        page.is_ok_and(|page| page.body.matches(retried).count() == 2)
    })?;
    becomes(service, "letters Killed 1", 2)?;
    becomes(service, "charges Killed 1", 2)
}

fn admin(program: &Path, settings: &[(&str, &str)], arguments: &[&str]) -> anyhow::Result<String> {
    let mut admin = Command::new(program);
    admin.args(arguments).envs(settings.iter().copied());
    command::run_quietly(&mut admin)
}

fn ask(service: &Service, to: &str, milliseconds: u32) -> anyhow::Result<()> {
    let url = service.url(&format!("/letters/{to}/{milliseconds}"));
    let answer = http::send("POST", &url, &[], "")?;
    ensure!(
        answer.status == 202,
        "a letter: found {answer:?}, expected 202"
    );
    Ok(())
}

/// A row as another version of the service, or another program, has left it.
fn put(service: &Service, queue: &str, number: usize, job: &[u8]) -> anyhow::Result<()> {
    let url = service.url(&format!("/rows/{queue}/{}", id(number)));
    let answer = http::send("POST", &url, &[], std::str::from_utf8(job)?)?;
    ensure!(
        answer.status == 200,
        "a row: found {answer:?}, expected 200"
    );
    Ok(())
}

/// A ULID.
fn id(number: usize) -> String {
    format!("01K0000000000000000000000{number}")
}

/// Rows with this queue, status and number of attempts.
fn becomes(service: &Service, row: &str, expected: usize) -> anyhow::Result<()> {
    let rows = || Ok::<_, anyhow::Error>(http::get(&service.url("/rows"))?.body);
    let came = wait(&format!("{expected} jobs with {row:?}"), || {
        rows().is_ok_and(|rows| rows.lines().filter(|found| *found == row).count() == expected)
    });
    came.with_context(|| format!("found {:?}", rows()))
}

/// Longer than the rest takes on a busy machine, and shorter than the time-out of an attempt.
const SLOW: u32 = 12_000;
