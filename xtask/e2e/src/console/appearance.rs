//! The size of the page, its theme, and pictures of it.

use std::{fs, path::Path};

use anyhow::Context as _;
use serde_json::json;

use super::browser::Browser;

/// A theme of the user's system.
#[derive(Debug, Clone, Copy)]
pub(super) enum Theme {
    Light,
    Dark,
}

impl Theme {
    fn name(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

impl Browser {
    /// Sets the size of the page in CSS pixels.
    pub(super) fn set_size(&self, width: u32, height: u32) -> anyhow::Result<()> {
        let size = json!({
            "width": width,
            "height": height,
            "deviceScaleFactor": 1,
            "mobile": false,
        });
        self.devtools("Emulation.setDeviceMetricsOverride", size)?;
        Ok(())
    }

    /// Sets the theme that the page sees, and no animations.
    ///
    /// An element that fades in has a low contrast meanwhile.
    pub(super) fn set_theme(&self, theme: Theme) -> anyhow::Result<()> {
        let features = json!({"features": [
            {"name": "prefers-color-scheme", "value": theme.name()},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]});
        self.devtools("Emulation.setEmulatedMedia", features)?;
        Ok(())
    }

    /// The visible part of the page as PNG.
    pub(super) fn picture(&self) -> anyhow::Result<Vec<u8>> {
        self.run(self.driver.screenshot_as_png())
    }

    /// Writes a picture of the visible part of the page.
    pub(super) fn screenshot(&self, file: &Path) -> anyhow::Result<()> {
        fs::write(file, self.picture()?).with_context(|| file.display().to_string())
    }
}
