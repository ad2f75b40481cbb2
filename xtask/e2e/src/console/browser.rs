//! A browser under test, and its driver.
//!
//! The browser runs without a window, and finds no host but the loopback interface.

use std::{
    cell::{Cell, RefCell},
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, anyhow, bail};
use serde_json::{Value, json};
use support::{process::Process, tools::Chromium};
use thirtyfour::{
    ChromeCapabilities, ChromiumLikeCapabilities as _, LoggingPrefsLogLevel, WebDriver,
    error::WebDriverResult,
};
use tokio::runtime::Runtime;

use super::records::Records;

/// A session of a browser with a new profile, which ends on drop.
pub(super) struct Browser {
    pub(super) driver: WebDriver,
    runtime: Runtime,
    /// The messages and requests since the last look.
    pub(super) records: RefCell<Records>,
    /// The number of clicks so far.
    pub(super) clicks: Cell<usize>,
    /// The folder of profile, downloads and screenshots.
    pub(super) folder: PathBuf,
    /// Killed on drop, with the browser, if the session has not ended by then.
    _process: Process,
}

impl Browser {
    /// Starts the driver and a browser; `folder` must not exist.
    pub(super) fn start(chromium: &Chromium, folder: &Path) -> anyhow::Result<Self> {
        let downloads = folder.join("downloads");
        fs::create_dir_all(&downloads).with_context(|| folder.display().to_string())?;
        let (process, url) = chromium.start_driver()?;
        // The lone thread of this runtime is the caller's.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        // Requests to the loopback interface must not go through a proxy of the machine.
        let client = reqwest::Client::builder().no_proxy().timeout(TIMEOUT);
        let capabilities = capabilities(&chromium.browser, folder, &downloads)?;
        let session = WebDriver::builder(url, capabilities).client(client.build()?);
        let driver = runtime
            .block_on(session.connect())
            .map_err(|error| anyhow!("{error}"))
            .with_context(|| format!("chromedriver printed:\n{}", process.lines().join("\n")))?;
        let browser = Self {
            driver,
            runtime,
            records: RefCell::default(),
            clicks: Cell::new(0),
            folder: folder.to_owned(),
            _process: process,
        };
        browser.count_long_tasks()?;
        browser.set_size(WIDTH, HEIGHT)?;
        browser.open(BLANK)?;
        // The first page of a new profile is one of the browser.
        browser.take_records()?;
        Ok(browser)
    }

    /// Waits for the driver's answer.
    pub(super) fn run<T>(
        &self,
        answer: impl Future<Output = WebDriverResult<T>>,
    ) -> anyhow::Result<T> {
        self.runtime
            .block_on(answer)
            .map_err(|error| anyhow!("{error}"))
    }

    /// Runs a command of the Chrome DevTools protocol.
    pub(super) fn devtools(&self, command: &str, parameters: Value) -> anyhow::Result<Value> {
        self.run(self.driver.cdp().send_raw(command, parameters))
            .with_context(|| command.to_owned())
    }

    /// The value of a JavaScript expression, which may be a promise.
    ///
    /// The page's content security policy does not apply.
    pub(super) fn evaluate(&self, expression: &str) -> anyhow::Result<Value> {
        let parameters = json!({
            "expression": expression,
            "awaitPromise": true,
            "returnByValue": true,
        });
        let mut answer = self.devtools("Runtime.evaluate", parameters)?;
        if let Some(exception) = answer.get("exceptionDetails") {
            bail!("{expression}: {exception}");
        }
        Ok(answer["result"]["value"].take())
    }

    /// Like [`Browser::evaluate`], for an integer.
    pub(super) fn number(&self, expression: &str) -> anyhow::Result<u64> {
        let value = self.evaluate(expression)?;
        value
            .as_u64()
            .with_context(|| format!("{expression}: found {value}, expected a number"))
    }

    /// The folder to which the browser saves files.
    pub(super) fn downloads(&self) -> PathBuf {
        self.folder.join("downloads")
    }
}

impl Drop for Browser {
    /// Ends the session, and the browser with it.
    fn drop(&mut self) {
        // If it fails, the browser is killed with the driver.
        let _ = self.run(self.driver.clone().quit());
    }
}

fn capabilities(
    browser: &Path,
    folder: &Path,
    downloads: &Path,
) -> anyhow::Result<ChromeCapabilities> {
    let mut capabilities = ChromeCapabilities::new();
    capabilities.set_binary(&browser.display().to_string())?;
    for flag in FLAGS {
        capabilities.add_arg(flag)?;
    }
    let profile = folder.join("profile");
    capabilities.add_arg(&format!("--user-data-dir={}", profile.display()))?;
    let preferences = json!({
        "download.default_directory": downloads.display().to_string(),
        "download.prompt_for_download": false,
    });
    capabilities.add_experimental_option("prefs", preferences)?;
    capabilities.set_logging_prefs("browser", LoggingPrefsLogLevel::All)?;
    // The requests of the page are in the log `performance`.
    capabilities.set_logging_prefs("performance", LoggingPrefsLogLevel::All)?;
    Ok(capabilities)
}

/// The size of the page in pixels, as on a laptop.
pub(super) const WIDTH: u32 = 1_280;
pub(super) const HEIGHT: u32 = 800;

/// A page without content and without requests.
pub(super) const BLANK: &str = "data:text/html,";

/// How long a command may take, on a machine that is also building.
const TIMEOUT: Duration = Duration::from_secs(60);

const FLAGS: [&str; 9] = [
    "--headless=new",
    // The sandbox does not run as root. The browser opens only pages of the service under test.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    // A page that asks another host fails at once, and is reported.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
];
