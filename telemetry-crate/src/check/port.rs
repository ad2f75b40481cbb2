//! Requests to an admin listener, of this process or another one.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs},
    time::{Duration, Instant},
};

/// Timeout of the question to the process that uses the address.
const ASK_TIMEOUT: Duration = Duration::from_secs(2);

/// Largest accepted size of another process's answer, which may be any program's.
const MAX_ANSWER_BYTES: usize = 256 * 1024;

/// Largest shown length of another service's name, in characters.
const MAX_NAME: usize = 64;

/// Returns the address at which this machine reaches a listener.
pub(super) fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// Requests a path as a scraper does, and returns the whole response.
///
/// Uses blocking I/O, because this thread may have no runtime.
pub(super) fn fetch(
    address: SocketAddr,
    path: &str,
    time: Duration,
    max_bytes: usize,
) -> io::Result<String> {
    // `TcpStream` rejects a timeout of zero.
    let time = time.max(Duration::from_millis(1));
    let end = Instant::now() + time;
    let mut stream = TcpStream::connect_timeout(&address, time)?;
    stream.set_write_timeout(Some(time))?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut response = Vec::new();
    let mut part = [0; 8192];
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(late(time));
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut part) {
            Ok(0) => return String::from_utf8(response).map_err(io::Error::other),
            Ok(length) => response.extend_from_slice(&part[..length]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // A read timeout has either kind, depending on the platform.
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                return Err(late(time));
            }
            Err(error) => return Err(error),
        }
        if response.len() > max_bytes {
            return Err(io::Error::other(format!("more than {max_bytes} bytes")));
        }
    }
}

fn late(time: Duration) -> io::Error {
    let text = format!("no complete response within {} ms", time.as_millis());
    io::Error::new(ErrorKind::TimedOut, text)
}

/// Says who uses the admin address, and whether that is a problem for `service`.
///
/// The check usually runs beside the service, which then uses the address.
pub(crate) fn describe_user(address: &str, service: &str) -> String {
    let Some((host, port)) = address.rsplit_once(':') else {
        return format!("{address} is in use");
    };
    match ask(host, port) {
        Some(name) if name == service => format!(
            "{address} is in use by {service} itself, which is running there, as it should; the check has served its own metrics on a free port"
        ),
        Some(name) => format!(
            "{address} is in use by the service {name:?}; if that is not {service} under another name, {service} cannot serve its metrics there: give one of the two another OTEL_EXPORTER_PROMETHEUS_PORT"
        ),
        None => format!(
            "{address} is in use by a program that does not answer as a service with firstlight (`ss -ltnp 'sport = :{port}'` says by which), so {service} cannot serve its metrics there: stop that program, or set OTEL_EXPORTER_PROMETHEUS_PORT to another port"
        ),
    }
}

/// Asks the process at an address for the name of its service.
fn ask(host: &str, port: &str) -> Option<String> {
    let mut addresses: Vec<SocketAddr> =
        (host, port.parse().ok()?).to_socket_addrs().ok()?.collect();
    // In the order in which the listener tries them.
    addresses.sort_by_key(SocketAddr::is_ipv6);
    let end = Instant::now() + ASK_TIMEOUT;
    addresses.into_iter().find_map(|address| {
        let left = end.saturating_duration_since(Instant::now());
        let response = fetch(reachable(address), "/telemetry", left, MAX_ANSWER_BYTES);
        service_name(&response.ok()?)
    })
}

/// Returns `service.name` of a response of `/telemetry`.
fn service_name(response: &str) -> Option<String> {
    let (head, report) = response.split_once("\r\n\r\n")?;
    if !head.starts_with("HTTP/1.1 200 ") || !report.starts_with("service: ") {
        return None;
    }
    let mut lines = report.lines();
    let name = lines.find_map(|line| line.strip_prefix("  service.name: "))?;
    Some(name.chars().take(MAX_NAME).collect())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::{net::TcpListener, thread};

    use super::*;

    /// Answers one request with `answer`, and returns the address.
    fn answering(answer: &'static [u8]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        thread::spawn(move || {
            let (mut client, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                client.read_exact(&mut byte).unwrap();
                request.extend(byte);
            }
            client.write_all(answer).unwrap();
        });
        address
    }

    #[test]
    fn user_of_the_port_is_named() {
        let orders = b"HTTP/1.1 200 OK\r\n\r\nservice: up\n  service.name: orders\nlogs: works\n";
        let text = describe_user(&answering(orders), "orders");
        assert!(text.contains("by orders itself"), "{text}");
        let text = describe_user(&answering(orders), "billing");
        assert!(text.contains("by the service \"orders\";"), "{text}");
        for foreign in [
            b"HTTP/1.1 200 OK\r\n\r\n<html>  service.name: orders".as_slice(),
            b"HTTP/1.1 404 Not Found\r\n\r\nservice: up\n  service.name: orders\n",
            b"\xff\xff",
            b"",
        ] {
            let text = describe_user(&answering(foreign), "orders");
            assert!(text.contains("by a program that does not"), "{text}");
        }
    }

    #[test]
    fn answers_are_bounded() {
        let address = answering(b"HTTP/1.1 200 OK\r\n\r\nservice: up\n");
        let minute = Duration::from_secs(60);
        let error = fetch(address.parse().unwrap(), "/telemetry", minute, 8).unwrap_err();
        assert_eq!(error.to_string(), "more than 8 bytes");
        // Accepts the connection in its queue, and never answers.
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = silent.local_addr().unwrap();
        let error = fetch(address, "/telemetry", Duration::from_millis(20), 8).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }
}
