//! The console: one page with its files, which are part of the program.
//!
//! The page and its files are open, because they have no data. They read the data from the other routes, with the token if
//! one is needed. A strict content security policy keeps the page from running, or sending to, anything from elsewhere.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use super::{
    access::Access,
    answer::{Answer, response, text, with_header},
    identity::Identity,
    table::{self, Endpoint, Need, Route},
};
use crate::status::Status;

/// A file of the folder `console`.
#[derive(Debug, Clone, Copy)]
struct File {
    name: &'static str,
    bytes: &'static [u8],
}

macro_rules! files {
    ($($stem:literal.$extension:ident)*) => {
        &[$(File {
            name: concat!($stem, ".", stringify!($extension)),
            bytes: include_bytes!(concat!("../../console/", $stem, ".", stringify!($extension))),
        }),*]
    };
}

/// All files of the folder, which a test compares with the folder.
const FILES: &[File] = files! {
    "address".js
    "api".js
    "app".js
    "bar".js
    "cardinality".js
    "chart".js
    "database".js
    "dom".js
    "errors".js
    "exposition".js
    "family".js
    "format".js
    "held".js
    "index".html
    "inspector".js
    "keys".js
    "line".js
    "logs".js
    "metrics".js
    "now".js
    "parts".js
    "picked".js
    "quantile".js
    "recent".js
    "resources".js
    "save".js
    "saved".js
    "style".css
    "table".js
    "telemetry".js
    "theme".js
    "token".js
    "trace".js
    "traces".js
    "views".css
    "waterfall".js
    "work".js
};

/// The page itself.
const PAGE: &str = concat!("index", ".html");

/// Files only from this listener, and no code that is made from text.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// Headers of the page and of its files, besides those of all answers.
const HEADERS: [(HeaderName, &str); 3] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (header::REFERRER_POLICY, "no-referrer"),
];

/// Answers `GET /`: the page for a browser, a list of the routes for others.
pub(super) fn page(status: &Status, access: &Access, headers: &HeaderMap) -> Answer {
    let answer = match accepts_html(headers) {
        true => file(PAGE),
        false => with_headers(text(StatusCode::OK, list(status, access))),
    };
    with_header(answer, header::VARY, "accept")
}

/// Answers `GET /console/{file}`.
pub(super) fn file_of(path: &str) -> Answer {
    file(path.strip_prefix("/console/").unwrap_or_default())
}

fn file(name: &str) -> Answer {
    let found = FILES.iter().find(|file| file.name == name);
    let Some(file) = found else {
        let names: Vec<_> = FILES.iter().map(|file| file.name).collect();
        let sentence = format!(
            "the console has no such file; it has {}\n",
            names.join(", ")
        );
        return with_headers(text(StatusCode::NOT_FOUND, sentence));
    };
    with_headers(response(
        StatusCode::OK,
        content_type(file.name),
        file.bytes,
    ))
}

fn with_headers(mut answer: Answer) -> Answer {
    for (name, value) in HEADERS {
        let value = HeaderValue::from_static(value);
        answer.headers_mut().insert(name, value);
    }
    answer
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("json") => "application/json",
        _ => "application/octet-stream",
    }
}

fn accepts_html(headers: &HeaderMap) -> bool {
    let mut accepts = headers.get_all(header::ACCEPT).iter();
    accepts.any(|value| {
        value
            .to_str()
            .is_ok_and(|value| value.contains("text/html"))
    })
}

/// The routes, one line each.
fn list(status: &Status, access: &Access) -> String {
    let mut text = Identity::of(status).heading();
    text += "\nin a browser, this address is the console; other clients have these routes:\n\n";
    for route in table::routes() {
        let token = match access.needs_token(route.need) {
            true => " (with the token)",
            false => "",
        };
        let (method, path) = (route.method.as_str(), route.path);
        text += &format!("{method:<6} {path:<19} {}{token}\n", shows(route));
    }
    if access.needs_token(Need::UserData) {
        text += "\nthe token is the value of FIRSTLIGHT_ADMIN_TOKEN: send `Authorization: Bearer ...`\n";
    }
    text
}

/// What a route shows or does.
fn shows(route: &Route) -> &'static str {
    match route.endpoint {
        Endpoint::Metrics => "the metrics, for Prometheus",
        Endpoint::Livez => "whether the process answers",
        Endpoint::Readyz => "whether it is ready for traffic, and why not",
        Endpoint::LogFilter => "which events become log lines",
        Endpoint::ChangeLogFilter => "changes the log filter for a while, as in ?for=10m",
        Endpoint::RevertLogFilter => "restores the log filter of the start",
        Endpoint::Telemetry => "the state of each signal, and what to do about it",
        Endpoint::Logs => "the last log lines, and with ?follow those that come",
        Endpoint::Traces if route.path.contains('{') => "one trace with its spans and events",
        Endpoint::Traces => "requests, jobs and runs: open, failed, slow and recent ones",
        Endpoint::Errors => "the errors of this process, in groups",
        Endpoint::Explain => "what is wrong with this process, with the next command",
        Endpoint::History => "the last 15 minutes, as JSON",
        Endpoint::Console => "this list, and the console in a browser",
        Endpoint::ConsoleFile => "the files of the console",
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::{collections::BTreeSet, fs};

    use super::*;

    #[test]
    fn all_files_of_the_folder_are_served() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/console");
        let files = fs::read_dir(folder).unwrap();
        let found: BTreeSet<_> = files
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        let served: BTreeSet<_> = FILES.iter().map(|file| file.name.to_owned()).collect();
        assert_eq!(served, found);
        for file in FILES {
            let answer = file_of(&format!("/console/{}", file.name));
            assert_eq!(answer.status(), 200);
            let content_type = &answer.headers()[header::CONTENT_TYPE];
            assert_ne!(content_type, "application/octet-stream", "{}", file.name);
        }
    }

    #[test]
    fn unknown_files_are_not_found() {
        for path in ["/console/", "/console/x", "/console/..%2fCargo.toml", "/x"] {
            let answer = file_of(path);
            assert_eq!(answer.status(), 404, "{path}");
            assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
        }
    }

    #[test]
    fn headers_are_exact() {
        for name in [PAGE, "app.js", "style.css", "missing"] {
            let answer = file(name);
            let headers = answer.headers();
            for (header, value) in [
                (
                    "content-security-policy",
                    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
                ),
                ("x-content-type-options", "nosniff"),
                ("cross-origin-resource-policy", "same-origin"),
                ("cross-origin-opener-policy", "same-origin"),
                ("referrer-policy", "no-referrer"),
                ("cache-control", "no-store"),
            ] {
                assert_eq!(headers[header], value, "{name}: {header}");
                assert_eq!(headers.get_all(header).iter().count(), 1);
            }
        }
    }

    #[test]
    fn browsers_accept_html() {
        let accepts = |value: &'static str| {
            let headers = [(header::ACCEPT, HeaderValue::from_static(value))];
            accepts_html(&HeaderMap::from_iter(headers))
        };
        assert!(accepts("text/html,application/xhtml+xml,*/*;q=0.8"));
        assert!(!accepts("*/*"));
        assert!(!accepts("application/json"));
        assert!(!accepts_html(&HeaderMap::new()));
    }
}
