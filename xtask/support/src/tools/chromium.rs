//! Chromium and chromedriver: from `PATH`, or unpacked from Debian's packages.

use std::{env, fs, path::PathBuf, process::Command};

use anyhow::Context as _;

use super::debian;
use crate::{
    paths,
    process::{Process, START_TIMEOUT},
    tools,
};

const PACKAGES: [&str; 2] = ["chromium", "chromium-driver"];
/// Fonts of all pictures, which then do not depend on the machine.
const FONTS: [&str; 2] = ["fonts-inter", "fonts-dejavu-core"];

/// The browser and its driver.
#[derive(Debug)]
pub struct Chromium {
    /// The browser's program.
    pub browser: PathBuf,
    driver: PathBuf,
    /// The folders of unpacked libraries; empty if the programs are installed.
    libraries: Vec<PathBuf>,
    /// A configuration of fontconfig with unpacked fonts.
    fonts: Option<PathBuf>,
}

impl Chromium {
    /// Starts the driver on a free port, and returns its URL as well.
    ///
    /// A browser that the driver starts has the same environment and the same process group.
    pub fn start_driver(&self) -> anyhow::Result<(Process, String)> {
        let mut command = Command::new(&self.driver);
        command.arg("--port=0");
        if !self.libraries.is_empty() {
            command.env("LD_LIBRARY_PATH", env::join_paths(&self.libraries)?);
        }
        if let Some(fonts) = &self.fonts {
            command.env("FONTCONFIG_FILE", fonts);
        }
        let process = Process::start("chromedriver", &mut command)?;
        let port = process.wait_for_line("its port", START_TIMEOUT, |line| {
            let (_, port) = line.split_once("was started successfully on port ")?;
            port.trim_end_matches('.').parse::<u16>().ok()
        })?;
        Ok((process, format!("http://127.0.0.1:{port}")))
    }
}

/// Finds or unpacks both programs.
pub fn chromium() -> anyhow::Result<Chromium> {
    if let (Some(browser), Some(driver)) =
        (tools::on_path("chromium"), tools::on_path("chromedriver"))
    {
        return Ok(Chromium {
            browser,
            driver,
            libraries: Vec::new(),
            // Only pictures need the fonts.
            fonts: fonts().ok(),
        });
    }
    let folder = paths::tools().join("chromium");
    if !folder.exists() {
        debian::unpack_with_dependencies("Chromium", &PACKAGES, &folder).context("install Chromium so that `chromium` and `chromedriver` are on PATH (Debian: apt-get install chromium chromium-driver)")?;
    }
    let mut libraries = debian::library_folders(&folder)?;
    // The browser finds its own libraries beside it.
    libraries.retain(|libraries| !libraries.ends_with("usr/lib/chromium"));
    Ok(Chromium {
        // The script in `usr/bin` starts the installed program.
        browser: folder.join("usr/lib/chromium/chromium"),
        driver: folder.join("usr/bin/chromedriver"),
        libraries,
        fonts: Some(fonts()?),
    })
}

/// Finds or unpacks the fonts, and returns the configuration that names them.
fn fonts() -> anyhow::Result<PathBuf> {
    let folder = paths::tools().join("fonts");
    let config = folder.join("fonts.conf");
    if !config.exists() {
        debian::unpack("fonts", &FONTS, &folder)?;
        let text = FONTS_CONFIG.replace("FOLDER", &folder.display().to_string());
        fs::write(&config, text).with_context(|| config.display().to_string())?;
    }
    Ok(config)
}

const FONTS_CONFIG: &str = r#"<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig>
  <dir>FOLDER/usr/share/fonts</dir>
  <cachedir>FOLDER/cache</cachedir>
  <alias><family>sans-serif</family><prefer><family>Inter</family></prefer></alias>
  <alias><family>system-ui</family><prefer><family>Inter</family></prefer></alias>
  <alias><family>monospace</family><prefer><family>DejaVu Sans Mono</family></prefer></alias>
</fontconfig>
"#;
