-- A new database container runs this file once. After a change, recreate the container: docker compose ... rm -sfv database

-- Statistics of statements. compose.yaml loads the library; this creates the views.
CREATE EXTENSION pg_stat_statements;

-- The role of the exporter, which sees statistics of the server but no rows of tables.
CREATE ROLE exporter LOGIN CONNECTION LIMIT 5 IN ROLE pg_monitor;
