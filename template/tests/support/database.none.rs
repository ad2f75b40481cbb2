//! A stand-in for the database of services without one.

/// A database that does not exist.
pub struct Database;

impl Database {
    pub fn new() -> Self {
        Self
    }

    /// Environment variables for the service.
    pub fn variables(&self) -> [(&'static str, String); 0] {
        []
    }
}
