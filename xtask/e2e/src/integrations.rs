//! Suite `integrations`: programs on foreign crates, with real servers.
//!
//! The library does not depend on these crates. The programs are those of `xtask/integrations`, each with a file of its
//! name here. They are built once. Each case starts one, sends requests, stops it, and checks its spans, its exposition
//! and its log lines.

mod axum_06;
mod diesel;
mod kafka;
mod program_run;
mod redis;
mod sqlx_08;
mod sqlx_08_sqlite;
mod tokio_postgres;

use std::{path::PathBuf, process::Command};

use support::{
    Cases, command, paths,
    tools::{self, PostgresServer, RedisServer},
};

/// Runs the suite.
pub fn run(cases: &mut Cases) -> anyhow::Result<()> {
    let programs = build(&[])?;
    match RedisServer::start() {
        Ok(server) => redis::cases(cases, &programs, &server),
        Err(error) => cases.not_run("Redis", &format!("{error:#}")),
    }
    match tools::postgres().and_then(|postgres| PostgresServer::start(&postgres)) {
        Ok(server) => {
            tokio_postgres::cases(cases, &programs, &server);
            diesel::cases(cases, &programs, &server);
            sqlx_08::cases(cases, &programs, &server);
        }
        Err(error) => cases.not_run("PostgreSQL", &format!("{error:#}")),
    }
    sqlx_08_sqlite::cases(cases, &programs);
    axum_06::cases(cases, &programs);
    Ok(())
}

/// Runs the suite `kafka`, whose program needs minutes to build.
pub fn kafka(cases: &mut Cases) -> anyhow::Result<()> {
    let programs = build(&["--features", "kafka"])?;
    kafka::cases(cases, &programs);
    Ok(())
}

/// The folder of the built programs.
struct Programs(PathBuf);

/// Builds all programs, with a lock file and a target folder of their own.
fn build(features: &[&str]) -> anyhow::Result<Programs> {
    let target = paths::target().join("integrations");
    let mut cargo = Command::new("cargo");
    cargo
        .args(["build", "--locked", "--bins"])
        .args(features)
        .current_dir(paths::root().join("xtask/integrations"))
        .env("CARGO_TARGET_DIR", &target)
        .env("CARGO_INCREMENTAL", "0");
    command::run("build the integrations", &mut cargo)?;
    Ok(Programs(target.join("debug")))
}
