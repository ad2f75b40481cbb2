//! The exposition itself, in both formats.

use std::fs;

use anyhow::bail;
use support::{Cases, http, tools};

use super::{Parts, scraper};
use crate::{openmetrics, service::Service, traffic};

pub(super) fn cases(cases: &mut Cases, parts: &Parts, tools: &tools::Prometheus) {
    cases.check(
        "promtool accepts the exposition of a service under load",
        || {
            let mut service = Service::start(&parts.built.program, None, &[])?;
            traffic::mixed(&service, |_| ())?;
            let answer = http::get(&service.metrics_url())?;
            if !answer.content_type.starts_with("text/plain; version=0.0.4") {
                bail!(
                    "content type: found {:?}, expected the text format",
                    answer.content_type
                );
            }
            let page = parts.folder.join("metrics.txt");
            fs::write(&page, &answer.body)?;
            scraper::promtool_accepts(tools, &page)?;
            // A scraper that asks for OpenMetrics gets it, complete.
            openmetrics::fetch(&service.metrics_url())?;
            service.stop()
        },
    );
}
