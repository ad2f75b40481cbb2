//! The wrapper of calls of any client of a database or a cache.

use std::{
    any::Any,
    fmt,
    future::Future,
    panic::{AssertUnwindSafe, Location, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;

use super::{
    call::{Call, ClientPart},
    call_future::CallFuture,
    failure::Failure,
    server::Server,
    statement::{Statement, command, cut, statement_of, with_collection},
};
use crate::error_type::error_type;

/// Longest status code in bytes.
///
/// The codes of databases have at most some twenty characters.
const MAX_CODE: usize = 64;

/// Returns the status code of an error that is of a certain type.
type StatusCode = Arc<dyn Fn(&dyn Any) -> Option<String> + Send + Sync>;

/// Returns the wrapper for the calls of one client of a database or a cache.
///
/// `system` is a value of
/// [`db.system.name`](https://opentelemetry.io/docs/specs/semconv/registry/attributes/db/#db-system-name), such as
/// `redis`, `postgresql`, `mongodb` or `clickhouse`. Create the wrapper once, beside the client, and clone it. A clone costs
/// as much as that of an [`Arc`].
///
/// ```
/// # use std::io;
/// # async fn get(_: &str) -> io::Result<Option<String>> { Ok(None) }
/// # async fn example() -> io::Result<()> {
/// let redis = firstlight::db::client("redis").server("cache", 6379);
///
/// let session = redis.call("GET", get("session:7")).await?;
/// let order = redis.call("GET", get("order:7")).collection("orders").await?;
/// # drop((session, order));
/// # Ok(())
/// # }
/// ```
pub fn client(system: &'static str) -> Client {
    Client {
        server: Arc::new(Server::of_system(system)),
        codes: Arc::default(),
    }
}

/// A wrapper for the calls of one client, which [`client`] creates.
#[derive(Clone)]
pub struct Client {
    server: Arc<Server>,
    codes: Arc<Vec<StatusCode>>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// Takes address, port and database from a URL, such as `redis://cache:6379/0`.
    ///
    /// The user and the password are not read. Of a URL that is not understood, nothing is taken.
    #[must_use]
    pub fn url(mut self, url: &str) -> Self {
        let server = Server::of_system(self.server.system).at(url);
        self.server = Arc::new(server);
        self
    }

    /// Sets the address and the port of the server.
    #[must_use]
    pub fn server(mut self, address: impl Into<String>, port: u16) -> Self {
        Arc::make_mut(&mut self.server).set_address(address.into(), port);
        self
    }

    /// Sets the name of the database on the server.
    ///
    /// Of Redis it is the number.
    #[must_use]
    pub fn namespace(mut self, name: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.server).set_namespace(name.into());
        self
    }

    /// Takes the status codes of errors of the type `E` from this function.
    ///
    /// The code is `db.response.status_code` and `error.type`, such as an SQLSTATE or the first word of an error of Redis. It
    /// must be one of a few values. May be called for several types of errors. Without a code, `error.type` is the name of
    /// the error's type, or a word for an I/O error.
    ///
    /// ```
    /// # struct RedisError;
    /// # impl RedisError { fn code(&self) -> Option<&str> { None } }
    /// let redis = firstlight::db::client("redis")
    ///     .status_code(|error: &RedisError| error.code().map(str::to_owned));
    /// ```
    #[must_use]
    pub fn status_code<E: 'static>(
        mut self,
        code: impl Fn(&E) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        let code: StatusCode = Arc::new(move |error| code(error.downcast_ref()?));
        Arc::make_mut(&mut self.codes).push(code);
        self
    }

    /// Instruments a command, such as `GET` of Redis.
    ///
    /// The name of the operation is a part of labels. Its type allows only names that are written in the source.
    #[track_caller]
    pub fn call<F>(&self, operation: &'static str, future: F) -> ClientCall<F> {
        self.instrumented(Work::Command(operation), future)
    }

    /// Instruments a query in SQL.
    ///
    /// The name of the span is the summary of the query, such as `SELECT orders`. Its text has `?` for each literal. The
    /// query counts toward the queries of the current request, and is a part of the warning about an N+1.
    #[track_caller]
    pub fn query<F>(&self, sql: &str, future: F) -> ClientCall<F> {
        let statement = statement_of(sql, self.server.system);
        self.instrumented(Work::Query(statement), future)
    }

    #[track_caller]
    fn instrumented<F>(&self, work: Work, future: F) -> ClientCall<F> {
        ClientCall {
            future: CallFuture::new(future),
            client: self.clone(),
            work,
            collection: None,
            site: Location::caller(),
        }
    }

    /// Classifies an error.
    fn failure<E: 'static>(&self, error: &E) -> Failure {
        // The functions are the program's, so a panic in one must not reach the call.
        let code_of = |code: &StatusCode| catch_unwind(AssertUnwindSafe(|| code(error)));
        let mut codes = self.codes.iter();
        match codes.find_map(|code| code_of(code).ok().flatten()) {
            Some(code) => Failure::code(cut(&code, MAX_CODE).to_owned()),
            None => Failure::word(error_type(error)),
        }
    }
}

/// What a call does.
#[derive(Debug, Clone)]
enum Work {
    Command(&'static str),
    Query(Arc<Statement>),
}

pin_project! {
    /// The future of [`Client::call`] and [`Client::query`].
    ///
    /// The span starts at the first poll. If the future is dropped before its end, the span has
    /// `sql.query.outcome=dropped`, and there is no sample.
    #[must_use = "futures do nothing unless polled"]
    pub struct ClientCall<F> {
        #[pin]
        future: CallFuture<F>,
        client: Client,
        work: Work,
        collection: Option<&'static str>,
        site: &'static Location<'static>,
    }
}

impl<F> fmt::Debug for ClientCall<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCall")
            .field("client", &self.client)
            .field("work", &self.work)
            .finish_non_exhaustive()
    }
}

impl<F> ClientCall<F> {
    /// Sets the collection: a table, a bucket, a kind of keys.
    ///
    /// It is a part of labels, so its type allows only names that are written in the source.
    pub fn collection(mut self, name: &'static str) -> Self {
        self.collection = Some(name);
        self
    }
}

impl<F, T, E> Future for ClientCall<F>
where
    F: Future<Output = Result<T, E>>,
    E: 'static,
{
    type Output = Result<T, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let client = &*this.client;
        let start = || {
            let (statement, is_query) = match (&*this.work, *this.collection) {
                (Work::Command(operation), collection) => (command(operation, collection), false),
                (Work::Query(statement), None) => (Arc::clone(statement), true),
                (Work::Query(statement), Some(name)) => (with_collection(statement, name), true),
            };
            let part = ClientPart::new(Arc::clone(&client.server), is_query);
            Call::start_of_client(this.site, statement, part)
        };
        this.future
            .poll_call(context, start, |error| Some(client.failure(error)))
    }
}

#[cfg(all(test, feature = "testing"))]
mod tests;
