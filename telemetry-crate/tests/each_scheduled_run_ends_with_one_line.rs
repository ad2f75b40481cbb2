//! Alone in its file: it installs what is global in a process.

#![cfg(feature = "cron")]
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    fmt, io,
    sync::{Arc, Mutex},
    time::Duration,
};

use firstlight::cron::{Cron, LocalStore, Schedule, Scheduler};
use tokio::time::{Instant, sleep};
use tracing::{Event, Subscriber, field::Field};
use tracing_subscriber::{
    Layer, Registry,
    layer::{Context, SubscriberExt},
    registry::LookupSpan,
};

/// Keeps level, span and message of each event.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

struct Message(String);

impl tracing::field::Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut message = Message(String::new());
        event.record(&mut message);
        let span = context.event_span(event).map_or("", |span| span.name());
        let line = format!("{} [{span}] {}", event.metadata().level(), message.0);
        self.0.lock().unwrap().push(line);
    }
}

impl Lines {
    /// Those that begin so.
    fn count(&self, start: &str) -> usize {
        let lines = self.0.lock().unwrap();
        lines.iter().filter(|line| line.starts_with(start)).count()
    }
}

fn every_second(name: &str) -> Cron {
    Schedule::every(Duration::from_secs(1))
        .unwrap()
        .named(name)
        .without_jitter()
}

#[tokio::test]
async fn each_scheduled_run_ends_with_one_line() {
    let lines = Lines::default();
    tracing::subscriber::set_global_default(Registry::default().with(lines.clone())).unwrap();
    let runs = Arc::new(Mutex::new(0));
    let counted = runs.clone();
    let enough = async {
        let deadline = Instant::now() + Duration::from_secs(30);
        let ends = [
            "INFO [cron] cron works: ok after ",
            "ERROR [cron] cron hangs: timed_out after ",
            "ERROR [cron] cron fails: failed after ",
        ];
        while ends.iter().any(|end| lines.count(end) < 1) && Instant::now() < deadline {
            sleep(Duration::from_millis(50)).await;
        }
    };
    Scheduler::new(LocalStore::default())
        .add(every_second("works"), move || {
            *counted.lock().unwrap() += 1;
            std::future::ready(Ok::<(), io::Error>(()))
        })
        .add(
            every_second("hangs").time_limit(Duration::from_millis(100)),
            std::future::pending::<Result<(), io::Error>>,
        )
        .add(every_second("fails"), async || {
            Err(io::Error::other("the disk is full"))
        })
        .run(enough)
        .await
        .unwrap();

    let all = lines.0.lock().unwrap().clone();
    let all = all.join("\n");
    assert_eq!(
        lines.count("INFO [cron] cron works: ok after "),
        *runs.lock().unwrap(),
        "{all}"
    );
    assert!(
        lines.count("ERROR [cron] cron hangs: timed_out after ") >= 1,
        "{all}"
    );
    assert!(all.contains(": its limit of 0.1 s was over"), "{all}");
    assert!(all.contains(" s: the disk is full"), "{all}");
}
