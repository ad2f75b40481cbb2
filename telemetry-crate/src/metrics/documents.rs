//! Documents about the metrics that a program declares: a table and a dashboard.
//!
//! ```text
//! &[DeclaredMetric] ─▶ checked ─▶ table.rs     ─▶ metrics.md
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

/// The table and the dashboard of the metrics that a program declares.
///
/// `metrics.md` has a table of the metrics. `SERVICE.json`, named after the service, is a dashboard for Grafana 10 to
/// 13 with the data source Prometheus. It has panels for each metric: the rate of a counter, by its labels; the rate and
/// the quantiles of a histogram, with exemplars, its objective, and the share of samples within; the value of a gauge,
/// with its limit. A program without declarations has no dashboard.
///
/// Commit both files, and let a test call [`outdated`](Self::outdated): a metric that is renamed, removed or added then
/// fails the test until the files are written again.
///
/// ```
/// use firstlight::metrics::{DeclaredMetric, MetricDocuments};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// const ORDERS: DeclaredMetric =
///     DeclaredMetric::counter("orders_accepted_total", "Orders that were accepted.");
///
/// let documents = MetricDocuments::new("orders", &[ORDERS])?;
/// let folder = std::env::temp_dir().join("firstlight-documents");
/// for file in documents.write(&folder)? {
///     println!("{}", file.display());
/// }
/// assert!(documents.outdated(&folder).is_empty());
/// # std::fs::remove_dir_all(folder)?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricDocuments {
    /// Pairs of a file name and a text.
    files: Vec<(String, String)>,
}

impl MetricDocuments {
    /// Makes the documents of the service with this name.
    ///
    /// # Errors
    ///
    /// [`InitError::InvalidMetric`] if a declaration cannot work.
    pub fn new(service: &str, metrics: &[DeclaredMetric]) -> Result<Self, InitError> {
        let own = metrics.iter();
        let buckets = own.filter_map(|it| Some((it.name.to_owned(), it.buckets?.to_vec())));
        let buckets: Vec<_> = buckets.collect();
        Declarations::new(metrics.to_vec(), &buckets, &Aliases::default())?;
        let mut files = vec![("metrics.md".to_owned(), table::table(service, metrics))];
        if !metrics.is_empty() {
            let dashboard = dashboard::dashboard(service, metrics);
            files.push((format!("{service}.json"), format!("{dashboard:#}\n")));
        }
        Ok(Self { files })
    }

    /// Returns the files, as pairs of a name and a text.
    pub fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(name, text)| (&**name, &**text))
    }

    /// Writes the files into a folder, which is created if it does not exist, and returns their paths.
    ///
    /// # Errors
    ///
    /// The error of the file system, with the path.
    pub fn write(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        let named = |path: &Path, error: io::Error| {
            io::Error::new(error.kind(), format!("{}: {error}", path.display()))
        };
        fs::create_dir_all(folder).map_err(|error| named(folder, error))?;
        let write = |(name, text): (&str, &str)| {
            let path = folder.join(name);
            fs::write(&path, text).map_err(|error| named(&path, error))?;
            Ok(path)
        };
        self.files().map(write).collect()
    }

    /// Compares the files in a folder with these documents.
    ///
    /// Returns one sentence for each file that differs, with its first different line.
    pub fn outdated(&self, folder: &Path) -> Vec<String> {
        self.files()
            .filter_map(|(name, text)| {
                let found = match fs::read_to_string(folder.join(name)) {
                    Ok(found) => found,
                    Err(error) => return Some(format!("{name} cannot be read: {error}")),
                };
                // Git may have changed the ends of lines.
                let (mut found, mut expected) = (found.lines(), text.lines());
                for line in 1.. {
                    let pair = (found.next(), expected.next());
                    if pair == (None, None) {
                        break;
                    }
                    if pair.0 != pair.1 {
                        let [found, expected] =
                            [pair.0, pair.1].map(|line| line.map_or("its end", str::trim));
                        return Some(format!(
                            "{name}, line {line}: found {found}, expected {expected}"
                        ));
                    }
                }
                None
            })
            .collect()
    }
}
