//! Faults that one command finds, with PostgreSQL and under load.
//!
//! In each case, a single answer of the admin listener names the request or job, its open or failed span, and since when.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use anyhow::Context as _;
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

/// How long a fault lasts, in milliseconds.
const FAULT: &str = "8000";

/// The pause of a client between two requests.
const PAUSE: Duration = Duration::from_millis(20);

/// Places and reads orders until `find` has returned.
///
/// The answers do not matter, because some faults make the orders fail too.
fn under_load<T>(service: &Service, find: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    let stop = AtomicBool::new(false);
    let client = |number| {
        while !stop.load(Ordering::Relaxed) {
            let _ = match number % 2 {
                0 => orders::send(service, orders::TELESCOPE, &[]),
                _ => http::get(&service.url("/orders/1")),
            };
            thread::sleep(PAUSE);
        }
        Ok(())
    };
    let (_, found) = clients::run_while(4, client, || {
        let found = find();
        stop.store(true, Ordering::Relaxed);
        found
    })?;
    Ok(found)
}

/// What one entry of an answer must contain.
struct Expected<'a> {
    /// The path and the query of the command.
    path: &'a str,
    /// The method and route of the request, or the name of the job.
    root: &'a str,
    /// The text before the time since which the fault lasts.
    before_time: &'a str,
    /// The span, its place and its error.
    parts: &'a [&'a str],
}

impl Expected<'_> {
    /// Waits for an answer with the entry, and returns the entry.
    fn find(&self, service: &Service) -> anyhow::Result<String> {
        let url = format!("{}{}", service.admin, self.path);
        let mut last = "none".to_owned();
        let found = http::poll(&url, &[], DEADLINE, |answer| {
            let entries = entries(&answer.body);
            let mut of_root = entries.filter(|entry| entry.contains(self.root));
            of_root.find(|entry| {
                last.clone_from(entry);
                self.is_met_by(entry)
            })
        });
        found.with_context(|| format!("the last entry of {}: {last}", self.root))
    }

    fn is_met_by(&self, entry: &str) -> bool {
        let has_time = entry.split(self.before_time).skip(1).any(begins_with_time);
        has_time && self.parts.iter().all(|part| entry.contains(part))
    }
}

/// The entries of an answer: a line, and the lines that are indented more.
fn entries(answer: &str) -> impl Iterator<Item = String> {
    let mut entries = Vec::<(usize, String)>::new();
    let is_not_empty = |line: &&str| !line.trim().is_empty();
    for line in answer.lines().filter(is_not_empty) {
        // The time at the beginning of a root's line is aligned to the right.
        let indent = match line.len() - line.trim_start().len() {
            0..3 => 0,
            3..12 => 3,
            _ => 12,
        };
        match entries.last_mut() {
            Some((outer, entry)) if *outer < indent && indent == 12 => {
                entry.push('\n');
                entry.push_str(line);
            }
            _ => entries.push((indent, line.to_owned())),
        }
    }
    entries.into_iter().map(|(_, entry)| entry)
}

/// Whether a text begins with a number and a unit, such as `1.2 s`.
fn begins_with_time(text: &str) -> bool {
    let mut words = text.split_whitespace();
    let number = words.next().and_then(|word| word.parse::<f64>().ok());
    let unit = words
        .next()
        .map(|word| word.trim_end_matches(|char: char| !char.is_alphabetic()));
    number.is_some() && matches!(unit, Some("µs" | "ms" | "s" | "min" | "h"))
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
    let slow = |milliseconds| post(&service, &format!("/trouble/slow/{milliseconds}"));
    // The statement of a call is known from its previous run.
    slow("1")?;
    let expected = Expected {
        path: "/traces?open",
        root: SLOW,
        before_time: "in SELECT accounts for ",
        parts: &[" at src/trouble.rs:", "pg_sleep"],
    };
    let find = || under_load(&service, || expected.find(&service));
    clients::run_while(1, |_| slow(FAULT), find)?;
    service.stop()
}

fn starved_pool(fixture: &Fixture) -> anyhow::Result<()> {
    let database = fixture.database("evidence_pool")?;
    let mut service = serve(&database, &[("DATABASE_MAX_CONNECTIONS", "3")])?;
    let slow = |milliseconds| post(&service, &format!("/trouble/slow/{milliseconds}"));
    slow("1")?;
    let expected = Expected {
        path: "/explain",
        root: SLOW,
        before_time: "holds one for ",
        parts: &["SELECT accounts at src/trouble.rs:", "(trace "],
    };
    let find = || under_load(&service, || expected.find(&service));
    clients::run_while(3, |_| slow(FAULT), find)?;
    service.stop()
}

fn deadlock(fixture: &Fixture) -> anyhow::Result<()> {
    let database = fixture.database("evidence_deadlock")?;
    let mut service = serve(&database, &[])?;
    let expected = Expected {
        path: "/traces?failed",
        root: "POST /trouble/transfer/{from}/{to}",
        before_time: "failed ",
        parts: &[
            " ago in UPDATE accounts at src/trouble.rs:",
            "): 40P01",
            "deadlock detected",
        ],
    };
    let paths = ["/trouble/transfer/1/2", "/trouble/transfer/2/1"];
    under_load(&service, || {
        clients::run_concurrently(2, |number| post(&service, paths[number % 2]))?;
        expected.find(&service)
    })?;
    // All handlers' errors are logged at one place, so the route tells them apart.
    let errors = http::get(&format!("{}/errors?since=start", service.admin))?.body;
    let end = format!(" in {}", expected.root);
    let is_group = |line: &str| line.starts_with("  src/error.rs:") && line.ends_with(&end);
    anyhow::ensure!(errors.lines().any(is_group), "no {end:?} in {errors}");
    service.stop()
}

fn blocked_runtime(fixture: &Fixture) -> anyhow::Result<()> {
    let database = fixture.database("evidence_blocked")?;
    let mut service = serve(&database, &[("TOKIO_WORKER_THREADS", "1")])?;
    let name = "POST /faults/block/{milliseconds}";
    let expected = Expected {
        path: "/explain",
        root: name,
        before_time: "has been polled for ",
        parts: &["(trace "],
    };
    // The runtime has one thread, so the answer comes while it is blocked.
    let block = |_| post(&service, &format!("/faults/block/{FAULT}"));
    let find = || under_load(&service, || expected.find(&service));
    clients::run_while(1, block, find)?;
    service.wait_for_log("what blocks the runtime", |log| {
        log.iter()
            .any(|line| line.text("message").contains("has run no task") && line.raw.contains(name))
    })?;
    service.stop()
}

fn panic(fixture: &Fixture) -> anyhow::Result<()> {
    let database = fixture.database("evidence_panic")?;
    let mut service = serve(&database, &[])?;
    let expected = Expected {
        path: "/traces?failed",
        root: "POST /faults/panic",
        before_time: "failed ",
        parts: &[
            " ago in POST /faults/panic",
            "panicked: out of paper",
            "src/faults.rs:",
        ],
    };
    under_load(&service, || {
        // The connection is closed, or answered with 500.
        let _ = post(&service, "/faults/panic");
        expected.find(&service)
    })?;
    service.stop()
}

fn dead_letter(fixture: &Fixture) -> anyhow::Result<()> {
    let database = fixture.database("evidence_letters")?;
    let mut service = serve(&database, &[])?;
    let expected = Expected {
        path: "/traces?failed",
        root: "process charges",
        before_time: "failed ",
        parts: &[
            " job, ",
            " ago in process charges",
            "dead-lettered after 1 attempt: the bank declines",
        ],
    };
    under_load(&service, || {
        orders::place(&service, orders::DECLINED)?;
        expected.find(&service)
    })?;
    service.stop()
}
