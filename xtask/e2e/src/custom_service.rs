//! Generated services with additional routes and jobs for tests.
//!
//! One service has PostgreSQL and routes that cause faults on demand. The others have a second kind of job.

use std::{
    path::Path,
    sync::{Mutex, PoisonError},
};

use anyhow::Context as _;
use support::paths;

use crate::{
    edit::{self, Edit},
    service::{self, Built},
};

/// The name of the service with fault routes.
const NAME: &str = "orders-store";

/// Edits that add the fault routes.
const EDITS: [Edit; 7] = [
    Edit {
        file: "Cargo.toml",
        found: "\nserde = ",
        replacement: "\ntower = { version = \"0.5\", features = [\"util\"] }\nserde = ",
    },
    Edit {
        file: "src/lib.rs",
        found: "pub mod store;",
        replacement: "pub mod faults;\npub mod markup;\npub mod store;\npub mod trouble;",
    },
    Edit {
        file: "src/routes.rs",
        found: "merge(orders::routes())",
        replacement: "merge(orders::routes()).merge(crate::trouble::routes()).merge(crate::faults::routes()).merge(crate::markup::routes()).layer(axum::middleware::from_fn(crate::trouble::hold))",
    },
    Edit {
        file: "src/orders/charge.rs",
        found: "    app.bank.charge(&order).await?;\n",
        replacement: "    crate::faults::bank().await;\n    app.bank.charge(&order).await?;\n    crate::trouble::pay(&app.store, &order).await?;\n",
    },
    Edit {
        file: "src/schedule.rs",
        found: "    let schedules = Scheduler::new(CronStore::new(app.store))\n",
        replacement: "    let ticks = crate::trouble::ticks(&app.store);\n    let schedules = crate::faults::herd(Scheduler::new(CronStore::new(app.store)))?\n        .add(crate::trouble::every_other_second()?, ticks)\n",
    },
    Edit {
        file: "src/orders/charge.rs",
        found: ".latency_budget(Duration::from_secs(60))",
        replacement: ".latency_budget(crate::faults::latency_budget(Duration::from_secs(60)))",
    },
    Edit {
        file: "src/jobs.rs",
        found: ".add(&CHARGES, ",
        replacement: ".watch_interval(crate::faults::look()).add(&CHARGES, ",
    },
];

/// Files of the fault routes, and their paths in the service.
const FILES: [(&str, &str); 4] = [
    ("xtask/e2e/service/fault_routes.rs", "src/faults.rs"),
    ("xtask/e2e/service/markup_routes.rs", "src/markup.rs"),
    ("xtask/e2e/service/trouble_routes.rs", "src/trouble.rs"),
    (
        "xtask/e2e/service/trouble.sql",
        "migrations/0003_trouble.sql",
    ),
];

/// Generates and builds the service with fault routes.
///
/// It is built once for the suites `store`, `live` and `console`.
pub(crate) fn service() -> anyhow::Result<Built> {
    static BUILT: Mutex<Option<Built>> = Mutex::new(None);
    let mut cached = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(built) = &*cached {
        return Ok(built.clone());
    }
    let folder = paths::fresh("e2e-store").context("cannot empty target/e2e-store")?;
    let built = build_with_faults(&folder)?;
    *cached = Some(built.clone());
    Ok(built)
}

/// Edits that add a second kind of job, as the service's README describes.
///
/// A kind of job is a type with its queue, a function and two lines in `src/jobs.rs`. The routes
/// are only for the test.
const SECOND_KIND: [Edit; 3] = [
    Edit {
        file: "src/jobs.rs",
        found: "    let workers = Workers::new(app.store)",
        replacement: "    let letters = app.clone();\n    let workers = Workers::new(app.store)\n        .add(&crate::letters::LETTERS, move |letter| crate::letters::send(letter, letters.clone()))",
    },
    Edit {
        file: "src/lib.rs",
        found: "pub mod jobs;",
        replacement: "pub mod jobs;\npub mod letters;",
    },
    Edit {
        file: "src/routes.rs",
        found: "merge(orders::routes())",
        replacement: "merge(orders::routes()).merge(crate::letters::routes())",
    },
];

/// Generates and builds a service with SQLite and a second kind of job.
pub(super) fn on_sqlite() -> anyhow::Result<Built> {
    with_two_kinds("sqlite")
}

/// Generates and builds a service with this store and a second kind of job.
pub(super) fn with_two_kinds(store: &'static str) -> anyhow::Result<Built> {
    let name = format!("orders-kinds-{store}");
    let folder = paths::fresh(&name).with_context(|| format!("cannot empty target/{name}"))?;
    service::build_worker(&name, store, &folder, |source| {
        edit::add("xtask/e2e/service/letter_jobs.rs", source, "src/letters.rs")?;
        edit::add(
            "xtask/e2e/service/letters.sql",
            source,
            "migrations/0003_letters.sql",
        )?;
        edit::apply(&SECOND_KIND, source, "xtask/e2e/src/custom_service.rs")
    })
}

fn build_with_faults(folder: &Path) -> anyhow::Result<Built> {
    service::build_worker(NAME, "postgres", folder, |source| {
        for (from, to) in FILES {
            edit::add(from, source, to)?;
        }
        edit::apply(&EDITS, source, "xtask/e2e/src/custom_service.rs")
    })
}
