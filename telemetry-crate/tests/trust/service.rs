//! The service under test and its collected output.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
    thread::{self, JoinHandle},
    time::Duration,
};

use crate::support::{Answer, scenario::Scenario, send};

/// A running service and its output so far.
pub(crate) struct Service {
    scenario: Scenario,
    pub(crate) admin: SocketAddr,
    pub(crate) address: SocketAddr,
    output: String,
    /// The file of the last words.
    file: PathBuf,
}

impl Service {
    /// Starts the service, and waits until it serves requests.
    pub(crate) fn start(variables: &[(&str, &str)]) -> Self {
        static SERVICES: AtomicUsize = AtomicUsize::new(0);
        let number = SERVICES.fetch_add(1, Ordering::Relaxed);
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("trust-words-{number}"));
        let _ = std::fs::remove_file(&file);
        Self::start_with(file, variables)
    }

    /// Starts the service with the last words of another one.
    pub(crate) fn start_with(file: PathBuf, variables: &[(&str, &str)]) -> Self {
        let words = ("FIRSTLIGHT_RECORDER_FILE", file.to_str().unwrap());
        let mut scenario = Scenario::start("service", &[variables, &[words]].concat());
        let (mut output, mut found) = (String::new(), Vec::new());
        while found.len() < 2 {
            let line = scenario.line();
            output += &format!("{line}\n");
            match line["message"].as_str() {
                Some("telemetry is up") => found.push(line["metrics"].clone()),
                Some("serving") => found.push(line["address"].clone()),
                _ => {}
            }
        }
        let address = |found: &serde_json::Value| {
            // The address of pushed metrics follows a semicolon.
            let text = found.as_str().unwrap().split(';').next().unwrap();
            let text = text.trim_start_matches("http://");
            let text = text.trim_end_matches("/metrics");
            let port = text.parse::<SocketAddr>().unwrap().port();
            ([127, 0, 0, 1], port).into()
        };
        Self {
            admin: address(&found[0]),
            address: address(&found[1]),
            scenario,
            output,
            file,
        }
    }

    /// Adds a response to the output.
    pub(crate) fn keep(&mut self, answer: Answer) {
        self.output += &format!("{}\n{}\n", answer.head, answer.body);
    }

    /// Requests the admin listener's endpoints, and adds the responses to the output.
    ///
    /// `/livez` is left out, because its response is always the same.
    pub(crate) fn read_pages(&mut self) {
        for (page, accept) in [
            ("/metrics", "text/plain"),
            ("/metrics", "application/openmetrics-text; version=1.0.0"),
            ("/telemetry", "text/plain"),
            ("/telemetry", "application/json"),
            ("/errors", "text/plain"),
            ("/errors", "application/json"),
            ("/log-filter", "*/*"),
            ("/log-filter", "application/json"),
            ("/readyz", "*/*"),
            ("/logs?tail=10000", "*/*"),
            ("/logs?tail=10000", "application/json"),
            ("/traces", "text/plain"),
            ("/traces?detail", "application/json"),
            #[cfg(feature = "console")]
            ("/history", "application/json"),
            #[cfg(feature = "console")]
            ("/", "text/plain"),
            ("/explain", "text/plain"),
            ("/explain", "application/json"),
        ] {
            self.read_page(page, accept);
        }
        let list = self.read_page("/traces", "application/json");
        let list: serde_json::Value = serde_json::from_str(&list).unwrap();
        let sections = ["failed", "slow", "recent"];
        let roots = sections
            .iter()
            .flat_map(|section| list[section]["roots"].as_array());
        let ids: Vec<_> = roots
            .flatten()
            .map(|root| root["trace_id"].clone())
            .collect();
        assert!(!ids.is_empty(), "{list:#}");
        // The listener answers 20 requests of this kind in a second.
        for id in ids.iter().take(4) {
            let page = format!("/traces/{}", id.as_str().unwrap());
            self.read_page(&page, "text/plain");
            self.read_page(&page, "application/json");
        }
    }

    /// Follows the log lines from now on, until the service ends.
    pub(crate) fn follow(&self) -> JoinHandle<String> {
        let mut stream = TcpStream::connect(self.admin).unwrap();
        stream
            .write_all(b"GET /logs?follow HTTP/1.0\r\n\r\n")
            .unwrap();
        thread::spawn(move || {
            let mut lines = Vec::new();
            // The connection is reset if the service is killed.
            let _ = stream.read_to_end(&mut lines);
            String::from_utf8_lossy(&lines).into_owned()
        })
    }

    /// Reads what the last process left, once this one has read its file.
    pub(crate) fn read_previous(&mut self) -> String {
        let head = "GET /traces?previous HTTP/1.1\r\nhost: localhost";
        let mut attempts = 0;
        while send(self.admin, head, "").status != 200 {
            attempts += 1;
            assert!(attempts < 300, "nothing of the last process");
            thread::sleep(Duration::from_millis(100));
        }
        let text = self.read_page("/traces?previous", "text/plain");
        text + &self.read_page("/traces?previous", "application/json")
    }

    /// Kills the service without a shutdown.
    ///
    /// Returns its output, with its file of last words, and the file.
    pub(crate) fn kill(mut self) -> (String, PathBuf) {
        self.scenario.send_signal("-KILL");
        for line in self.scenario.rest() {
            self.output += &format!("{line}\n");
        }
        let (_, stderr) = self.scenario.end();
        let words = std::fs::read(&self.file).unwrap();
        let output = self.output + &stderr + &String::from_utf8_lossy(&words);
        (output, self.file)
    }

    /// Adds a page to the output, and returns it.
    fn read_page(&mut self, page: &str, accept: &str) -> String {
        let head = format!("GET {page} HTTP/1.1\r\nhost: localhost\r\naccept: {accept}");
        let answer = send(self.admin, &head, "");
        assert_eq!(answer.status, 200, "{page}");
        let body = answer.body.clone();
        self.keep(answer);
        body
    }

    /// Ends the service and returns all of its output.
    pub(crate) fn end(mut self) -> String {
        drop(self.scenario.child.stdin.take());
        for line in self.scenario.rest() {
            self.output += &format!("{line}\n");
        }
        let (code, stderr) = self.scenario.end();
        // The service ends with an error on purpose, because its report could show a secret.
        assert_eq!(code, Some(1), "{stderr}");
        let words = std::fs::read(&self.file).unwrap();
        assert!(words.len() > 1_000, "the file of the last words is empty");
        self.output + &stderr + &String::from_utf8_lossy(&words)
    }
}
