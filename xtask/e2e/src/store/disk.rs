//! A disk that is full, fails, or loses the file, while orders come in: what was accepted is there, nothing else is, and the
//! service goes on once it can, without a restart.

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
    Parts, SOON,
    account::{self, Account},
    clients,
    empty_database::Database,
    orders, ready,
    small_disk::{Fault, SmallDisk, wait},
    tablespace::Tablespace,
};
use crate::service::Service;

/// On SQLite, which needs no server.
pub(super) fn sqlite_cases(cases: &mut Cases, program: &Path) -> anyhow::Result<()> {
    let disk = |name| SmallDisk::mount(name, 64);
    on_disk(
        cases,
        "disk::full_sqlite_loses_no_order",
        disk("full"),
        |disk| {
            let fill = |_: &Service| disk.fill(64 * 1024);
            sqlite(program, disk, fill, |&()| disk.free())
        },
    );
    for (name, error) in [
        ("disk::io_errors_lose_no_order", "EIO"),
        ("disk::read_only_disk_loses_no_order", "EROFS"),
    ] {
        if let Err(error) = may_inject() {
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
        "disk::lost_file_loses_no_order",
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

pub(super) fn postgres_cases(cases: &mut Cases, parts: &Parts) {
    let disk = |name| SmallDisk::mount(name, 64);
    on_disk(
        cases,
        "disk::full_postgres_loses_no_order",
        disk("tablespace"),
        |disk| {
            let fill = |_: &Path| disk.fill(256 * 1024);
            postgres(parts, disk, "on_full", fill, |&()| disk.free())
        },
    );
    match may_inject() {
        Ok(()) => on_disk(
            cases,
            "disk::postgres_io_errors_lose_no_order",
            disk("pg-eio"),
            |disk| {
                let inject = |table: &Path| {
                    let process = parts.server.process_id();
                    let files = [table.to_owned()];
                    let fault = Fault::inject(process, "EIO", &disk.data(), &files)?;
                    // Only processes that begin from here on fail.
                    end_sessions(parts, "on_eio")?;
                    Ok(fault)
                };
                postgres(parts, disk, "on_eio", inject, Fault::end)
            },
        ),
        Err(error) => {
            cases.not_run(
                "disk::postgres_io_errors_lose_no_order",
                &format!("{error:#}"),
            );
        }
    }
    on_disk(
        cases,
        "disk::lost_table_loses_no_order",
        disk("pg-lost"),
        |disk| {
            let lost = disk.path("lost");
            let lose = |table: &Path| {
                fs::rename(table, &lost).context("moving the table's file")?;
                // Those that have it open go on with it.
                end_sessions(parts, "on_lost")?;
                Ok(table.to_owned())
            };
            let mend = |table: &PathBuf| fs::rename(&lost, table).context("moving it back");
            postgres(parts, disk, "on_lost", lose, mend)
        },
    );
    cases.check("disk::read_only_server_is_not_ready", || read_only(parts));
}

/// Ends all sessions of a database, so that others begin.
fn end_sessions(parts: &Parts, database: &str) -> anyhow::Result<()> {
    let end = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'"
    );
    parts.server.psql("postgres", &end).map(drop)
}

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

/// Whether strace may attach to another process of this user.
fn may_inject() -> anyhow::Result<()> {
    let mut other =
        support::process::Process::start("sleep", std::process::Command::new("sleep").arg("60"))?;
    let folder = Path::new("/nowhere");
    Fault::inject(other.id(), "EIO", folder, &[folder.join("file")]).map(drop)?;
    other.stop(SOON).map(drop)
}

/// Breaks the disk and mends it, under load, and counts.
fn sqlite<T>(
    program: &Path,
    disk: &SmallDisk,
    break_it: impl FnOnce(&Service) -> anyhow::Result<T>,
    mend: impl FnOnce(&T) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let url = format!("sqlite://{}", disk.data().join("orders.db").display());
    let settings = [("DATABASE_URL", &*url)];
    let mut service = Service::start(program, None, &settings)?;
    let mut accepted = under_load(&service, |load| {
        let broken = break_it(&service)?;
        unready(&service, load)?;
        mend(&broken)?;
        more(&load.accepted, "accepted orders after the trouble")
    })?;
    accepted.insert(taken_again(&service)?);
    service.stop()?;

    // What is on the disk, by a process that was not there.
    let mut service = Service::start(program, None, &settings)?;
    for id in &accepted {
        let order = http::get(&service.url(&format!("/orders/{id}")))?;
        ensure!(
            order.status == 200,
            "order {id} was accepted: found {order:?}"
        );
    }
    let stats = http::get(&service.url("/orders/stats"))?;
    // An order that was in the middle of its commit when the file went is refused, and there when the file is back: one of
    // each client.
    let stored = |number: &usize| stats.body.starts_with(&format!(r#"{{"orders":{number},"#));
    ensure!(
        (accepted.len()..=accepted.len() + CLIENTS).any(|number| stored(&number)),
        "found {}, expected the {} orders that were accepted",
        stats.body,
        accepted.len()
    );
    service.stop()
}

/// The same with a database in a tablespace on the disk; `break_it` gets the file of the table with the orders.
fn postgres<T>(
    parts: &Parts,
    disk: &SmallDisk,
    name: &'static str,
    break_it: impl FnOnce(&Path) -> anyhow::Result<T>,
    mend: impl FnOnce(&T) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let tablespace = Tablespace::create(&parts.server, disk, name)?;
    let database = Database::create_in(&parts.server, &parts.built.program, name, name)?;
    let mut service = database.serve(&[])?;
    let mut accepted = under_load(&service, |load| {
        let broken = break_it(&table_file(parts, name, &disk.data())?)?;
        unready(&service, load)?;
        mend(&broken)?;
        more(&load.accepted, "accepted orders after the trouble")
    })?;
    accepted.insert(taken_again(&service)?);
    let ids: Vec<_> = accepted.iter().copied().collect();
    account::holds_all(&database, &ids)?;
    let account = Account::settled(&database)?;
    ensure!(
        usize::try_from(account.orders)? == accepted.len(),
        "found {account:?}, expected the {} orders that were accepted",
        accepted.len()
    );
    service.stop()?;
    drop(service);
    database.wait_until_left()?;
    tablespace.remove()
}

/// Where a database in the tablespace keeps its orders.
fn table_file(parts: &Parts, database: &str, tablespace: &Path) -> anyhow::Result<PathBuf> {
    let file = parts
        .server
        .psql(database, "SELECT pg_relation_filepath('orders')")?;
    // pg_tblspc/OID/PG_VERSION/DATABASE/TABLE, of which the first two are a link to the tablespace.
    let mut parts = Path::new(file.trim()).components();
    parts.by_ref().take(2).for_each(drop);
    let file = tablespace.join(parts.as_path());
    ensure!(file.is_file(), "there is no {}", file.display());
    Ok(file)
}

/// As after a failover, when an address leads to a standby.
fn read_only(parts: &Parts) -> anyhow::Result<()> {
    let database = parts.database("read_only")?;
    let mut service = database.serve(&[])?;
    let first = orders::place(&service, orders::TELESCOPE)?;
    Account::settled(&database)?;
    let set = |value| {
        let set = format!("ALTER DATABASE read_only SET default_transaction_read_only = {value}");
        parts.server.psql("postgres", &set)?;
        // Sessions take the setting at their start, as they take the server.
        end_sessions(parts, "read_only")
    };
    set("on")?;
    wait("503 for an order", || {
        let answer = orders::send(&service, orders::TELESCOPE, &[]);
        answer.is_ok_and(|answer| answer.status == 503)
    })?;
    ready(&service, 503)?;
    let read = http::get(&service.url(&format!("/orders/{first}")))?;
    ensure!(read.status == 200, "found {read:?}, expected the order");
    set("off")?;
    taken_again(&service)?;
    service.stop()
}

/// What the clients have seen so far.
#[derive(Default)]
struct Load {
    accepted: AtomicUsize,
    refused: AtomicUsize,
}

/// Clients that order one thing after the other, while `trouble` comes and goes; the orders that were accepted. Nothing but
/// 202 and 503 is an answer.
fn under_load(
    service: &Service,
    trouble: impl FnOnce(&Load) -> anyhow::Result<()>,
) -> anyhow::Result<BTreeSet<i64>> {
    let stop = AtomicBool::new(false);
    let load = Load::default();
    let client = |_| {
        let mut accepted = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            thread::sleep(PAUSE);
            let answer = orders::send(service, &LONG.repeat(15), &[])?;
            if answer.status == 503 {
                load.refused.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            accepted.push(accepted_id(&answer, service)?);
            load.accepted.fetch_add(1, Ordering::Relaxed);
        }
        Ok(accepted)
    };
    let meanwhile = || {
        let result = more(&load.accepted, "accepted orders").and_then(|()| trouble(&load));
        stop.store(true, Ordering::Relaxed);
        result
    };
    let (accepted, ()) = clients::at_once_while(CLIENTS, client, meanwhile)?;
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

/// Orders are refused, and the service says that it wants no traffic, but not that it should be restarted.
fn unready(service: &Service, load: &Load) -> anyhow::Result<()> {
    more(&load.refused, "refused orders")?;
    ready(service, 503)?;
    let livez = http::get(&format!("{}/livez", service.admin))?;
    ensure!(livez.status == 200, "/livez: {livez:?}");
    more(&load.refused, "refused orders")
}

fn more(count: &AtomicUsize, what: &str) -> anyhow::Result<()> {
    let before = count.load(Ordering::Relaxed);
    wait(what, || count.load(Ordering::Relaxed) >= before + ENOUGH)
}

/// The id of an order that is accepted once the service is ready again.
fn taken_again(service: &Service) -> anyhow::Result<i64> {
    ready(service, 200)?;
    orders::place(service, orders::TELESCOPE)
}

const CLIENTS: usize = 4;
/// Between two orders of one client, so that the disk is full when it is filled, and not before.
const PAUSE: Duration = Duration::from_millis(20);
const ENOUGH: usize = 20;
const LONG: &str = "telescopes ";
