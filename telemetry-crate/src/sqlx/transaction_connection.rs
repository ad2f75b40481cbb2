//! The connection of a transaction, which is reused only after a confirmed end.
//!
//! sqlx counts the depth of transactions on a connection. A failed `COMMIT` or `ROLLBACK` leaves
//! the count unchanged, although SQLite has ended the transaction, as on a full disk. The next
//! `BEGIN` on that connection then only sets a savepoint, which no `COMMIT` follows, and its
//! changes are lost after a reported success.

use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
    time::Instant,
};

use sqlx::{Connection, Database, Error, Pool, pool::PoolConnection};
use sqlx_core::transaction::TransactionManager as _;
use tokio::runtime::Handle;

use super::{file::FollowedFiles, lease::Lease};

/// A connection with a transaction, which is rolled back when this is dropped.
pub(super) struct TransactionConnection<DB: Database> {
    /// `None` only during the drop.
    connection: Option<PoolConnection<DB>>,
    state: State,
    files: FollowedFiles,
    /// Says who holds the connection, until it is returned.
    _lease: Option<Arc<Lease>>,
    /// Time at which the file was checked and the pool had handed out the connection.
    since: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// `BEGIN`, `COMMIT` or `ROLLBACK` was sent, and has not succeeded yet.
    ///
    /// The connection's state is unknown.
    Unknown,
    Open,
    Over,
}

impl<DB: Database> TransactionConnection<DB> {
    pub(super) async fn begin(pool: &Pool<DB>, lease: Option<Arc<Lease>>) -> Result<Self, Error> {
        let connection = loop {
            let connection = pool.acquire().await?;
            if !connection.is_in_transaction() {
                break connection;
            }
            // The connection was left in a transaction that this module did not begin.
            let _ = connection.close().await;
        };
        if let Some(lease) = &lease {
            lease.acquired();
        }
        let files = FollowedFiles::of_pool(pool);
        files.check_begin();
        let mut transaction = Self {
            connection: Some(connection),
            state: State::Unknown,
            files,
            _lease: lease,
            since: Instant::now(),
        };
        DB::TransactionManager::begin(&mut transaction, None).await?;
        transaction.state = State::Open;
        Ok(transaction)
    }

    pub(super) async fn commit(&mut self) -> Result<(), Error> {
        self.state = State::Unknown;
        if self.depth() > 1 {
            // A dropped savepoint counts until SQLite's thread has rolled it back. The thread
            // answers the ping only after the rollback.
            self.ping().await?;
        }
        // If a savepoint cannot be set, SQLite rolls back the whole transaction, and sqlx's commit
        // without a transaction succeeds. If a savepoint was never released, the commit would
        // release only that.
        if self.depth() != 1 {
            return Err(Error::Protocol(
                "cannot commit: the transaction was rolled back, or a savepoint in it is still open; \
                 expected it to be open, with all savepoints released"
                    .to_owned(),
            ));
        }
        if DB::NAME == "PostgreSQL" {
            // If the transaction has failed, or a statement has ended it, PostgreSQL answers the
            // `COMMIT` with success and stores nothing. A savepoint is an error in such a state.
            // Its rollback is sent together with the `COMMIT`.
            DB::TransactionManager::begin(self, None).await?;
            DB::TransactionManager::start_rollback(self);
        }
        DB::TransactionManager::commit(self).await?;
        self.files.check_commit(self.since.elapsed())?;
        self.state = State::Over;
        Ok(())
    }

    fn depth(&self) -> usize {
        DB::TransactionManager::get_transaction_depth(self)
    }

    pub(super) async fn rollback(&mut self) -> Result<(), Error> {
        self.state = State::Unknown;
        // Savepoints that are still open are rolled back one by one.
        while self.is_in_transaction() {
            DB::TransactionManager::rollback(self).await?;
        }
        self.state = State::Over;
        Ok(())
    }
}

impl<DB: Database> Deref for TransactionConnection<DB> {
    type Target = DB::Connection;

    #[expect(clippy::unreachable, reason = "only drop takes the connection out")]
    fn deref(&self) -> &Self::Target {
        match &self.connection {
            Some(connection) => connection,
            None => unreachable!("the transaction has been dropped"),
        }
    }
}

impl<DB: Database> DerefMut for TransactionConnection<DB> {
    #[expect(clippy::unreachable, reason = "only drop takes the connection out")]
    fn deref_mut(&mut self) -> &mut Self::Target {
        match &mut self.connection {
            Some(connection) => connection,
            None => unreachable!("the transaction has been dropped"),
        }
    }
}

impl<DB: Database> Drop for TransactionConnection<DB> {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else {
            return;
        };
        match (self.state, Handle::try_current()) {
            // The connection returns to the pool.
            (State::Over, _) => {}
            (State::Open, Ok(runtime)) => {
                DB::TransactionManager::start_rollback(&mut connection);
                runtime.spawn(async move {
                    if !is_idle::<DB>(&mut connection).await {
                        connection.close_on_drop();
                    }
                });
            }
            (State::Unknown | State::Open, _) => connection.close_on_drop(),
        }
    }
}

/// Returns whether a connection is outside any transaction.
///
/// The transaction may have been begun by sqlx or by a statement. A connection inside one must not
/// be reused.
pub(super) async fn is_idle<DB: Database>(connection: &mut DB::Connection) -> bool {
    match DB::NAME {
        // The statement to begin a transaction is replaced by one that begins none. After it, sqlx
        // checks the state that the database reports, and fails with `BeginFailed` outside a
        // transaction. Inside a failed transaction, the statement itself fails.
        "PostgreSQL" | "SQLite" => {
            let begun = connection.begin_with("SELECT 1").await;
            matches!(begun, Err(Error::BeginFailed))
        }
        _ => connection.ping().await.is_ok() && !connection.is_in_transaction(),
    }
}
