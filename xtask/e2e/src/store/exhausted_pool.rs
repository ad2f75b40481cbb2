//! Slow requests that use up the connection pool.

use anyhow::ensure;
use support::{Cases, http};

use super::{
    Fixture, clients,
    exposition::Exposition,
    order_counts::OrderCounts,
    orders,
    symptoms::{Observations, Symptom},
};

pub(super) fn cases(cases: &mut Cases, fixture: &Fixture, observations: &mut Observations) {
    cases.check(
        "pool: exhaustion is answered with 503, then recovers",
        || run(fixture, observations),
    );
}

fn run(fixture: &Fixture, observations: &mut Observations) -> anyhow::Result<()> {
    let database = fixture.database("exhausted")?;
    let connections = CONNECTIONS.to_string();
    let mut service = database.serve(&[("DATABASE_MAX_CONNECTIONS", &*connections)])?;
    orders::place(&service, orders::TELESCOPE)?;
    OrderCounts::when_settled(&database)?;
    let before = Exposition::scrape(&service)?;
    ensure!(
        Symptom::Timeout.count(&before) == 0.0,
        "calls have timed out before the pool was exhausted"
    );

    // A third of the requests is served at once, a third waits for those, and a third times out.
    let url = service.url(&format!("/trouble/slow/{SLOW_MILLISECONDS}"));
    let answers =
        clients::run_concurrently(3 * CONNECTIONS, |_| http::send("POST", &url, &[], ""))?;
    let with = |status: u16| answers.iter().filter(move |answer| answer.status == status);
    let (served, rejected) = (with(200).count(), with(503).count());
    ensure!(
        served + rejected == answers.len() && served >= CONNECTIONS && rejected > 0,
        "of {} requests, found {served} with 200 and {rejected} with 503; expected both, and nothing else: {answers:?}",
        answers.len()
    );
    for answer in with(503) {
        ensure!(
            super::is_unavailable(answer),
            "found {answer:?}, expected 503 and {}",
            super::UNAVAILABLE
        );
    }

    let after = Exposition::scrape(&service)?;
    let timed_out = Symptom::Timeout.count(&after);
    // Jobs and scheduled runs may have timed out as well.
    ensure!(
        timed_out >= rejected as f64,
        "db_client_connection_timeouts_total: found {timed_out}, expected {rejected} at least"
    );
    let waits = "db_client_connection_wait_time_seconds";
    ensure!(
        after.above(waits, &[], 1.0) > before.above(waits, &[], 1.0),
        "{waits} does not show a wait of more than a second"
    );
    observations.record("an exhausted pool", &after);

    let livez = http::get(&format!("{}/livez", service.admin))?;
    ensure!(livez.status == 200, "/livez: {livez:?}");
    orders::place(&service, orders::TELESCOPE)?;
    let counts = OrderCounts::when_settled(&database)?;
    ensure!(
        counts.done == 2,
        "found {counts:?}, expected both orders to be done"
    );
    service.stop()
}

/// The size of the pool, small so that few requests use it up.
const CONNECTIONS: usize = 4;
/// The duration of a query, in milliseconds.
///
/// It is shorter than the 3 s that a request waits for a connection. Two queries one after the other take longer.
const SLOW_MILLISECONDS: u32 = 2_000;
