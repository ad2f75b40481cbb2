//! The entity that each series describes, and aggregations that merge entities.
//!
//! A sum over several entities hides the one that is unhealthy. Different services are different entities. Within a
//! service, events may be summed over its instances. A pool, a runtime and memory belong to one instance. A queue, a
//! schedule and a type of data are entities of their own.

use promql_parser::parser::{Expr, LabelModifier};

use super::{expr, promql::service_labels};

/// The labels of an entity besides those of its service, by prefix of the series.
///
/// The first matching prefix applies.
const LABELS: &[(&str, &[&str])] = &[
    (
        "db_client_connection_timeouts",
        &["db_client_connection_pool_name"],
    ),
    (
        "db_client_connection_",
        &["instance", "db_client_connection_pool_name"],
    ),
    ("worker_queue_up", &["instance", "queue"]),
    ("worker_", &["queue"]),
    // Concurrent runs are counted per service, over all of its schedules.
    ("cron_running", &[]),
    ("cron_", &["cron"]),
    ("data_", &["data_type"]),
    ("metrics_", &["metric"]),
    // Restarts are counted per service, not per process.
    ("process_start_time_seconds", &[]),
    ("process_", &["instance"]),
    ("tokio_", &["instance"]),
    ("rpc_", &[]),
    ("pg_stat_database_", &["instance", "server", "datname"]),
    ("pg_", &["instance", "server"]),
];

/// Operators that combine several values into one.
///
/// Other operators, such as `max` and `topk`, select the value of one entity.
const MERGING: [&str; 6] = ["sum", "avg", "count", "stddev", "stdvar", "quantile"];

/// The labels that identify the entity of a series.
fn entity_labels(series: &str) -> Vec<&'static str> {
    let labels = LABELS.iter().find(|(start, _)| series.starts_with(start));
    service_labels(labels.map_or(&[], |(_, labels)| labels))
}

/// Each aggregation that merges several entities, with the labels that it drops.
pub(crate) fn merged(tree: &Expr) -> Vec<String> {
    let mut merged = Vec::new();
    expr::walk(tree, &mut |node, _| {
        let Expr::Aggregate(aggregate) = node else {
            return;
        };
        if !MERGING.contains(&aggregate.op.to_string().as_str()) {
            return;
        }
        let keeps = |label: &str| match &aggregate.modifier {
            Some(LabelModifier::Include(by)) => by.labels.iter().any(|kept| kept == label),
            Some(LabelModifier::Exclude(without)) => {
                without.labels.iter().all(|gone| gone != label)
            }
            None => false,
        };
        let selectors = expr::selectors(&aggregate.expr).into_iter();
        let mut lost: Vec<_> = selectors
            .filter_map(|selector| selector.name.as_deref())
            .flat_map(entity_labels)
            .filter(|label| !keeps(label) && expr::labels(&aggregate.expr).has(label))
            .collect();
        lost.sort_unstable();
        lost.dedup();
        if !lost.is_empty() {
            merged.push(format!(
                "{aggregate} merges entities that differ in {}",
                lost.join(", ")
            ));
        }
    });
    merged
}

#[cfg(test)]
mod tests {
    use super::merged;
    use crate::expr;

    /// The number of aggregations that merge entities, or `None` for an invalid query.
    fn objections(query: &str) -> Option<usize> {
        expr::parse(query).ok().map(|tree| merged(&tree).len())
    }

    #[test]
    fn services_are_not_merged() {
        assert_eq!(objections("sum by (job) (up)"), Some(1));
        assert_eq!(objections("sum by (cluster, namespace, job) (up)"), Some(0));
        assert_eq!(
            objections("max(sum by (cluster, namespace, job) (up))"),
            Some(0)
        );
        assert_eq!(
            objections("sum(max by (cluster, namespace, job) (up))"),
            Some(1)
        );
    }

    #[test]
    fn pools_and_processes_are_not_merged() {
        let pools = |by| {
            objections(&format!(
                "histogram_quantile(0.99, sum by (cluster, namespace, job, {by}le) (rate(db_client_connection_wait_time_seconds_bucket[5m])))"
            ))
        };
        assert_eq!(pools("db_client_connection_pool_name, "), Some(1));
        assert_eq!(pools("instance, db_client_connection_pool_name, "), Some(0));
        assert_eq!(
            objections("avg by (cluster, namespace, job) (tokio_workers)"),
            Some(1)
        );
    }

    #[test]
    fn max_and_topk_do_not_merge() {
        assert_eq!(objections("max(process_resident_memory_bytes)"), Some(0));
        assert_eq!(
            objections("topk(10, process_resident_memory_bytes)"),
            Some(0)
        );
    }
}
