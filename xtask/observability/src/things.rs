//! What is one thing of a service: what may be added up, and what hides the one that is ill if it is.
//!
//! Two services are never one thing. Within one, what happened may be added up over its instances; a pool, a runtime and the
//! memory belong to one instance, and a queue, a schedule and a type of data stand for themselves.

use promql_parser::parser::{Expr, LabelModifier};

use super::{expr, promql::of_service};

/// The labels beside those of the service, by the beginning of a series' name; the first that fits holds.
const PARTS: &[(&str, &[&str])] = &[
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
    // Runs that meet are those of one service, whatever their schedules.
    ("cron_running", &[]),
    ("cron_", &["cron"]),
    ("data_", &["data_type"]),
    ("metrics_", &["metric"]),
    // How often processes have started is counted, and of no use by process.
    ("process_start_time_seconds", &[]),
    ("process_", &["instance"]),
    ("tokio_", &["instance"]),
    ("rpc_", &[]),
    ("pg_stat_database_", &["instance", "server", "datname"]),
    ("pg_", &["instance", "server"]),
];

/// Operators that make one number of several. The others choose: the largest and the smallest are those of one thing.
const MERGING: [&str; 6] = ["sum", "avg", "count", "stddev", "stdvar", "quantile"];

/// The labels of the one thing that a series is of.
fn of(series: &str) -> Vec<&'static str> {
    let parts = PARTS.iter().find(|(start, _)| series.starts_with(start));
    of_service(parts.map_or(&[], |(_, labels)| labels))
}

/// Each aggregation that makes one number of several things, with the labels that it loses.
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
            .flat_map(of)
            .filter(|label| !keeps(label) && expr::labels(&aggregate.expr).has(label))
            .collect();
        lost.sort_unstable();
        lost.dedup();
        if !lost.is_empty() {
            merged.push(format!(
                "{aggregate} adds up what differs in {}",
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

    fn objections(query: &str) -> Option<usize> {
        expr::parse(query).ok().map(|tree| merged(&tree).len())
    }

    #[test]
    fn services_are_never_added_up() {
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
    fn pools_and_processes_stay_apart() {
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
    fn the_largest_of_several_hides_none() {
        assert_eq!(objections("max(process_resident_memory_bytes)"), Some(0));
        assert_eq!(
            objections("topk(10, process_resident_memory_bytes)"),
            Some(0)
        );
    }
}
