//! The receiver of notifications: what a pager would get, noted with the time at which it came.
//!
//! Left out: everything of HTTP that Alertmanager has no use for.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use serde_json::Value;

/// One alert in one notification.
#[derive(Debug, Clone)]
pub(super) struct News {
    pub(super) at: Instant,
    /// The path that it was sent to: `/page`, `/ticket` or `/heartbeat`.
    pub(super) to: String,
    pub(super) firing: bool,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) annotations: BTreeMap<String, String>,
}

/// A running receiver; its thread ends with the program.
pub(super) struct Webhook {
    port: u16,
    heard: Arc<Mutex<Vec<News>>>,
}

impl Webhook {
    pub(super) fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("the webhook's port")?;
        let port = listener.local_addr()?.port();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let news = Arc::clone(&heard);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // What is no notification is left out.
                if let Ok(more) = receive(&stream) {
                    lock(&news).extend(more);
                }
            }
        });
        Ok(Self { port, heard })
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    /// All news so far, the oldest first.
    pub(super) fn heard(&self) -> Vec<News> {
        lock(&self.heard).clone()
    }

    /// The newest state of an alert, as far as it was notified.
    pub(super) fn newest(&self, is_it: impl Fn(&News) -> bool) -> Option<News> {
        let heard = lock(&self.heard);
        heard.iter().rev().find(|news| is_it(news)).cloned()
    }

    /// The first news since `since` that are the wanted ones, once they are there.
    ///
    /// # Errors
    ///
    /// When the deadline passes without them.
    pub(super) fn wait(
        &self,
        since: Instant,
        deadline: Duration,
        wanted: impl Fn(&News) -> bool,
    ) -> anyhow::Result<News> {
        let until = Instant::now() + deadline;
        loop {
            let found = lock(&self.heard)
                .iter()
                .find(|news| news.at >= since && wanted(news))
                .cloned();
            if let Some(news) = found {
                return Ok(news);
            }
            if Instant::now() > until {
                bail!("no notification within {} s", deadline.as_secs());
            }
            thread::sleep(Duration::from_millis(50));
        }
    }
}

fn lock(heard: &Mutex<Vec<News>>) -> MutexGuard<'_, Vec<News>> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads one request, answers it, and says what it brought.
fn receive(mut stream: &TcpStream) -> anyhow::Result<Vec<News>> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let path = line.split(' ').nth(1).context("no path")?.to_owned();
    let mut length = 0;
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let header = line.trim().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse()?;
        }
    }
    let mut body = String::new();
    reader.take(length).read_to_string(&mut body)?;
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")?;
    let message: Value = serde_json::from_str(&body)?;
    let alerts = message["alerts"].as_array().context("no alerts")?;
    let at = Instant::now();
    let news = alerts.iter().map(|alert| News {
        at,
        to: path.clone(),
        firing: alert["status"] == "firing",
        labels: strings(&alert["labels"]),
        annotations: strings(&alert["annotations"]),
    });
    Ok(news.collect())
}

fn strings(object: &Value) -> BTreeMap<String, String> {
    let entries = object.as_object().into_iter().flatten();
    entries
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}
