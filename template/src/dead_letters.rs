//! Jobs that failed for good. They are no endpoint, because whoever may order something may not order this: the program
//! itself lists them, and tries them again.
//!
//! ```sh
//! {{project-name}} --dead-letters        # a line for each: its id, its attempts, the job, how it failed
//! {{project-name}} --retry-dead-letters  # all of them, from their first attempt; or those whose ids follow
//! ```

use std::error::Error;

use crate::{
    config::Config,
    jobs::QUEUE,
    store::{self, Store},
};

/// Jobs that were tried as often as they may be, or that gave up themselves.
const LIST: &str = "
    SELECT id, attempts, job, CAST(last_result AS TEXT) FROM {% if store == "sqlite" %}Jobs{% else %}apalis.jobs{% endif %}
    WHERE job_type = $1 AND (status = 'Killed' OR (status = 'Failed' AND attempts >= max_attempts))
    ORDER BY run_at";
const RETRY: &str = "
    UPDATE {% if store == "sqlite" %}Jobs{% else %}apalis.jobs{% endif %}
    SET status = 'Pending', attempts = 0, run_at = {% if store == "sqlite" %}unixepoch(){% else %}now(){% endif %}, lock_at = NULL, lock_by = NULL, done_at = NULL
    WHERE job_type = $1 AND (status = 'Killed' OR (status = 'Failed' AND attempts >= max_attempts))
        AND ($2 IS NULL OR id = $2)";

/// Prints all of them.
pub async fn list() -> Result<(), Box<dyn Error>> {
    let rows: Vec<(String, {% if store == "sqlite" %}i64{% else %}i32{% endif %}, Vec<u8>, Option<String>)> = sqlx::query_as(LIST)
        .bind(QUEUE.name())
        .fetch_all(&store().await?)
        .await?;
    for (id, attempts, job, result) in &rows {
        let job = String::from_utf8_lossy(job);
        let result = result.as_deref().unwrap_or("no result");
        println!("{id}\t{attempts} attempts\t{job}\t{result}");
    }
    eprintln!("{} dead letters", rows.len());
    Ok(())
}

/// Gives those with these ids to the worker again; all of them, if there is no id.
pub async fn retry(ids: &[String]) -> Result<(), Box<dyn Error>> {
    let store = store().await?;
    let mut retried = 0;
    if ids.is_empty() {
        retried = retry_one(&store, None).await?;
    }
    for id in ids {
        retried += retry_one(&store, Some(id)).await?;
    }
    eprintln!("{retried} dead letters will be tried again");
    Ok(())
}

async fn retry_one(store: &Store, id: Option<&str>) -> Result<u64, sqlx::Error> {
    let query = sqlx::query(RETRY).bind(QUEUE.name()).bind(id);
    Ok(query.execute(store).await?.rows_affected())
}

async fn store() -> Result<Store, Box<dyn Error>> {
    Ok(store::connect(&Config::from_env()?).await?)
}
