//! The connection of a transaction, which serves again only once the transaction is known to be over.
//!
//! sqlx counts how deep a connection is in transactions. A `COMMIT` or `ROLLBACK` that fails leaves the count as it was,
//! although SQLite has ended the transaction, as on a full disk. What begins next on that connection is a savepoint that
//! no `COMMIT` follows: it is said to be stored, and is lost.

use std::{
    ops::{Deref, DerefMut},
    time::Instant,
};

use sqlx::{Connection, Database, Error, Pool, pool::PoolConnection};
use sqlx_core::transaction::TransactionManager as _;
use tokio::runtime::Handle;

use super::file::Files;

/// A connection with a transaction on it. Dropped, it rolls back.
pub(super) struct Held<DB: Database> {
    /// `None` from the moment that it is dropped.
    connection: Option<PoolConnection<DB>>,
    state: State,
    files: Files,
    /// When the pool handed the connection over, which it has looked at.
    since: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// `BEGIN`, `COMMIT` or `ROLLBACK` has been sent; unless it succeeds, what the connection is in is unknown.
    Unknown,
    Open,
    Over,
}

impl<DB: Database> Held<DB> {
    pub(super) async fn begin(pool: &Pool<DB>) -> Result<Self, Error> {
        let connection = loop {
            let connection = pool.acquire().await?;
            if !connection.is_in_transaction() {
                break connection;
            }
            // Left in it by a transaction that was not begun here.
            let _ = connection.close().await;
        };
        let mut held = Self {
            connection: Some(connection),
            state: State::Unknown,
            files: Files::of(pool),
            since: Instant::now(),
        };
        DB::TransactionManager::begin(&mut held, None).await?;
        held.state = State::Open;
        Ok(held)
    }

    pub(super) async fn commit(&mut self) -> Result<(), Error> {
        self.state = State::Unknown;
        if self.depth() > 1 {
            // A savepoint that was dropped counts until SQLite's thread has rolled it back. It answers in turn.
            self.ping().await?;
        }
        // A savepoint that cannot be set takes the whole transaction back, and sqlx's commit of none succeeds. One that was
        // never released would be all that is committed.
        if self.depth() != 1 {
            return Err(Error::Protocol(
                "cannot commit: the transaction was rolled back, or a savepoint in it is still open; \
                 expected it to be open, with all savepoints released"
                    .to_owned(),
            ));
        }
        if DB::NAME == "PostgreSQL" {
            // It answers the `COMMIT` of a transaction that has failed, or that a statement has ended, by storing nothing, and
            // calls that a success. A savepoint is an error there. Its rollback is sent along with the `COMMIT`.
            DB::TransactionManager::begin(self, None).await?;
            DB::TransactionManager::start_rollback(self);
        }
        DB::TransactionManager::commit(self).await?;
        self.files.committed_within(self.since.elapsed())?;
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

impl<DB: Database> Deref for Held<DB> {
    type Target = DB::Connection;

    #[expect(clippy::unreachable, reason = "only drop takes the connection out")]
    fn deref(&self) -> &Self::Target {
        match &self.connection {
            Some(connection) => connection,
            None => unreachable!("the transaction has been dropped"),
        }
    }
}

impl<DB: Database> DerefMut for Held<DB> {
    #[expect(clippy::unreachable, reason = "only drop takes the connection out")]
    fn deref_mut(&mut self) -> &mut Self::Target {
        match &mut self.connection {
            Some(connection) => connection,
            None => unreachable!("the transaction has been dropped"),
        }
    }
}

impl<DB: Database> Drop for Held<DB> {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else {
            return;
        };
        match (self.state, Handle::try_current()) {
            // Back to the pool.
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

/// Whether a connection is in no transaction, whatever has begun it: sqlx, or a statement. It must not serve others if so.
pub(super) async fn is_idle<DB: Database>(connection: &mut DB::Connection) -> bool {
    match DB::NAME {
        // Asks for a transaction by a statement that begins none: sqlx then looks at what the database says about the
        // connection, and fails with `BeginFailed` outside of transactions. In one that has failed, the statement fails.
        "PostgreSQL" | "SQLite" => {
            let begun = connection.begin_with("SELECT 1").await;
            matches!(begun, Err(Error::BeginFailed))
        }
        _ => connection.ping().await.is_ok() && !connection.is_in_transaction(),
    }
}
