//! A page with mistakes, which the checks of this suite must find.
//!
//! It has the content security policy of the console, under which the checks must work.

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpListener},
    thread,
};

use anyhow::{Context as _, ensure};
use support::Cases;

use super::{
    Fixture,
    place::{button, link},
};

pub(super) fn cases(cases: &mut Cases, fixture: &Fixture) {
    cases.check("browser: the mistakes of a page are found", || {
        find_mistakes(fixture)
    });
}

fn find_mistakes(fixture: &Fixture) -> anyhow::Result<()> {
    let address = serve()?;
    let browser = fixture.browser("faulty-page")?;
    browser.open(&address)?;
    browser.wait_for_text("<b>a reader</b>")?;
    browser.click(&button("Press"))?;
    browser.wait_for_text("pressed")?;
    browser.wait_for(&link("Traces"))?;
    ensure!(browser.clicks.get() == 1, "{} clicks", browser.clicks.get());

    let tasks = browser.take_long_tasks()?;
    ensure!(tasks.iter().any(|task| *task >= 90), "found {tasks:?}");
    let found = browser.check_accessibility(&fixture.axe);
    let found = format!("{:#}", found.err().context("no violation")?);
    ensure!(found.contains("image-alt"), "found {found}");

    let records = browser.take_records()?;
    let message = records.messages.iter();
    ensure!(
        message
            .filter(|message| message.contains("a mistake"))
            .count()
            == 1,
        "found {:?}",
        records.messages
    );
    ensure!(records.check_silent().is_err(), "messages are accepted");
    let found = records.check_hosts(&address).err().context("no request")?;
    ensure!(found.to_string().contains(ELSEWHERE), "found {found:#}");
    Ok(())
}

const ELSEWHERE: &str = "http://elsewhere.invalid/";

/// Answers every request with a script or with the page.
///
/// Until the end of this process.
fn serve() -> anyhow::Result<String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = format!("http://{}", listener.local_addr()?);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut request = [0; 4_096];
            let length = stream.read(&mut request).unwrap_or_default();
            let (kind, body) = if request[..length].starts_with(b"GET /script.js ") {
                ("text/javascript", SCRIPT)
            } else {
                ("text/html", PAGE)
            };
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\
                 Content-Security-Policy: {POLICY}\r\n\r\n",
                body.len()
            );
            // A browser that has closed the connection does not want the answer.
            let _ = stream.write_all(head.as_bytes());
            let _ = stream.write_all(body.as_bytes());
        }
    });
    Ok(address)
}

/// The policy of the console, with one more host, so that a request to it is sent.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self' http://elsewhere.invalid; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types 'none'";

const PAGE: &str = r#"<!doctype html>
<html lang="en"><title>A page with mistakes</title>
<main><h1>Mistakes</h1><img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">
<p>&lt;b&gt;a reader&lt;/b&gt;</p><button>Press it</button><a href="/traces">All Traces</a></main>
<script src="/script.js"></script>
"#;

const SCRIPT: &str = r#"
console.error("a mistake");
fetch("http://elsewhere.invalid/").catch(() => {});
document.querySelector("button").onclick = (event) => {
    const until = performance.now() + 100;
    while (performance.now() < until);
    event.target.textContent = "pressed";
};
"#;
