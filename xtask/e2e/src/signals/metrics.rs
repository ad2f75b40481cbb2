//! The exposition in the text format and in OpenMetrics.

use std::fs;

use anyhow::bail;
use support::{Cases, http, tools};

use super::{Fixture, scraper};
use crate::{openmetrics, service::Service, traffic};

pub(super) fn cases(cases: &mut Cases, fixture: &Fixture, tools: &tools::Prometheus) {
    cases.check("promtool: accepts the exposition under load", || {
        let mut service = Service::start(&fixture.built.program, None, &[])?;
        traffic::mixed(&service, |_| ())?;
        let answer = http::get(&service.metrics_url())?;
        if !answer.content_type.starts_with("text/plain; version=0.0.4") {
            bail!(
                "content type: found {:?}, expected the text format",
                answer.content_type
            );
        }
        let file = fixture.folder.join("metrics.txt");
        fs::write(&file, &answer.body)?;
        scraper::promtool_accepts(tools, &file)?;
        // OpenMetrics must parse and be complete.
        openmetrics::fetch(&service.metrics_url())?;
        service.stop()
    });
}
