//! More slow requests than the pool has connections.

use anyhow::ensure;
use support::{Cases, http};

use super::{
    Parts,
    account::Account,
    clients,
    figures::Figures,
    orders,
    symptoms::{Seen, Symptom},
};

pub(super) fn cases(cases: &mut Cases, parts: &Parts, seen: &mut Seen) {
    cases.check(
        "requests that find no connection are answered with 503, and the service goes on as soon as there is one",
        || run(parts, seen),
    );
}

fn run(parts: &Parts, seen: &mut Seen) -> anyhow::Result<()> {
    let database = parts.database("exhausted")?;
    let connections = CONNECTIONS.to_string();
    let mut service = database.serve(&[("DATABASE_MAX_CONNECTIONS", &*connections)])?;
    orders::place(&service, orders::TELESCOPE)?;
    Account::settled(&database)?;
    let before = Figures::of(&service)?;
    ensure!(
        Symptom::TimeOut.count(&before) == 0.0,
        "calls have timed out before there was a reason to"
    );

    // The second wave waits for the first, and the third has waited for too long.
    let url = service.url(&format!("/trouble/slow/{SLOW_MILLISECONDS}"));
    let answers = clients::at_once(3 * CONNECTIONS, |_| http::send("POST", &url, &[], ""))?;
    let with = |status: u16| answers.iter().filter(move |answer| answer.status == status);
    let (served, refused) = (with(200).count(), with(503).count());
    ensure!(
        served + refused == answers.len() && served >= CONNECTIONS && refused > 0,
        "of {} requests, found {served} with 200 and {refused} with 503; expected both, and nothing else: {answers:?}",
        answers.len()
    );
    for answer in with(503) {
        ensure!(
            super::is_unavailable(answer),
            "found {answer:?}, expected 503 and {}",
            super::UNAVAILABLE
        );
    }

    let after = Figures::of(&service)?;
    let timed_out = Symptom::TimeOut.count(&after);
    // Jobs and scheduled runs may have waited for nothing, too.
    ensure!(
        timed_out >= refused as f64,
        "db_client_connection_timeouts_total: found {timed_out}, expected {refused} at least"
    );
    let waits = "db_client_connection_wait_time_seconds";
    ensure!(
        after.above(waits, &[], 1.0) > before.above(waits, &[], 1.0),
        "{waits} does not show a wait of more than a second"
    );
    seen.note("an exhausted pool", &after);

    let livez = http::get(&format!("{}/livez", service.admin))?;
    ensure!(livez.status == 200, "/livez: {livez:?}");
    orders::place(&service, orders::TELESCOPE)?;
    let account = Account::settled(&database)?;
    ensure!(
        account.done == 2,
        "found {account:?}, expected both orders to be done"
    );
    service.stop()
}

/// Few, so that they are soon used up.
const CONNECTIONS: usize = 4;
/// Less than the three seconds that a request waits for a connection; twice this is more.
const SLOW_MILLISECONDS: u32 = 2_000;
