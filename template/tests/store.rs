//! Tests of several processes that start on one database at once.

#![cfg(unix)] // for SIGTERM

mod support;

use support::{Database, Service};

#[test]
fn simultaneous_starts_succeed() {
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
    assert!(database.is_at_rest(), "the write-ahead log is left");
}
