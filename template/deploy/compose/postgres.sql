-- Run once, by a database container that is new. After a change: docker compose ... rm -sfv database

-- Which statements cost most. compose.yaml has loaded it; this makes it visible.
CREATE EXTENSION pg_stat_statements;

-- Sees what the server does, and no row of a table.
CREATE ROLE exporter LOGIN CONNECTION LIMIT 5 IN ROLE pg_monitor;
