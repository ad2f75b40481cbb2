//! Pictures of the console for README and book.

use std::fs;

use anyhow::{Context as _, ensure};
use support::{Cases, paths};

use super::{Fixture, appearance::Theme, browser::WIDTH, instance::Instance, place::link};

/// The content of a file in the book.
pub(super) struct Picture {
    name: &'static str,
    png: Vec<u8>,
}

/// The largest size of a picture in bytes.
const MAX_BYTES: usize = 200_000;
/// The height of a picture in pixels.
const PICTURE_HEIGHT: u32 = 720;

/// Takes all pictures.
pub(super) fn cases(cases: &mut Cases, fixture: &Fixture, instance: &Instance) -> Vec<Picture> {
    let mut pictures = Vec::new();
    cases.check("pictures: at most 200 kB each", || {
        pictures = take(fixture, instance)?;
        Ok(())
    });
    pictures
}

fn take(fixture: &Fixture, instance: &Instance) -> anyhow::Result<Vec<Picture>> {
    // Under load, the flight recorder keeps a successful request only for a moment.
    let quiet = Instance::start(&fixture.built, &fixture.server, "console_pictures", &[])?;
    let json = [("content-type", "application/json")];
    quiet.post("/orders", &json, r#"{"item":"declined","quantity":2}"#)?;
    let browser = fixture.browser("pictures")?;
    browser.set_size(WIDTH, PICTURE_HEIGHT)?;
    let mut pictures = Vec::new();
    for (theme, names) in [
        (
            Theme::Light,
            &["console-now", "console-trace", "console-logs"][..],
        ),
        // One picture shows the colors.
        (Theme::Dark, &["console-now-dark"]),
    ] {
        browser.set_theme(theme)?;
        let mut take = |name| {
            let png = browser.picture()?;
            let file = browser.folder.join(name).with_extension("png");
            fs::write(&file, &png).with_context(|| file.display().to_string())?;
            ensure!(
                png.len() <= MAX_BYTES,
                "{name}: {} bytes, at most {MAX_BYTES} are allowed",
                png.len()
            );
            pictures.push(Picture { name, png });
            anyhow::Ok(())
        };
        for name in names {
            match *name {
                "console-trace" => {
                    // A request, its wait in the queue, and its job.
                    browser.open_view(&quiet.admin, "traces?section=failed")?;
                    browser.click(&link("process charges"))?;
                    browser.wait_for_texts(&["POST /orders", "waited"])?;
                }
                "console-logs" => {
                    browser.open_view(&instance.admin, "logs")?;
                    browser.wait_for_text("request failed")?;
                }
                _ => {
                    browser.open_view(&instance.admin, "now")?;
                    browser.wait_for_texts(&["Requests per second", "POST /faults/fail"])?;
                }
            }
            take(*name)?;
        }
    }
    Ok(pictures)
}

/// Writes the pictures into the book.
pub(super) fn write(pictures: &[Picture]) -> anyhow::Result<()> {
    let folder = paths::root().join("docs/book/src/images");
    for Picture { name, png } in pictures {
        let file = folder.join(name).with_extension("png");
        fs::write(&file, png).with_context(|| file.display().to_string())?;
    }
    Ok(())
}
