-- Who runs which tick of a schedule, and when it last succeeded: what firstlight::sqlx::CronStore reads and writes.
CREATE TABLE firstlight_cron (
    name          TEXT PRIMARY KEY,
    scheduled_for BIGINT NOT NULL, -- the latest tick that was claimed
    holder        TEXT NOT NULL,   -- by whom
    leased_until  BIGINT,          -- NULL once its run has ended
    last_success  BIGINT,
    first_seen    BIGINT           -- all of them milliseconds since 1970, UTC
);
