//! Documents about the metrics that a program declares: a table and a dashboard.
//!
//! ```text
//! &[DeclaredMetric] ─▶ checked ─▶ table.rs     ─▶ a page
//!                              └▶ dashboard.rs ─▶ SERVICE.json
//!                                    └▶ panels.rs ─▶ query.rs
//! ```
//!
//! The dashboard has the form of firstlight's own dashboards.

mod dashboard;
mod panel;
mod panels;
mod query;
mod table;
#[cfg(test)]
mod tests;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{Aliases, Declarations};
use crate::{InitError, declared::DeclaredMetric};

/// A table or a dashboard of the metrics that a program declares, as a file.
///
/// The dashboard is for Grafana 10 to 13 with the data source Prometheus. It has panels for each metric: the rate of a
/// counter, by its labels; the quantiles of a histogram, with exemplars and its objective, the share of samples within
/// the objective, and the rate of samples; the value of a gauge, with its limit.
///
/// Commit both files, and let a test call [`outdated`](Self::outdated): a metric that is renamed, removed or added then
/// fails the test until the files are written again.
///
/// ```
/// use firstlight::metrics::{DeclaredMetric, MetricDocument};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// const ORDERS: DeclaredMetric =
///     DeclaredMetric::counter("orders_accepted_total", "Orders that were accepted.");
///
/// let folder = std::env::temp_dir().join("firstlight-document");
/// let table = MetricDocument::table("orders", &[ORDERS])?;
/// assert_eq!(table.write(&folder)?, folder.join("metrics.md"));
/// assert_eq!(table.outdated(&folder), None);
/// if let Some(dashboard) = MetricDocument::dashboard("orders", &[ORDERS])? {
///     assert_eq!(dashboard.write(&folder)?, folder.join("orders.json"));
/// }
/// # std::fs::remove_dir_all(folder)?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricDocument {
    name: String,
    text: String,
}

impl MetricDocument {
    /// Makes `metrics.md`, a page with a table of the metrics.
    ///
    /// # Errors
    ///
    /// [`InitError::InvalidMetric`] if a declaration cannot work.
    pub fn table(service: &str, metrics: &[DeclaredMetric]) -> Result<Self, InitError> {
        check(metrics)?;
        Ok(Self {
            name: "metrics.md".to_owned(),
            text: table::table(service, metrics),
        })
    }

    /// Makes the dashboard of the metrics, a file with the name of the service.
    ///
    /// Returns `None` if nothing is declared. The `uid` of the dashboard is the name of the service, with `-` for `_`. A
    /// name of more than the 40 characters that Grafana accepts is cut, and ends in a hash.
    ///
    /// # Errors
    ///
    /// [`InitError::InvalidMetric`] if a declaration cannot work.
    pub fn dashboard(service: &str, metrics: &[DeclaredMetric]) -> Result<Option<Self>, InitError> {
        check(metrics)?;
        let dashboard = || Self {
            name: format!("{service}.json"),
            text: format!("{:#}\n", dashboard::dashboard(service, metrics)),
        };
        Ok((!metrics.is_empty()).then(dashboard))
    }

    /// Returns the name of the file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the content of the file.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Writes the file into a folder, and returns its path.
    ///
    /// The folder is created if it does not exist.
    ///
    /// # Errors
    ///
    /// The error of the file system, with the path of the folder or file.
    pub fn write(&self, folder: &Path) -> io::Result<PathBuf> {
        let path = folder.join(&self.name);
        fs::create_dir_all(folder).map_err(explained("create the folder", folder))?;
        fs::write(&path, &self.text).map_err(explained("write", &path))?;
        Ok(path)
    }

    /// Compares the file in a folder with this document.
    ///
    /// Returns a sentence if they differ, with the first different line.
    pub fn outdated(&self, folder: &Path) -> Option<String> {
        let path = folder.join(&self.name);
        let found = match fs::read_to_string(&path) {
            Ok(found) => found,
            Err(error) => return Some(format!("{} cannot be read: {error}", path.display())),
        };
        // Lines, because git may have changed their ends.
        let (mut found, mut expected) = (found.lines(), self.text.lines());
        for line in 1.. {
            let pair = [found.next(), expected.next()];
            if pair == [None, None] {
                break;
            }
            let [found, expected] = pair.map(|line| line.map_or("the end", str::trim));
            if pair[0] != pair[1] {
                return Some(format!(
                    "{}, line {line}: found {found}, expected {expected}",
                    path.display()
                ));
            }
        }
        None
    }
}

/// Adds what failed to an error of the file system.
fn explained(what: &str, path: &Path) -> impl FnOnce(io::Error) -> io::Error {
    move |error| {
        let message = format!("cannot {what} {}: {error}", path.display());
        io::Error::new(error.kind(), message)
    }
}

/// Checks declarations without other settings of the program.
fn check(metrics: &[DeclaredMetric]) -> Result<(), InitError> {
    let own = metrics.iter();
    let buckets = own.filter_map(|metric| Some((metric.name.to_owned(), metric.buckets?.to_vec())));
    let buckets: Vec<_> = buckets.collect();
    Declarations::new(metrics.to_vec(), &buckets, &Aliases::default()).map(drop)
}
