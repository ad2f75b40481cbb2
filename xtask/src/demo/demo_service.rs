//! The service of the demo: a store, a worker, the example, and demo-only routes.

use std::path::Path;

use e2e::{
    edit::{self, Edit},
    service::{self, Built},
};

const NAME: &str = "orders-demo";

const EDITS: [Edit; 3] = [
    Edit {
        file: "src/lib.rs",
        found: "pub mod store;",
        replacement: "pub mod show;\npub mod store;",
    },
    Edit {
        file: "src/routes.rs",
        found: "merge(orders::routes())",
        replacement: "merge(orders::routes()).merge(crate::show::routes())",
    },
    Edit {
        file: "src/schedule.rs",
        found: "    let schedules = Scheduler::new(CronStore::new(app.store))\n",
        replacement: "    let counted = app.store.clone();\n    let schedules = Scheduler::new(CronStore::new(app.store))\n        .add(crate::show::schedule()?, move || crate::show::count(counted.clone()))\n",
    },
];

/// Generates and builds the service.
pub(super) fn service(folder: &Path) -> anyhow::Result<Built> {
    service::build_worker(NAME, "sqlite", folder, |source| {
        edit::add("xtask/demo/show_routes.rs", source, "src/show.rs")?;
        edit::apply(&EDITS, source, "xtask/src/demo/demo_service.rs")
    })
}
