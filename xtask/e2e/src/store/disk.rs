//! Faults of the disk under load: a full disk, I/O errors, a lost file.
//!
//! Every accepted order is stored, and the service recovers without a restart.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use support::{
    Cases,
    http::{self, Answer},
};

use super::{
    DEADLINE, Fixture, clients,
    order_counts::{self, OrderCounts},
    orders,
    small_disk::{Fault, SmallDisk, wait},
    tablespace::Tablespace,
    test_database::Database,
    wait_for_readyz,
};
use crate::service::Service;

/// Runs the cases with SQLite.
pub(super) fn sqlite_cases(cases: &mut Cases, program: &Path) -> anyhow::Result<()> {
    let disk = |name| SmallDisk::mount(name, 64);
    on_disk(
        cases,
        "disk: a full SQLite disk loses no order",
        disk("full"),
        |disk| {
            let fill = |_: &Service| disk.fill(64 * 1024);
            sqlite(program, disk, fill, |&()| disk.free())
        },
    );
    for (name, error) in [
        ("disk: I/O errors of SQLite lose no order", "EIO"),
        ("disk: a read-only SQLite disk loses no order", "EROFS"),
    ] {
        if let Err(error) = can_inject() {
            cases.not_run(name, &format!("{error:#}"));
            continue;
        }
        on_disk(cases, name, disk(error), |disk| {
            let data = disk.data();
            let files = ["orders.db", "orders.db-wal"].map(|name| data.join(name));
            let inject = |service: &Service| Fault::inject(service.id(), error, &data, &files);
            sqlite(program, disk, inject, Fault::end)
        });
    }
    on_disk(
        cases,
        "disk: a missing SQLite file loses no order",
        disk("lost"),
        |disk| {
            let moved = |from: &str, to: &str| {
                for end in ["", "-wal", "-shm"] {
                    let (from, to) = (format!("{from}{end}"), format!("{to}{end}"));
                    fs::rename(disk.data().join(&from), disk.data().join(&to))
                        .with_context(|| format!("moving {from}"))?;
                }
                anyhow::Ok(())
            };
            let lose = |_: &Service| moved("orders.db", "lost.db");
            sqlite(program, disk, lose, |&()| moved("lost.db", "orders.db"))
        },
    );
    Ok(())
}

/// Runs the cases with PostgreSQL.
pub(super) fn postgres_cases(cases: &mut Cases, fixture: &Fixture) {
    let disk = |name| SmallDisk::mount(name, 64);
    on_disk(
        cases,
        "disk: a full PostgreSQL disk loses no order",
        disk("tablespace"),
        |disk| {
            let fill = |_: &Path| disk.fill(256 * 1024);
            postgres(fixture, disk, "on_full", fill, |&()| disk.free())
        },
    );
    match can_inject() {
        Ok(()) => on_disk(
            cases,
            "disk: I/O errors of PostgreSQL lose no order",
            disk("pg-eio"),
            |disk| {
                let inject = |table: &Path| {
                    let process = fixture.server.process_id();
                    let files = [table.to_owned()];
                    let fault = Fault::inject(process, "EIO", &disk.data(), &files)?;
                    // strace follows only processes that start from now on.
                    end_sessions(fixture, "on_eio")?;
                    Ok(fault)
                };
                postgres(fixture, disk, "on_eio", inject, Fault::end)
            },
        ),
        Err(error) => {
            cases.not_run(
                "disk: I/O errors of PostgreSQL lose no order",
                &format!("{error:#}"),
            );
        }
    }
    on_disk(
        cases,
        "disk: a missing PostgreSQL table loses no order",
        disk("pg-lost"),
        |disk| {
            let lost = disk.path("lost");
            let lose = |table: &Path| {
                fs::rename(table, &lost).context("moving the table's file")?;
                // Sessions that have the file open would keep using it.
                end_sessions(fixture, "on_lost")?;
                Ok(table.to_owned())
            };
            let repair = |table: &PathBuf| fs::rename(&lost, table).context("moving it back");
            postgres(fixture, disk, "on_lost", lose, repair)
        },
    );
    cases.check("disk: a read-only server is not ready", || {
        read_only(fixture)
    });
}

/// Ends all sessions of a database, so that new ones start.
fn end_sessions(fixture: &Fixture, database: &str) -> anyhow::Result<()> {
    let end = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'"
    );
    fixture.server.psql("postgres", &end).map(drop)
}

/// Runs a case on `disk`, or reports it as not run if the mount has failed.
fn on_disk(
    cases: &mut Cases,
    name: &str,
    disk: anyhow::Result<SmallDisk>,
    case: impl FnOnce(&SmallDisk) -> anyhow::Result<()>,
) {
    match disk {
        Ok(disk) => {
            cases.check(name, || case(&disk));
        }
        Err(error) => cases.not_run(name, &format!("{error:#}")),
    }
}

/// Checks that strace can attach to another process of this user.
fn can_inject() -> anyhow::Result<()> {
    let mut other =
        support::process::Process::start("sleep", std::process::Command::new("sleep").arg("60"))?;
    let folder = Path::new("/nowhere");
    Fault::inject(other.id(), "EIO", folder, &[folder.join("file")]).map(drop)?;
    other.stop(DEADLINE).map(drop)
}

/// Breaks and repairs the disk under load, then compares the stored orders.
fn sqlite<T>(
    program: &Path,
    disk: &SmallDisk,
    break_it: impl FnOnce(&Service) -> anyhow::Result<T>,
    repair: impl FnOnce(&T) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let url = format!("sqlite://{}", disk.data().join("orders.db").display());
    let settings = [("DATABASE_URL", &*url)];
    let mut service = Service::start(program, None, &settings)?;
    let mut accepted = under_load(&service, |load| {
        let broken = break_it(&service)?;
        wait_until_unready(&service, load)?;
        repair(&broken)?;
        wait_for_more(&load.accepted, "accepted orders after the fault")
    })?;
    accepted.insert(place_once_ready(&service)?);
    service.stop()?;

    // A new process reads what is stored.
    let mut service = Service::start(program, None, &settings)?;
    for id in &accepted {
        let order = http::get(&service.url(&format!("/orders/{id}")))?;
        ensure!(
            order.status == 200,
            "order {id} was accepted: found {order:?}"
        );
    }
    let stats = http::get(&service.url("/orders/stats"))?;
    // An order whose commit was interrupted is rejected, but may be stored: at most one of each client.
    let stored = |number: &usize| stats.body.starts_with(&format!(r#"{{"orders":{number},"#));
    ensure!(
        (accepted.len()..=accepted.len() + CLIENTS).any(|number| stored(&number)),
        "found {}, expected the {} orders that were accepted",
        stats.body,
        accepted.len()
    );
    service.stop()
}

/// Like [`sqlite`], with a PostgreSQL database in a tablespace on the disk.
///
/// `break_it` gets the file of the table with the orders.
fn postgres<T>(
    fixture: &Fixture,
    disk: &SmallDisk,
    name: &'static str,
    break_it: impl FnOnce(&Path) -> anyhow::Result<T>,
    repair: impl FnOnce(&T) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let tablespace = Tablespace::create(&fixture.server, disk, name)?;
    let database = Database::create_in(&fixture.server, &fixture.built.program, name, name)?;
    let mut service = database.serve(&[])?;
    let mut accepted = under_load(&service, |load| {
        let broken = break_it(&table_file(fixture, name, &disk.data())?)?;
        wait_until_unready(&service, load)?;
        repair(&broken)?;
        wait_for_more(&load.accepted, "accepted orders after the fault")
    })?;
    accepted.insert(place_once_ready(&service)?);
    let ids: Vec<_> = accepted.iter().copied().collect();
    order_counts::check_stored(&database, &ids)?;
    let counts = OrderCounts::when_settled(&database)?;
    ensure!(
        usize::try_from(counts.orders)? == accepted.len(),
        "found {counts:?}, expected the {} orders that were accepted",
        accepted.len()
    );
    service.stop()?;
    drop(service);
    database.wait_until_unused()?;
    tablespace.remove()
}

/// The file of the table `orders` in the tablespace.
fn table_file(fixture: &Fixture, database: &str, tablespace: &Path) -> anyhow::Result<PathBuf> {
    let file = fixture
        .server
        .psql(database, "SELECT pg_relation_filepath('orders')")?;
    // The path is pg_tblspc/OID/PG_VERSION/DATABASE/TABLE, and pg_tblspc/OID is a link to the tablespace.
    let mut path = Path::new(file.trim()).components();
    path.by_ref().take(2).for_each(drop);
    let file = tablespace.join(path.as_path());
    ensure!(file.is_file(), "{} does not exist", file.display());
    Ok(file)
}

/// Checks a server that rejects writes, such as a standby after a failover.
fn read_only(fixture: &Fixture) -> anyhow::Result<()> {
    let database = fixture.database("read_only")?;
    let mut service = database.serve(&[])?;
    let first = orders::place(&service, orders::TELESCOPE)?;
    OrderCounts::when_settled(&database)?;
    let set = |value| {
        let set = format!("ALTER DATABASE read_only SET default_transaction_read_only = {value}");
        fixture.server.psql("postgres", &set)?;
        // The setting applies to new sessions.
        end_sessions(fixture, "read_only")
    };
    set("on")?;
    wait("503 for an order", || {
        let answer = orders::send(&service, orders::TELESCOPE, &[]);
        answer.is_ok_and(|answer| answer.status == 503)
    })?;
    wait_for_readyz(&service, 503)?;
    let read = http::get(&service.url(&format!("/orders/{first}")))?;
    ensure!(read.status == 200, "found {read:?}, expected the order");
    set("off")?;
    place_once_ready(&service)?;
    service.stop()
}

/// Counts of the answers to all clients so far.
#[derive(Default)]
struct Load {
    accepted: AtomicUsize,
    rejected: AtomicUsize,
}

/// Places orders from several clients while `fault` runs.
///
/// Returns the accepted orders. Any answer except 202 and 503 is an error.
fn under_load(
    service: &Service,
    fault: impl FnOnce(&Load) -> anyhow::Result<()>,
) -> anyhow::Result<BTreeSet<i64>> {
    let stop = AtomicBool::new(false);
    let load = Load::default();
    let client = |_| {
        let mut accepted = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            thread::sleep(PAUSE);
            let answer = orders::send(service, &LONG.repeat(15), &[])?;
            if answer.status == 503 {
                load.rejected.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            accepted.push(accepted_id(&answer, service)?);
            load.accepted.fetch_add(1, Ordering::Relaxed);
        }
        Ok(accepted)
    };
    let meanwhile = || {
        let result = wait_for_more(&load.accepted, "accepted orders").and_then(|()| fault(&load));
        stop.store(true, Ordering::Relaxed);
        result
    };
    let (accepted, ()) = clients::run_while(CLIENTS, client, meanwhile)?;
    Ok(accepted.into_iter().flatten().collect())
}

fn accepted_id(answer: &Answer, service: &Service) -> anyhow::Result<i64> {
    orders::accepted(answer).with_context(|| {
        let log = service.output();
        let last = log.len().saturating_sub(20);
        format!(
            "expected 202 or 503; the log ends:\n{}",
            log[last..].join("\n")
        )
    })
}

/// Waits until orders are rejected, `/readyz` fails, and `/livez` succeeds.
fn wait_until_unready(service: &Service, load: &Load) -> anyhow::Result<()> {
    wait_for_more(&load.rejected, "rejected orders")?;
    wait_for_readyz(service, 503)?;
    let livez = http::get(&format!("{}/livez", service.admin))?;
    ensure!(livez.status == 200, "/livez: {livez:?}");
    wait_for_more(&load.rejected, "rejected orders")
}

fn wait_for_more(count: &AtomicUsize, what: &str) -> anyhow::Result<()> {
    let before = count.load(Ordering::Relaxed);
    wait(what, || count.load(Ordering::Relaxed) >= before + ENOUGH)
}

/// Waits until the service is ready, then places an order and returns its id.
fn place_once_ready(service: &Service) -> anyhow::Result<i64> {
    wait_for_readyz(service, 200)?;
    orders::place(service, orders::TELESCOPE)
}

const CLIENTS: usize = 4;
/// The pause between two orders of a client.
///
/// Without it, the orders would fill the disk before the test does.
const PAUSE: Duration = Duration::from_millis(20);
/// The number of further answers that [`wait_for_more`] waits for.
const ENOUGH: usize = 20;
/// Text that is repeated to form a long item, so that orders fill the disk.
const LONG: &str = "telescopes ";
