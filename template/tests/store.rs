//! Several processes on one database, as after a deploy: all of them come up, whoever makes the tables.

#![cfg(unix)] // for SIGTERM

mod support;

use support::{Database, Service};

#[test]
fn of_processes_that_start_at_once_on_an_empty_database_each_comes_up() {
    let database = Database::new();
    let variables = [("DATABASE_URL", &*database.url())];
    let mut services = [(); 3].map(|()| Service::start(&variables));
    for service in &mut services {
        service.address();
        assert_eq!(service.admin("/readyz").status, 200);
    }
    for service in services {
        let ended = service.terminate();
        assert!(ended.status.success(), "{}: {:#?}", ended.status, ended.log);
    }
{%- if store == "sqlite" %}
    // The last one has written its log back: whoever copies the file has all of it.
    let log = database.url().replace("sqlite://", "") + "-wal";
    assert!(!std::path::Path::new(&log).exists(), "{log} is left");
{%- endif %}
}
