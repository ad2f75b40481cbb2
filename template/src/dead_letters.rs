//! Jobs that failed for good, of every queue. They are no endpoint, because a client that may order something may not order
//! this: the program itself lists them, and tries them again.
//!
//! ```sh
//! {{project-name}} --dead-letters        # a line for each: its queue, its id, its attempts, the job, how it failed
//! {{project-name}} --retry-dead-letters  # all of them, from their first attempt; or those whose ids follow
//! ```

use std::error::Error;

use firstlight::jobs::apalis::{dead_letters, retry_dead_letters};

use crate::{
    config::Config,
    store::{self, Store},
};

/// Prints all of them.
pub async fn list() -> Result<(), Box<dyn Error>> {
    let letters = dead_letters(&store().await?).await?;
    for letter in &letters {
        println!("{letter}");
    }
    eprintln!("{} dead letters", letters.len());
    Ok(())
}

/// Gives those with these ids to the workers again; all of them, if there is no id.
pub async fn retry(ids: &[String]) -> Result<(), Box<dyn Error>> {
    let retried = retry_dead_letters(&store().await?, ids).await?;
    eprintln!("{retried} dead letters will be tried again");
    Ok(())
}

async fn store() -> Result<Store, Box<dyn Error>> {
    Ok(store::connect(&Config::from_env()?).await?)
}
