//! Known metrics that the library does not export, with their labels.
//!
//! They come from Prometheus, its recording rules, postgres_exporter, and services of the template.

use super::{example_metrics, promql::service_labels};

/// Scraped metrics of Prometheus and its exporters, with their labels.
const SCRAPED: &[(&str, &[&str])] = &[
    ("up", &[]),
    ("scrape_duration_seconds", &[]),
    ("scrape_samples_scraped", &[]),
    ("pg_blocked_sessions", &["server"]),
    ("pg_locks_count", &["datname", "mode", "server"]),
    ("pg_replication_lag_seconds", &["server"]),
    ("pg_settings_max_connections", &["server"]),
    ("pg_stat_activity_count", &["datname", "state", "server"]),
    (
        "pg_stat_activity_max_tx_duration",
        &["datname", "state", "server"],
    ),
    ("pg_stat_database_blks_hit", &["datid", "datname", "server"]),
    (
        "pg_stat_database_blks_read",
        &["datid", "datname", "server"],
    ),
    (
        "pg_stat_database_deadlocks",
        &["datid", "datname", "server"],
    ),
    (
        "pg_stat_replication_pg_wal_lsn_diff",
        &[
            "application_name",
            "client_addr",
            "server",
            "slot_name",
            "state",
        ],
    ),
    (
        "pg_stat_statements_calls_total",
        &["datname", "queryid", "query", "server"],
    ),
    (
        "pg_stat_statements_rows_total",
        &["datname", "queryid", "query", "server"],
    ),
    (
        "pg_stat_statements_seconds_total",
        &["datname", "queryid", "query", "server"],
    ),
    (
        "pg_stat_user_tables_n_dead_tup",
        &["datname", "schemaname", "relname", "server"],
    ),
    ("pg_up", &[]),
];

/// Recorded series, with their labels besides those of a service.
///
/// Most have no `instance`, because the rules aggregate over all instances.
const RECORDED: &[(&str, &[&str])] = &[
    ("ALERTS", &["alertname", "severity", "alertstate"]),
    ("service:firstlight:seen1d", &[]),
    ("service:target:known", &[]),
    ("slo:availability:declared_objective_ratio", &[]),
    ("slo:latency:declared_objective_ratio", &[]),
    ("slo:latency:declared_objective_seconds", &[]),
    ("slo:availability:service_declared_objective_ratio", &[]),
    ("slo:latency:service_declared_objective_ratio", &[]),
    ("slo:latency:service_declared_objective_seconds", &[]),
    ("slo:availability:objective_ratio", &[]),
    ("slo:latency:objective_ratio", &[]),
    ("slo:latency:objective_seconds", &[]),
    ("slo:latency:objective_bucket_seconds", &["le"]),
    ("instance:process_start:first5m", &["instance"]),
    ("instance:process_start:continued5m", &["instance"]),
    ("instance:process_start:known5m", &["instance"]),
    ("instance:process_start:first15m", &["instance"]),
    ("instance:process_start:continued15m", &["instance"]),
    ("instance:process_start:known15m", &["instance"]),
    ("instance:process_start:first1h", &["instance"]),
    ("instance:process_start:continued1h", &["instance"]),
    ("instance:process_start:known1h", &["instance"]),
    ("queue:worker_tasks_dead_lettered:count1h", &["queue"]),
    ("queue:worker_tasks_failed:count1h", &["queue"]),
    ("queue:worker_tasks_ok:count1h", &["queue"]),
    ("queue:worker_queue_oldest_age_seconds:last", &["queue"]),
    ("queue:worker_queue_latency_budget_seconds:last", &["queue"]),
    (
        "pool:db_client_connection_wait_time_seconds:p99_5m",
        &["instance", "db_client_connection_pool_name"],
    ),
    (
        "pool:db_client_connection_timeouts:count5m",
        &["instance", "db_client_connection_pool_name"],
    ),
    (
        "statement:sql_n_plus_one:count1h",
        &["http_route", "rpc_method", "span_name", "db_query_summary"],
    ),
    ("data:staleness_budget:seconds", &["data_type", "le"]),
    ("data:served_age_within_budget:count15m", &["data_type"]),
    ("data:served_age:count15m", &["data_type"]),
    (
        "instance:tokio_scheduler_delay_seconds:p99_5m",
        &["instance"],
    ),
    ("service:otel_sdk_exporter_spans_lost:count5m", &[]),
    ("service:otel_sdk_processor_spans_lost:count5m", &[]),
    ("service:otel_sdk_exporter_logs_lost:count5m", &[]),
    ("service:otel_sdk_processor_logs_lost:count5m", &[]),
    ("service:otel_sdk_exporter_data_points_lost:count5m", &[]),
    ("service:logging_events_dropped:count5m", &[]),
    ("metric:metrics_cardinality_overflow:count15m", &["metric"]),
    ("slo:availability:requests_rate5m", &[]),
    ("slo:availability:errors_rate5m", &[]),
    ("slo:availability:error_ratio_rate5m", &[]),
    ("slo:availability:error_ratio_rate30m", &[]),
    ("slo:availability:error_ratio_rate1h", &[]),
    ("slo:availability:error_ratio_rate2h", &[]),
    ("slo:availability:error_ratio_rate6h", &[]),
    ("slo:availability:error_ratio_rate1d", &[]),
    ("slo:availability:error_ratio_rate3d", &[]),
    ("slo:availability:error_budget_remaining_ratio", &[]),
    ("slo:grpc_availability:requests_rate5m", &[]),
    ("slo:grpc_availability:errors_rate5m", &[]),
    ("slo:grpc_availability:error_ratio_rate5m", &[]),
    ("slo:grpc_availability:error_ratio_rate30m", &[]),
    ("slo:grpc_availability:error_ratio_rate1h", &[]),
    ("slo:grpc_availability:error_ratio_rate2h", &[]),
    ("slo:grpc_availability:error_ratio_rate6h", &[]),
    ("slo:grpc_availability:error_ratio_rate1d", &[]),
    ("slo:grpc_availability:error_ratio_rate3d", &[]),
    ("slo:grpc_availability:error_budget_remaining_ratio", &[]),
    ("slo:latency:requests_rate5m", &[]),
    ("slo:latency:errors_rate5m", &[]),
    ("slo:latency:error_ratio_rate5m", &[]),
    ("slo:latency:error_ratio_rate30m", &[]),
    ("slo:latency:error_ratio_rate1h", &[]),
    ("slo:latency:error_ratio_rate2h", &[]),
    ("slo:latency:error_ratio_rate6h", &[]),
    ("slo:latency:error_ratio_rate1d", &[]),
    ("slo:latency:error_ratio_rate3d", &[]),
    ("slo:latency:error_budget_remaining_ratio", &[]),
];

/// The labels of a foreign series, or `None` if the name is unknown.
pub(crate) fn labels(name: &str) -> Option<Vec<&'static str>> {
    let find = |list: &[(&str, &'static [&'static str])]| {
        list.iter()
            .find(|(known, _)| *known == name)
            .map(|(_, labels)| labels.to_vec())
    };
    let scraped = || find(SCRAPED).or_else(|| example_metrics::labels(name));
    let scraped = || scraped().map(|labels| [labels, service_labels(&["instance"])].concat());
    let recorded = || find(RECORDED).map(|labels| [labels, service_labels(&[])].concat());
    scraped().or_else(recorded)
}

/// Whether the series comes from a recording rule instead of a scrape.
pub(crate) fn is_recorded(name: &str) -> bool {
    RECORDED.iter().any(|(known, _)| *known == name)
}

/// The names of all recorded series, and `ALERTS`.
pub(crate) fn recorded() -> impl Iterator<Item = &'static str> {
    RECORDED.iter().map(|(name, _)| *name)
}

/// The names of all scraped series.
#[cfg(test)]
pub(crate) fn scraped() -> impl Iterator<Item = &'static str> {
    SCRAPED.iter().map(|(name, _)| *name)
}
