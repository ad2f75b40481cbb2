-- Claims of scheduled runs, and the time of each job's last success. firstlight::sqlx::CronStore reads and writes this table.
CREATE TABLE firstlight_cron (
    name          TEXT PRIMARY KEY,
    scheduled_for BIGINT NOT NULL, -- the latest scheduled time that was claimed
    holder        TEXT NOT NULL,   -- the process that claimed it
    leased_until  BIGINT,          -- NULL once its run has succeeded or failed
    last_success  BIGINT,
    first_seen    BIGINT           -- all times in milliseconds since 1970, UTC
);
