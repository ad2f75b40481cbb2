//! `cargo xtask new`: a service of your own, from this checkout.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;

use crate::{generate, paths, ui};

/// What `new` can be told.
#[derive(Debug, Args)]
pub(crate) struct NewArgs {
    /// The service's name, in lower case with dashes; also its package, its folder and its `service.name`.
    name: String,
    /// The folder in which the service's folder is made.
    #[arg(long, value_name = "DIR", default_value = ".")]
    destination: PathBuf,
    /// Add a small orders API that shows the patterns.
    #[arg(long)]
    example: bool,
    /// The database to add.
    #[arg(long, default_value = "none", value_parser = generate::STORE)]
    store: String,
    /// Add a worker for jobs and schedules; it needs a database.
    #[arg(long)]
    worker: bool,
    /// What to add for where it runs.
    #[arg(long, default_value = "compose", value_parser = generate::DEPLOY)]
    deploy: String,
    /// What to add for continuous integration.
    #[arg(long, default_value = "github", value_parser = generate::CI)]
    ci: String,
    /// Passed to cargo-generate as they are.
    #[arg(last = true, value_name = "ARGS")]
    extra: Vec<String>,
}

pub(crate) fn run(args: &NewArgs) -> anyhow::Result<()> {
    std::fs::create_dir_all(&args.destination)
        .with_context(|| format!("cannot create {}", args.destination.display()))?;
    let destination = args.destination.canonicalize()?;
    let service = generate::Service {
        name: &args.name,
        destination: &destination,
        options: generate::Options {
            example: args.example,
            store: &args.store,
            worker: args.worker,
            deploy: &args.deploy,
            ci: &args.ci,
        },
        extra: &args.extra,
    };
    let folder = service.generate()?;
    ui::heading(&format!("{} is ready", args.name));
    ui::line(format!("  cd {} && cargo run", folder.display()));
    ui::line(ui::quiet(format!(
        "  It uses the library at {}; replace that path in Cargo.toml by a version or a git address before you share it.",
        paths::library().display()
    )));
    Ok(())
}
