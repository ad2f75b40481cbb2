//! The child as a test holds it, and all that it has said.

use std::net::SocketAddr;

use crate::support::{Answer, part::Part, send};

/// The service, and all that it has said so far.
pub(crate) struct Service {
    part: Part,
    pub(crate) admin: SocketAddr,
    pub(crate) address: SocketAddr,
    output: String,
}

impl Service {
    pub(crate) fn start(variables: &[(&str, &str)]) -> Self {
        let mut part = Part::start("service", variables);
        let (mut output, mut found) = (String::new(), Vec::new());
        while found.len() < 2 {
            let line = part.line();
            output += &format!("{line}\n");
            match line["message"].as_str() {
                Some("telemetry is up") => found.push(line["metrics"].clone()),
                Some("serving") => found.push(line["address"].clone()),
                _ => {}
            }
        }
        let address = |found: &serde_json::Value| {
            let text = found.as_str().unwrap();
            let text = text.trim_start_matches("http://");
            let text = text.trim_end_matches("/metrics");
            let port = text.parse::<SocketAddr>().unwrap().port();
            ([127, 0, 0, 1], port).into()
        };
        Self {
            admin: address(&found[0]),
            address: address(&found[1]),
            part,
            output,
        }
    }

    pub(crate) fn keep(&mut self, answer: Answer) {
        self.output += &format!("{}\n{}\n", answer.head, answer.body);
    }

    /// Reads all pages.
    pub(crate) fn read_pages(&mut self) {
        for (page, accept) in [
            ("/metrics", "text/plain"),
            ("/metrics", "application/openmetrics-text; version=1.0.0"),
            ("/telemetry", "text/plain"),
            ("/telemetry", "application/json"),
            ("/log-filter", "*/*"),
            ("/readyz", "*/*"),
        ] {
            let head = format!("GET {page} HTTP/1.1\r\nhost: localhost\r\naccept: {accept}");
            let answer = send(self.admin, &head, "");
            assert_eq!(answer.status, 200, "{page}");
            self.keep(answer);
        }
    }

    /// Ends it; all that it has ever said.
    pub(crate) fn end(mut self) -> String {
        drop(self.part.child.stdin.take());
        for line in self.part.rest() {
            self.output += &format!("{line}\n");
        }
        let (code, stderr) = self.part.end();
        assert_eq!(code, Some(1), "{stderr}");
        self.output + &stderr
    }
}
