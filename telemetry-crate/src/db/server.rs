//! The attributes of the database to which all statements are sent.
//!
//! sqlx's events do not name the database. If all instrumented pools are of the same database, its
//! attributes are true of every statement. Otherwise only a common system is.

use std::sync::{Arc, LazyLock};

use arc_swap::ArcSwap;
use opentelemetry::KeyValue;

#[cfg(feature = "sqlx")]
use super::place::Place;

/// Fallback of `db.system.name` for other databases in the semantic conventions.
const OTHER_SQL: &str = "other_sql";

/// The attributes of one database, or those that several have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Server {
    /// `db.system.name`.
    pub(crate) system: &'static str,
    pub(super) namespace: Option<String>,
    pub(super) address: Option<String>,
    pub(super) port: Option<u16>,
}

/// The attributes that all instrumented pools have in common.
#[derive(Debug)]
pub(super) struct CommonAttributes {
    pub(super) server: Server,
    /// The name of the pool, if there is only one.
    pub(super) pool: Option<String>,
}

static COMMON: LazyLock<ArcSwap<CommonAttributes>> = LazyLock::new(|| {
    ArcSwap::from_pointee(CommonAttributes {
        server: Server::unknown(),
        pool: None,
    })
});

/// Returns the attributes that every statement has.
pub(super) fn common_attributes() -> Arc<CommonAttributes> {
    COMMON.load_full()
}

/// Sets the attributes from all pools; called when a pool is added or closed.
pub(super) fn set_common_attributes(pools: &[(&Server, &str)]) {
    let servers = pools.iter().map(|(server, _)| (*server).clone());
    COMMON.store(Arc::new(CommonAttributes {
        server: servers
            .reduce(Server::in_common)
            .unwrap_or_else(Server::unknown),
        pool: match pools {
            [(_, name)] => Some((*name).to_owned()),
            _ => None,
        },
    }));
}

impl Server {
    fn unknown() -> Self {
        Self {
            system: OTHER_SQL,
            namespace: None,
            address: None,
            port: None,
        }
    }

    /// The server of a driver of sqlx, by the name of the driver.
    #[cfg(feature = "sqlx")]
    pub(crate) fn of_driver(name: &str) -> Self {
        Self {
            system: system_name(name),
            ..Self::unknown()
        }
    }

    /// The server at the address in a URL.
    #[cfg(feature = "sqlx")]
    pub(crate) fn at(self, url: &str) -> Self {
        let Place {
            namespace,
            address,
            port,
        } = Place::from_url(url);
        Self {
            namespace,
            address,
            port,
            ..self
        }
    }

    /// Returns the same database, or else only a common system.
    fn in_common(self, other: Self) -> Self {
        if self == other {
            self
        } else if self.system == other.system {
            Self {
                system: self.system,
                ..Self::unknown()
            }
        } else {
            Self::unknown()
        }
    }

    /// Returns the default `db.client.connection.pool.name`.
    ///
    /// The semantic conventions compose it of address, port and namespace.
    #[cfg(feature = "sqlx")]
    pub(crate) fn default_pool_name(&self) -> String {
        let Some(address) = &self.address else {
            return self.system.to_owned();
        };
        let port = self.port.map(|port| format!(":{port}"));
        let namespace = self.namespace.as_ref().map(|name| format!("/{name}"));
        address.clone() + &port.unwrap_or_default() + &namespace.unwrap_or_default()
    }

    pub(super) fn attributes(
        &self,
        system: &'static str,
    ) -> impl Iterator<Item = KeyValue> + use<'_> {
        let text = |key: &'static str, value: &Option<String>| {
            value.clone().map(|value| KeyValue::new(key, value))
        };
        [
            Some(KeyValue::new("db.system.name", system)),
            text("db.namespace", &self.namespace),
            text("server.address", &self.address),
            self.port
                .map(|port| KeyValue::new("server.port", i64::from(port))),
        ]
        .into_iter()
        .flatten()
    }
}

/// Returns `db.system.name` by the semantic conventions, for a driver of sqlx.
#[cfg(feature = "sqlx")]
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
    use super::Server;

    #[test]
    fn different_databases_share_the_system() {
        let orders = Server {
            system: "postgresql",
            namespace: Some("orders".to_owned()),
            address: Some("db".to_owned()),
            port: Some(5432),
        };
        assert_eq!(orders.default_pool_name(), "db:5432/orders");
        let users = Server {
            namespace: Some("users".to_owned()),
            ..orders.clone()
        };
        let both = orders.clone().in_common(users);
        assert_eq!((both.system, both.namespace), ("postgresql", None));
        let sqlite = Server {
            system: "sqlite",
            ..Server::unknown()
        };
        assert_eq!(orders.in_common(sqlite).system, "other_sql");
    }
}
