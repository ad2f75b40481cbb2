//! Tests of the store of schedules in both databases.

use std::{
    fmt::Debug,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use firstlight::{
    cron::{Claim, ClaimRequest, RunOutcome, Store},
    sqlx::CronStore,
};
use sqlx::{SqlitePool, sqlite::SqliteConnectOptions};

use crate::{on_runtime, postgres};

pub(crate) const TESTS: &[(&str, fn())] = &[
    ("cron_store::sqlite_grants_a_tick_once", || {
        on_runtime(async {
            let file = File::new("cron-once");
            once(&CronStore::new(file.open().await)).await;
        });
    }),
    ("cron_store::sqlite_takes_over_expired_leases", || {
        on_runtime(async {
            let file = File::new("cron-lease");
            take_over(&CronStore::new(file.open().await)).await;
        });
    }),
    ("cron_store::sqlite_grants_one_of_many", || {
        on_runtime(async {
            let file = File::new("cron-many");
            let pool = file.open().await;
            many((0..8).map(|_| CronStore::new(pool.clone())).collect()).await;
        });
    }),
];

pub(crate) const POSTGRES_TESTS: &[(&str, fn())] = &[
    ("cron_store::postgres_grants_a_tick_once", || {
        on_runtime(async { once(&CronStore::new(postgres::schema("cron_once").await)).await });
    }),
    ("cron_store::postgres_takes_over_expired_leases", || {
        on_runtime(async {
            take_over(&CronStore::new(postgres::schema("cron_lease").await)).await
        });
    }),
    ("cron_store::postgres_grants_one_of_many", || {
        on_runtime(async {
            let pool = postgres::schema("cron_many").await;
            many((0..8).map(|_| CronStore::new(pool.clone())).collect()).await;
        });
    }),
];

/// Duration of a lease, which no test exceeds.
const LEASE: Duration = Duration::from_secs(60);

/// Returns the time of a scheduled run.
fn tick(minute: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_700_000_000 + 60 * minute)
}

/// Tests that a tick is granted once, and that only its holder finishes it.
async fn once<S: Store<Error: Debug>>(store: &S) {
    let request = |minute| ClaimRequest::new("a", tick(minute), "me");
    let claim = async |minute| store.claim(request(minute), LEASE).await.unwrap();
    assert_eq!(store.last_success("a").await.unwrap(), None);
    let first_seen = async |minute| store.first_seen("a", tick(minute)).await.unwrap();
    assert_eq!(first_seen(0).await, tick(0));
    assert_eq!(claim(1).await, Claim::Granted);
    assert_eq!(
        first_seen(5).await,
        tick(0),
        "a restart does not reset the time"
    );
    assert_eq!(claim(1).await, Claim::Running);
    assert_eq!(claim(2).await, Claim::Overlaps);
    assert_eq!(
        store
            .claim(ClaimRequest::new("b", tick(1), "me"), LEASE)
            .await
            .unwrap(),
        Claim::Granted
    );
    assert!(store.extend(request(1), LEASE).await.unwrap());
    assert!(!store.extend(request(2), LEASE).await.unwrap());

    let at = tick(1) + Duration::from_millis(1_500);
    store
        .finish(request(1), RunOutcome::Succeeded, at)
        .await
        .unwrap();
    assert_eq!(store.last_success("a").await.unwrap(), Some(at));
    assert_eq!(claim(1).await, Claim::Done);
    assert!(!store.extend(request(1), LEASE).await.unwrap());
    assert_eq!(claim(2).await, Claim::Granted);
    assert_eq!(claim(1).await, Claim::Done);
    let failed = store.finish(request(2), RunOutcome::Failed, tick(3));
    failed.await.unwrap();
    assert_eq!(claim(2).await, Claim::Done);
    assert_eq!(
        store.last_success("a").await.unwrap(),
        Some(at),
        "a failed run is not a success"
    );
    // The end of a run that has lost its claim is ignored.
    let late = store.finish(request(1), RunOutcome::Succeeded, tick(9));
    late.await.unwrap();
    assert_eq!(store.last_success("a").await.unwrap(), Some(at));
}

/// Tests that another replica takes over a claim whose lease has expired.
async fn take_over<S: Store<Error: Debug>>(store: &S) {
    let request = |holder| ClaimRequest::new("a", tick(1), holder);
    let claim = async |holder, lease| store.claim(request(holder), lease).await.unwrap();
    assert_eq!(claim("me", Duration::ZERO).await, Claim::Granted);
    assert_eq!(
        claim("you", LEASE).await,
        Claim::Granted,
        "the lease has expired"
    );
    assert_eq!(claim("me", LEASE).await, Claim::Running);

    // A replica whose claim was taken over can neither extend nor finish it.
    assert!(!store.extend(request("me"), LEASE).await.unwrap());
    for ended in [
        RunOutcome::Succeeded,
        RunOutcome::Failed,
        RunOutcome::Interrupted,
    ] {
        store.finish(request("me"), ended, tick(1)).await.unwrap();
    }
    assert_eq!(store.last_success("a").await.unwrap(), None);
    assert!(store.extend(request("you"), LEASE).await.unwrap());

    let interrupted = store.finish(request("you"), RunOutcome::Interrupted, tick(1));
    interrupted.await.unwrap();
    assert_eq!(claim("me", Duration::ZERO).await, Claim::Granted);
    let next = ClaimRequest::new("a", tick(2), "you");
    assert_eq!(
        store.claim(next, LEASE).await.unwrap(),
        Claim::Granted,
        "an interrupted run does not block the next"
    );
}

/// Tests replicas that claim the same tick, first while the table does not exist.
async fn many<S: Store<Error: Debug>>(stores: Vec<S>) {
    let stores: Vec<_> = stores.into_iter().map(Arc::new).collect();
    for minute in 0..5 {
        let claims = stores.iter().enumerate().map(|(number, store)| {
            let store = Arc::clone(store);
            tokio::spawn(async move {
                let holder = number.to_string();
                let request = ClaimRequest::new("a", tick(minute), &holder);
                (number, store.claim(request, LEASE).await.unwrap())
            })
        });
        let claims: Vec<_> = claims.collect();
        let mut granted = Vec::new();
        for claim in claims {
            match claim.await.unwrap() {
                (number, Claim::Granted) => granted.push(number),
                (_, claim) => assert_eq!(claim, Claim::Running),
            }
        }
        let [granted] = granted[..] else {
            panic!("granted to {granted:?}");
        };
        let holder = granted.to_string();
        let request = ClaimRequest::new("a", tick(minute), &holder);
        let finished = stores[0].finish(request, RunOutcome::Succeeded, tick(minute));
        finished.await.unwrap();
    }
}

/// A database file that is removed after the test.
struct File(PathBuf);

impl File {
    fn new(name: &str) -> Self {
        let name = format!("firstlight-{}-{name}.db", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    async fn open(&self) -> SqlitePool {
        let options = SqliteConnectOptions::new()
            .filename(&self.0)
            .create_if_missing(true)
            .busy_timeout(Duration::from_secs(30));
        SqlitePool::connect_with(options).await.unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
