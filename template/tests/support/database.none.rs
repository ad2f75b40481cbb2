//! No database: what the service is started with in its place.

pub struct Database;

impl Database {
    pub fn new() -> Self {
        Self
    }

    /// For the environment of the service.
    pub fn variables(&self) -> [(&'static str, String); 0] {
        []
    }
}
