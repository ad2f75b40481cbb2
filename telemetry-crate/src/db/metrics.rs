//! The metrics of statements and connections.

use std::{
    sync::{
        LazyLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use metrics::Label;

use super::{
    event::Acquired,
    failure::Failure,
    pools::with_pool_name,
    server::{Server, common_attributes},
    statement::Statement,
    unit_of_work::{Repeat, UnitOfWork},
};
use crate::{catalog, metrics::Durations};

static OPERATIONS: LazyLock<Durations> =
    LazyLock::new(|| Durations::new(&catalog::DB_CLIENT_OPERATION_DURATION));
static WAITS: LazyLock<Durations> =
    LazyLock::new(|| Durations::new(&catalog::DB_CLIENT_CONNECTION_WAIT_TIME));
static QUERIES: LazyLock<Durations> =
    LazyLock::new(|| Durations::new(&catalog::SQL_QUERIES_PER_REQUEST));

/// Records a statement, or a call that failed before it ran a statement.
///
/// `of_client` is the server of a client's call.
pub(super) fn operation(
    statement: Option<&Statement>,
    of_client: Option<&Server>,
    duration: Duration,
    failure: Option<&Failure>,
) {
    let common = common_attributes();
    let [operation, collection, summary] = statement.map(Statement::labels).unwrap_or_default();
    let of_sqlx = || {
        let system = common.server.system;
        statement.map_or(system, |statement| statement.system(system))
    };
    let system = of_client.map_or_else(of_sqlx, |server| server.system);
    let labels = [
        Some(system),
        operation,
        collection,
        summary,
        failure.and_then(|failure| failure.code.as_deref()),
        failure.map(|failure| &*failure.error_type),
    ];
    let seconds = duration.as_secs_f64();
    match statement.filter(|_| failure.is_none()) {
        Some(statement) => {
            let find = || OPERATIONS.with(&labels, || (), |histogram, ()| histogram.clone());
            statement.cache.record_duration(system, seconds, find);
        }
        None => OPERATIONS.record(&labels, seconds),
    }
    if failure.is_some_and(Failure::is_pool_timeout) {
        let pool = common.pool.clone();
        let pool = pool.map(|pool| Label::new("db_client_connection_pool_name", pool));
        let labels: Vec<_> = pool.into_iter().collect();
        metrics::counter!(catalog::DB_CLIENT_CONNECTION_TIMEOUTS.name, labels).increment(1);
    }
}

/// Whether sqlx reports fast acquires as well.
///
/// A histogram of only the slow acquires would be misleading.
static SEES_FAST_ACQUIRES: AtomicBool = AtomicBool::new(false);

/// Returns whether sqlx has reported a fast acquire.
pub(super) fn sees_fast_acquires() -> bool {
    SEES_FAST_ACQUIRES.load(Ordering::Relaxed)
}

/// Records the wait for a connection.
pub(super) fn acquired(acquired: &Acquired) {
    if !acquired.is_slow {
        SEES_FAST_ACQUIRES.store(true, Ordering::Relaxed);
    }
    if let Some(seconds) = acquired.seconds
        && SEES_FAST_ACQUIRES.load(Ordering::Relaxed)
    {
        with_pool_name(|pool| WAITS.record(&[pool], seconds));
    }
}

/// The labels of a unit of work.
#[derive(Debug)]
pub(super) struct UnitLabels {
    pub(super) http_route: Option<String>,
    pub(super) rpc_method: Option<String>,
    pub(super) span_name: Option<&'static str>,
}

/// Records the number of statements of a unit of work.
pub(super) fn unit(labels: &UnitLabels, unit: &UnitOfWork) {
    let context = unit.context().clone();
    // The histogram takes the exemplar's trace from the current context.
    let _attached = context.attach();
    QUERIES.record(
        &[
            labels.http_route.as_deref(),
            labels.rpc_method.as_deref(),
            labels.span_name,
        ],
        f64::from(unit.queries()),
    );
}

/// Counts a repeated statement of a unit of work.
pub(super) fn repeated(unit: &UnitLabels, repeat: &Repeat) {
    let [_, _, summary] = repeat.statement.labels();
    let values = [
        unit.http_route.as_deref(),
        unit.rpc_method.as_deref(),
        unit.span_name,
        summary,
    ];
    let labels: Vec<_> = (catalog::SQL_N_PLUS_ONE.labels.iter().zip(values))
        .filter_map(|(label, value)| Some(Label::new(*label, value?.to_owned())))
        .collect();
    metrics::counter!(catalog::SQL_N_PLUS_ONE.name, labels).increment(1);
}
