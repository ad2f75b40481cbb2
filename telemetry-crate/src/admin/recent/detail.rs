//! The roots of a list with their spans and events, sent one after the other.
//!
//! All of them together may be several times as large as the recorder, because JSON is longer than its records. So the
//! answer is a stream: what exists of it at a time is one root, and what the client has not taken yet.

use hyper::body::Bytes;
use serde_json::Value;
use tokio::task::yield_now;

use super::{
    Live, json, live_for,
    query::{Query, Section},
};
use crate::{
    admin::{
        answer::Answer,
        identity::Identity,
        streams::{self, StreamEnded, StreamSender, Streams},
    },
    recorder::{Recorder, RootHandle},
    status::Status,
};

/// The largest number of bytes that are sent at a time.
const CHUNK: usize = 64 * 1024;

/// Opens the stream, and sends the roots if `is_sent`.
///
/// # Panics
///
/// Panics outside a tokio runtime.
pub(super) fn answer(
    status: &Status,
    recorder: &Recorder,
    streams: &Streams,
    query: &Query,
    is_sent: bool,
) -> Answer {
    let Some((sender, answer)) = streams.open("application/json") else {
        return streams::all_taken();
    };
    if is_sent {
        let live = live_for(status, recorder, query);
        let detail = Detail {
            head: json::head(&Identity::of(status), recorder, &live),
            sections: sections(recorder, query),
            live,
        };
        // Without an end, the JSON of a client that does not keep up is invalid, and its connection is closed.
        tokio::spawn(async move { detail.send(&sender).await });
    }
    answer
}

fn sections(recorder: &Recorder, query: &Query) -> Vec<(Section, usize, Vec<RootHandle>)> {
    let sections = query.asked().map(|section| {
        let list = query.list(section, recorder);
        let handles = list.handles(query.limit_of_detail());
        (section, list.count(), handles)
    });
    sections.collect()
}

/// An answer that is sent.
#[derive(Debug)]
struct Detail {
    /// An object without the sections.
    head: Value,
    sections: Vec<(Section, usize, Vec<RootHandle>)>,
    live: Live,
}

impl Detail {
    async fn send(self, sender: &StreamSender) -> Result<(), StreamEnded> {
        let mut head = self.head.to_string();
        // The sections follow in the same object.
        head.pop();
        send(sender, head).await?;
        for (section, count, roots) in self.sections {
            let name = section.name();
            let start = format!(",\"{name}\":{{\"count\":{count},\"roots\":[");
            send(sender, start).await?;
            let mut separator = "";
            // The recorder may have removed some of them since.
            for root in roots.iter().filter_map(RootHandle::read) {
                let value = json::in_section(section, &self.live, &root, json::whole(&root));
                send(sender, format!("{separator}{value}")).await?;
                separator = ",\n";
                yield_now().await;
            }
            send(sender, "]}".to_owned()).await?;
        }
        send(sender, "}\n".to_owned()).await
    }
}

/// Sends a text in chunks, once the client has taken most of what was sent before.
async fn send(sender: &StreamSender, text: String) -> Result<(), StreamEnded> {
    let mut rest = Bytes::from(text);
    while !rest.is_empty() {
        let chunk = rest.split_to(rest.len().min(CHUNK));
        sender.send_paced(chunk).await?;
    }
    Ok(())
}
