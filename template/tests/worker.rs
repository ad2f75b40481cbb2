//! Tests of the worker and the schedules through their metrics.

#![cfg(unix)] // for SIGTERM

mod support;

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use support::{SOON, Service};

#[test]
fn metrics_exist_from_the_start() {
    let mut service = Service::start(&[("DATABASE_MAX_CONNECTIONS", "7")]);
    service.address();
    let deadline = Instant::now() + SOON;
    for series in [
        "db_client_connection_limit{",
        "worker_queue_up{queue=\"{{queue}}\"} 1\n",
        "worker_queue_depth{queue=\"{{queue}}\",status=\"dead_lettered\"} 0\n",
        "worker_queue_latency_budget_seconds{queue=\"{{queue}}\"} 60\n",
        "cron_schedule_interval_seconds{cron=\"remove-finished-jobs\"} 86400\n",
    ] {
        // The state of the queue is read some time after the start.
        while !service.admin("/metrics").body.contains(series) {
            assert!(Instant::now() < deadline, "{series} is missing");
            sleep(Duration::from_millis(50));
        }
    }
    assert!(service.admin("/readyz").body.contains("database"));
    let ended = service.terminate();
    assert!(ended.status.success(), "{}: {:#?}", ended.status, ended.log);
}
