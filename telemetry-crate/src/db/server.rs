//! The attributes of the database to which all statements are sent.
//!
//! sqlx's events do not name the database. If all instrumented pools are of the same database, its
//! attributes are true of every statement. Otherwise only a common system is.

use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use arc_swap::ArcSwap;
use opentelemetry::KeyValue;

use super::{attributes::AttributeValue, place::Place, statement::forget_all};

/// Fallback of `db.system.name` for other databases in the semantic conventions.
const OTHER_SQL: &str = "other_sql";

/// The attributes of one database, or those that several have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Server {
    /// `db.system.name`.
    pub(crate) system: &'static str,
    pub(super) namespace: Option<Arc<str>>,
    pub(super) address: Option<Arc<str>>,
    pub(super) port: Option<u16>,
}

/// The attributes that all instrumented pools have in common.
#[derive(Debug)]
pub(super) struct CommonAttributes {
    pub(super) server: Arc<Server>,
    /// The name of the pool, if there is only one.
    pub(super) pool: Option<String>,
}

static COMMON: LazyLock<ArcSwap<CommonAttributes>> = LazyLock::new(|| {
    ArcSwap::from_pointee(CommonAttributes {
        server: Arc::new(Server::of_system(OTHER_SQL)),
        pool: None,
    })
});

/// What all URLs of [`describe`] have in common, and the databases of the pools.
static DESCRIBED: Mutex<Described> = Mutex::new(Described {
    by_url: None,
    by_pools: false,
});

struct Described {
    by_url: Option<Server>,
    by_pools: bool,
}

/// Returns the attributes that every statement has.
pub(super) fn common_attributes() -> arc_swap::Guard<Arc<CommonAttributes>> {
    COMMON.load()
}

/// Sets the attributes from all pools; called when a pool is added or closed.
pub(super) fn set_common_attributes(pools: &[(&Server, &str)]) {
    let mut described = DESCRIBED.lock().unwrap_or_else(PoisonError::into_inner);
    let servers = pools.iter().map(|(server, _)| (*server).clone());
    let server = servers.reduce(Server::in_common);
    described.by_pools = server.is_some();
    let server = server.or_else(|| described.by_url.clone());
    store(CommonAttributes {
        server: Arc::new(server.unwrap_or_else(|| Server::of_system(OTHER_SQL))),
        pool: match pools {
            [(_, name)] => Some((*name).to_owned()),
            _ => None,
        },
    });
}

fn store(new: CommonAttributes) {
    let is_other = new.server != common_attributes().server;
    COMMON.store(Arc::new(new));
    if is_other {
        forget_all();
    }
}

/// Sets the database of all statements of sqlx from a URL.
///
/// The URL is one that sqlx accepts, such as the value of `DATABASE_URL`.
/// Use it for a program whose pool is not instrumented. The spans get the attributes `db.system.name`, `db.namespace`,
/// `server.address` and `server.port`, which sqlx's events do not have. The user and the password are not read. URLs
/// of PostgreSQL, MySQL, MariaDB and SQLite are known. Returns `false` for any other text, which changes nothing.
///
/// As long as there are instrumented pools, their attributes are used instead. After calls with different databases, the
/// attributes that they have in common remain.
///
/// ```
/// assert!(firstlight::db::describe("postgres://ada:secret@db/orders"));
/// assert!(!firstlight::db::describe("orders"));
/// ```
pub fn describe(url: &str) -> bool {
    let Some(server) = Server::from_url(url) else {
        return false;
    };
    let mut described = DESCRIBED.lock().unwrap_or_else(PoisonError::into_inner);
    let server = match described.by_url.take() {
        Some(before) => before.in_common(server),
        None => server,
    };
    described.by_url = Some(server.clone());
    if !described.by_pools {
        store(CommonAttributes {
            server: Arc::new(server),
            pool: None,
        });
    }
    true
}

impl Server {
    /// A server of which only `db.system.name` is known.
    pub(super) fn of_system(system: &'static str) -> Self {
        Self {
            system,
            namespace: None,
            address: None,
            port: None,
        }
    }

    /// The server of a driver of sqlx, by the name of the driver.
    #[cfg(any(feature = "sqlx", feature = "sqlx-08"))]
    pub(crate) fn of_driver(name: &str) -> Self {
        Self::of_system(system_name(name))
    }

    /// The server in a URL of sqlx, with the default port of the system.
    fn from_url(url: &str) -> Option<Self> {
        let (scheme, _) = url.split_once(':')?;
        let (system, port) = match scheme {
            "postgres" | "postgresql" => ("postgresql", 5432),
            "mysql" => ("mysql", 3306),
            "mariadb" => ("mariadb", 3306),
            // A file has no address.
            "sqlite" => return Some(Self::of_system("sqlite")),
            _ => return None,
        };
        let mut server = Self::of_system(system).at(url);
        let is_host = |address: &Arc<str>| !address.starts_with('/');
        if server.port.is_none() && server.address.as_ref().is_some_and(is_host) {
            server.port = Some(port);
        }
        Some(server)
    }

    /// The server at the address in a URL.
    pub(crate) fn at(self, url: &str) -> Self {
        let Place {
            namespace,
            address,
            port,
        } = Place::from_url(url);
        Self {
            namespace: namespace.map(Arc::from),
            address: address.map(Arc::from),
            port,
            ..self
        }
    }

    pub(super) fn set_address(&mut self, address: String, port: u16) {
        self.address = Some(address.into());
        self.port = Some(port);
    }

    pub(super) fn set_namespace(&mut self, name: String) {
        self.namespace = Some(name.into());
    }

    /// Returns the same database, or else only a common system.
    fn in_common(self, other: Self) -> Self {
        if self == other {
            self
        } else if self.system == other.system {
            Self::of_system(self.system)
        } else {
            Self::of_system(OTHER_SQL)
        }
    }

    /// Returns the default `db.client.connection.pool.name`.
    ///
    /// The semantic conventions compose it of address, port and namespace.
    #[cfg(any(feature = "sqlx", feature = "sqlx-08"))]
    pub(crate) fn default_pool_name(&self) -> String {
        let Some(address) = &self.address else {
            return self.system.to_owned();
        };
        let port = self.port.map(|port| format!(":{port}"));
        let namespace = self.namespace.as_ref().map(|name| format!("/{name}"));
        address.to_string() + &port.unwrap_or_default() + &namespace.unwrap_or_default()
    }

    /// Visits the attributes; `system` replaces that of the server.
    pub(super) fn visit(
        &self,
        system: &'static str,
        visit: &mut impl FnMut(&'static str, AttributeValue<'_>),
    ) {
        visit("db.system.name", AttributeValue::Word(system));
        if let Some(namespace) = &self.namespace {
            visit("db.namespace", AttributeValue::Text(namespace));
        }
        if let Some(address) = &self.address {
            visit("server.address", AttributeValue::Text(address));
        }
        if let Some(port) = self.port {
            visit("server.port", AttributeValue::Number(port.into()));
        }
    }

    /// The attributes with the server's own system.
    pub(super) fn attributes(&self) -> Vec<KeyValue> {
        let mut attributes = Vec::with_capacity(4);
        self.visit(self.system, &mut |key, value| {
            attributes.push(KeyValue::new(key, value));
        });
        attributes
    }
}

/// Returns `db.system.name` by the semantic conventions, for a driver of sqlx.
#[cfg(any(feature = "sqlx", feature = "sqlx-08"))]
pub(crate) fn system_name(driver: &str) -> &'static str {
    match driver {
        "PostgreSQL" => "postgresql",
        "SQLite" => "sqlite",
        "MySQL" => "mysql",
        _ => OTHER_SQL,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::Server;

    #[test]
    fn different_databases_share_the_system() {
        let orders = Server {
            system: "postgresql",
            namespace: Some("orders".into()),
            address: Some("db".into()),
            port: Some(5432),
        };
        assert_eq!(orders.default_pool_name(), "db:5432/orders");
        let users = Server {
            namespace: Some("users".into()),
            ..orders.clone()
        };
        let both = orders.clone().in_common(users);
        assert_eq!((both.system, both.namespace), ("postgresql", None));
        let sqlite = Server::of_system("sqlite");
        assert_eq!(orders.in_common(sqlite).system, "other_sql");
    }

    #[test]
    fn urls_have_default_ports() {
        let of = |url| Server::from_url(url).map(|it| (it.system, it.address, it.port));
        let db: Option<Arc<str>> = Some("db".into());
        assert_eq!(
            of("postgres://ada:x@db/o"),
            Some(("postgresql", db.clone(), Some(5432)))
        );
        assert_eq!(of("mysql://db:33/o"), Some(("mysql", db.clone(), Some(33))));
        assert_eq!(of("mariadb://db"), Some(("mariadb", db, Some(3306))));
        let socket = of("postgres:///o?host=/run");
        assert_eq!(socket, Some(("postgresql", Some("/run".into()), None)));
        for file in ["sqlite::memory:", "sqlite://orders.db", "sqlite:orders.db"] {
            assert_eq!(of(file), Some(("sqlite", None, None)));
        }
        for other in ["", "orders", "http://db", "postgres"] {
            assert_eq!(of(other), None);
        }
    }
}
