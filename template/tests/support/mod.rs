//! Runs the built service as a process, and reads its responses and log.

#![allow(dead_code, reason = "each test binary uses a part of this module")]

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::mpsc::{self, Receiver},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use serde_json::Value;

mod database;

pub use database::Database;

/// How long to wait for an event, on a machine that may be busy.
pub const SOON: Duration = Duration::from_secs(30);

const BINARY: &str = env!(concat!("CARGO_BIN_EXE_", env!("CARGO_PKG_NAME")));

/// A running service, killed when dropped.
pub struct Service {
    child: Child,
    log: Vec<Value>,
    new_lines: Receiver<Value>,
    /// Ends with the text of standard error.
    errors: Option<JoinHandle<String>>,
    /// Removed with the service; unused if the test has a database of its own.
    _database: Database,
}

/// A service that has ended.
pub struct Ended {
    pub status: ExitStatus,
    /// All log lines.
    pub log: Vec<Value>,
}

/// A response of the service.
pub struct Response {
    pub status: u16,
    /// The status line and the headers.
    pub head: String,
    pub body: String,
}

impl Response {
    /// The problem details in the body of an error.
    pub fn problem(&self) -> Value {
        let is_problem = self.head.contains("content-type: application/problem+json");
        assert!(is_problem, "{}\n{}", self.head, self.body);
        let problem: Value = serde_json::from_str(&self.body).expect("JSON");
        assert_eq!(problem["status"], self.status, "{problem}");
        problem
    }
}

impl Service {
    /// Starts the service with `variables` as its environment.
    ///
    /// Its ports are free ones, and its database, if it has one, is empty. It inherits no other variables.
    pub fn start(variables: &[(&str, &str)]) -> Self {
        let database = Database::new();
        let mut child = Command::new(BINARY)
            .env_clear()
            .envs([("PORT", "0"), ("OTEL_EXPORTER_PROMETHEUS_PORT", "0")])
            .envs(database.variables())
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the service starts");
        let stdout = BufReader::new(child.stdout.take().expect("standard output is piped"));
        let (sender, new_lines) = mpsc::channel();
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let value = serde_json::from_str(&line);
                let value = value.unwrap_or_else(|_| panic!("not a line of JSON: {line}"));
                if sender.send(value).is_err() {
                    break;
                }
            }
        });
        let stderr = BufReader::new(child.stderr.take().expect("standard error is piped"));
        let errors = thread::spawn(move || {
            let lines = stderr.lines().map_while(Result::ok);
            let shown = lines.inspect(|line| eprintln!("{line}"));
            shown.collect::<Vec<_>>().join("\n")
        });
        let log = Vec::new();
        Self {
            child,
            log,
            new_lines,
            errors: Some(errors),
            _database: database,
        }
    }

    /// Waits for the first log line that `matches`, and returns it.
    pub fn line(&mut self, matches: impl Fn(&Value) -> bool) -> Value {
        if let Some(line) = self.log.iter().find(|line| matches(line)) {
            return line.clone();
        }
        let deadline = Instant::now() + SOON;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.new_lines.recv_timeout(left) {
                Ok(line) => self.log.push(line),
                Err(mpsc::RecvTimeoutError::Disconnected) => panic!("{}", self.ending()),
                Err(reason) => panic!("no such line in {:#?}: {reason}", self.log),
            }
            let newest = &self.log[self.log.len() - 1];
            if matches(newest) {
                return newest.clone();
            }
        }
    }

    /// How the service has ended, once its standard output has.
    fn ending(&mut self) -> String {
        let deadline = Instant::now() + SOON;
        let status = loop {
            match self.child.try_wait().expect("the service is a child") {
                Some(status) => break status,
                None if Instant::now() > deadline => return "it has no output and runs".to_owned(),
                None => thread::sleep(Duration::from_millis(10)),
            }
        };
        let errors = self.errors.take().and_then(|errors| errors.join().ok());
        let errors = errors.unwrap_or_default();
        let log = &self.log;
        format!("the service has ended with {status}, and this error:\n{errors}\nlog: {log:#?}")
    }

    /// Address of the service.
    pub fn address(&mut self) -> String {
        let line = self.line(|line| line["message"] == "listening");
        text(&line, "address").to_owned()
    }

    /// Address of the admin listener, which serves `/metrics` and the probes.
    pub fn admin_address(&mut self) -> String {
        let line = self.line(|line| line["message"] == "telemetry is up");
        let url = text(&line, "metrics").strip_prefix("http://");
        let address = url.and_then(|url| url.strip_suffix("/metrics"));
        address.expect("the address of /metrics").to_owned()
    }

    /// Sends a GET request.
    pub fn get(&mut self, path: &str, headers: &str) -> Response {
        send(&self.address(), "GET", path, headers, "")
    }

    /// Sends a POST request with a JSON body.
    pub fn post(&mut self, path: &str, body: &str) -> Response {
        self.post_with(path, "", body)
    }

    /// Sends a POST request with a JSON body and more headers.
    pub fn post_with(&mut self, path: &str, headers: &str, body: &str) -> Response {
        let headers = format!("content-type: application/json\r\n{headers}");
        send(&self.address(), "POST", path, &headers, body)
    }

    /// Sends a GET request to the admin listener.
    pub fn admin(&mut self, path: &str) -> Response {
        send(&self.admin_address(), "GET", path, "", "")
    }

    /// Sends SIGTERM and waits until the process has ended.
    pub fn terminate(self) -> Ended {
        self.signal("TERM");
        self.end()
    }

    /// Sends a signal without waiting.
    pub fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        let sent = Command::new("sh").args(["-c", &kill]).status();
        assert!(sent.expect("a shell").success(), "{kill}");
    }

    /// Waits until the process has ended.
    pub fn end(mut self) -> Ended {
        let deadline = Instant::now() + SOON;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.new_lines.recv_timeout(left) {
                Ok(line) => self.log.push(line),
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
                Err(mpsc::RecvTimeoutError::Timeout) => panic!("still running: {:#?}", self.log),
            }
        }
        Ended {
            status: self.child.wait().expect("the service is a child process"),
            log: std::mem::take(&mut self.log),
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the service with `check-telemetry`.
pub fn check_telemetry(variables: &[(&str, &str)]) -> Output {
    run(&["check-telemetry"], variables)
}

/// Runs the program with arguments until it ends.
pub fn run(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let output = command(arguments, variables).output();
    output.expect("the service starts")
}

/// The program with arguments; it inherits no variables.
pub fn command(arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(BINARY);
    command
        .args(arguments)
        .env_clear()
        .env("OTEL_EXPORTER_PROMETHEUS_PORT", "0")
        .envs(variables.iter().copied());
    command
}

/// Waits until an order has this status.
pub fn wait_for_status(service: &mut Service, order: u32, expected: &str) {
    // Another worker takes over the jobs of a killed one after 15 s.
    let deadline = Instant::now() + 2 * SOON;
    loop {
        let response = service.get(&format!("/orders/{order}"), "");
        let order: Value = serde_json::from_str(&response.body).expect("an order");
        if order["status"] == expected {
            return;
        }
        assert!(Instant::now() < deadline, "{order}, expected {expected}");
        thread::sleep(Duration::from_millis(50));
    }
}

/// Whether `line` is the access line of a request.
pub fn is_access_line(line: &Value) -> bool {
    line["target"] == "firstlight::http"
}

/// Returns a field of a log line that is a string.
pub fn text<'a>(line: &'a Value, field: &str) -> &'a str {
    let value = line[field].as_str();
    value.unwrap_or_else(|| panic!("no text in {field}: {line}"))
}

/// Sends a request; `headers` are lines that end in CRLF.
fn send(address: &str, method: &str, path: &str, headers: &str, body: &str) -> Response {
    let mut stream = TcpStream::connect(address).expect("a listener");
    stream.set_read_timeout(Some(SOON)).expect("a timeout");
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
         content-length: {length}\r\n{headers}\r\n{body}"
    )
    .expect("the request is sent");
    let mut response = String::new();
    stream.read_to_string(&mut response).expect("an answer");
    let (head, body) = response.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split(' ').nth(1).expect("a status");
    Response {
        status: status.parse().expect("a number"),
        head: head.to_owned(),
        body: body.to_owned(),
    }
}
