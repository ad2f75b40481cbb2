//! The receiver of notifications, in place of a pager.
//!
//! It implements only the part of HTTP that Alertmanager uses.

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

/// One alert in a notification.
#[derive(Debug, Clone)]
pub(super) struct Notification {
    pub(super) at: Instant,
    /// The path of the request: `/page`, `/ticket` or `/heartbeat`.
    pub(super) to: String,
    pub(super) firing: bool,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) annotations: BTreeMap<String, String>,
}

/// A running receiver, whose thread ends with the program.
pub(super) struct Webhook {
    port: u16,
    notifications: Arc<Mutex<Vec<Notification>>>,
}

impl Webhook {
    pub(super) fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("the webhook's port")?;
        let port = listener.local_addr()?.port();
        let notifications = Arc::new(Mutex::new(Vec::new()));
        let received = Arc::clone(&notifications);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // Invalid requests are ignored.
                if let Ok(more) = receive(&stream) {
                    lock(&received).extend(more);
                }
            }
        });
        Ok(Self {
            port,
            notifications,
        })
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    /// All notifications so far, the oldest first.
    pub(super) fn notifications(&self) -> Vec<Notification> {
        lock(&self.notifications).clone()
    }

    /// The latest notification for which `wanted` is true.
    pub(super) fn latest(&self, wanted: impl Fn(&Notification) -> bool) -> Option<Notification> {
        let notifications = lock(&self.notifications);
        notifications
            .iter()
            .rev()
            .find(|notification| wanted(notification))
            .cloned()
    }

    /// Waits for the first notification after `since` for which `wanted` is true.
    ///
    /// # Errors
    ///
    /// If the deadline passes first.
    pub(super) fn wait(
        &self,
        since: Instant,
        deadline: Duration,
        wanted: impl Fn(&Notification) -> bool,
    ) -> anyhow::Result<Notification> {
        let until = Instant::now() + deadline;
        loop {
            let found = lock(&self.notifications)
                .iter()
                .find(|notification| notification.at >= since && wanted(notification))
                .cloned();
            if let Some(notification) = found {
                return Ok(notification);
            }
            if Instant::now() > until {
                bail!("no notification within {} s", deadline.as_secs());
            }
            thread::sleep(Duration::from_millis(50));
        }
    }
}

fn lock(notifications: &Mutex<Vec<Notification>>) -> MutexGuard<'_, Vec<Notification>> {
    notifications.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads and answers one request, and returns its alerts.
fn receive(mut stream: &TcpStream) -> anyhow::Result<Vec<Notification>> {
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
    let notifications = alerts.iter().map(|alert| Notification {
        at,
        to: path.clone(),
        firing: alert["status"] == "firing",
        labels: strings(&alert["labels"]),
        annotations: strings(&alert["annotations"]),
    });
    Ok(notifications.collect())
}

fn strings(object: &Value) -> BTreeMap<String, String> {
    let entries = object.as_object().into_iter().flatten();
    entries
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}
