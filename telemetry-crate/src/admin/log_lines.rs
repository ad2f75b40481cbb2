//! `/logs`: the most recent log lines, and with `follow` those that come.
//!
//! The lines are those of standard output, also if it is blocked. They are filtered here, not by the threads that log.

mod json;
mod query;
mod tail;

use std::{convert::Infallible, sync::Arc};

use http::{HeaderName, HeaderValue, Method, Request, StatusCode};
use serde_json::json;
use tokio::{
    task::yield_now,
    time::{Duration, sleep},
};

use self::{
    query::Query,
    tail::{Line, Tail},
};
use super::{
    answer::{Answer, accepts_json, recorder_is_off, response, text},
    streams::{self, StreamEnded, StreamSender, Streams},
};
use crate::{
    recorder::{Batch, LineCursor, Lines},
    status::Status,
};

/// Interval between two checks for new lines.
///
/// A reader does not notice this delay.
const INTERVAL: Duration = Duration::from_millis(100);

/// The number of older lines that are sent at a time, at most 16 KiB each.
const LINES_OF_CHUNK: usize = 16;

const INSTANCE: HeaderName = HeaderName::from_static("firstlight-instance");

/// The number of lines since the start that are not kept any more.
const OLDER_LINES: HeaderName = HeaderName::from_static("firstlight-older-lines");

/// The number of the first line that comes after the answer.
const NEXT_LINE: HeaderName = HeaderName::from_static("firstlight-next-line");

/// Answers `/logs`.
///
/// # Panics
///
/// Panics outside a tokio runtime.
pub(super) async fn answer<B>(status: &Status, streams: &Streams, request: &Request<B>) -> Answer {
    let Some(recorder) = status.recorder() else {
        return recorder_is_off();
    };
    let mut query = match Query::parse(request.uri().query().unwrap_or_default()) {
        Ok(query) => query,
        Err(sentence) => return text(StatusCode::BAD_REQUEST, sentence),
    };
    let is_json = status.log_lines_are_json();
    let content_type = if is_json {
        "application/x-ndjson"
    } else {
        "text/plain; charset=utf-8"
    };
    let lines = recorder.lines();
    let kept = lines.range();
    // A larger number is of another process, at whose address this one is now.
    query.after = query.after.filter(|after| *after <= kept.end);
    let first = if let Some(after) = query.after {
        after
    } else if query.has_filter() {
        // It is not known which of the lines are the last ones that pass.
        kept.start
    } else {
        let tail = u64::try_from(query.tail()).unwrap_or(u64::MAX);
        kept.end.saturating_sub(tail).max(kept.start)
    };
    let mut reader = Reader {
        lines: lines.clone(),
        cursor: lines.cursor(first),
        end: kept.end,
        query,
        is_json,
    };
    let mut answer = if reader.query.follow {
        let Some((sender, answer)) = streams.open(content_type) else {
            return streams::all_taken();
        };
        if request.method() != Method::HEAD {
            tokio::spawn(async move {
                let Err(StreamEnded) = reader.follow(&sender).await;
            });
        }
        answer
    } else if accepts_json(request.headers()) {
        let tail = reader.tail().await;
        json::answer(status, &tail, kept.end)
    } else {
        let tail = reader.tail().await;
        let mut parts = tail.into_text(is_json);
        let is_first = reader.query.after.is_none();
        if parts.is_empty() && is_first && kept.start > 0 && reader.query.tail() > 0 {
            parts.push(none_kept(kept.start, is_json));
        }
        response(StatusCode::OK, content_type, parts.concat())
    };
    let headers = answer.headers_mut();
    headers.insert(OLDER_LINES, kept.start.into());
    headers.insert(NEXT_LINE, kept.end.into());
    if let Ok(instance) = HeaderValue::from_str(status.resource("service.instance.id")) {
        headers.insert(INSTANCE, instance);
    }
    answer
}

/// Reads the lines that a request asks for.
#[derive(Debug)]
struct Reader {
    lines: Arc<Lines>,
    cursor: LineCursor,
    /// The number of the first line after the request.
    end: u64,
    query: Query,
    is_json: bool,
}

impl Reader {
    /// The last lines before the request.
    ///
    /// Yields between batches, so that scrapes and probes are answered.
    async fn tail(&mut self) -> Tail {
        let mut tail = Tail::new(self.query.tail(), self.query.after.is_some());
        loop {
            let filter = &self.query.filter;
            let batch = self.lines.read_until(self.end, &mut self.cursor, filter);
            tail.add(batch.missed, self.pass(&batch));
            if batch.is_last {
                return tail;
            }
            yield_now().await;
        }
    }

    /// Sends the last lines, and then each line that comes.
    async fn follow(&mut self, sender: &StreamSender) -> Result<Infallible, StreamEnded> {
        let tail = self.tail().await.into_text(self.is_json);
        for lines in tail.chunks(LINES_OF_CHUNK) {
            sender.send_paced(lines.concat().into()).await?;
        }
        loop {
            let batch = self.lines.read(&mut self.cursor, &self.query.filter);
            let mut chunk = match batch.missed {
                0 => Vec::new(),
                lines => missed(lines, self.is_json),
            };
            for line in self.pass(&batch) {
                chunk.extend(line.text);
            }
            if !chunk.is_empty() {
                sender.send(chunk.into())?;
            }
            if sender.is_ended() {
                return Err(StreamEnded);
            }
            if batch.is_last {
                sleep(INTERVAL).await;
            } else {
                yield_now().await;
            }
        }
    }

    /// The lines of a batch that pass the filters.
    fn pass(&self, batch: &Batch) -> Vec<Line> {
        let lines = batch.views().map(|view| {
            let text = match self.is_json {
                true => view.text.to_vec(),
                false => without_colors(view.text),
            };
            Line::new(&view, text)
        });
        lines
            .filter(|line| self.query.accepts(&line.text))
            .collect()
    }
}

/// The line that stands for lines which could not be read in time.
fn missed(lines: u64, is_json: bool) -> Vec<u8> {
    let message = format!(
        "{lines} log lines are missing here: newer lines have replaced them before they could be sent"
    );
    missing(lines, &message, is_json)
}

/// The line of an answer without lines, if there were older ones.
fn none_kept(older: u64, is_json: bool) -> Vec<u8> {
    let message = format!("no line that is kept passes; {older} older lines are not kept any more");
    missing(older, &message, is_json)
}

fn missing(lines: u64, message: &str, is_json: bool) -> Vec<u8> {
    let message = format!(
        "{message}; a larger FIRSTLIGHT_RECORDER_BYTES or a stricter log filter keeps them longer"
    );
    let line = if is_json {
        json!({ "level": "WARN", "target": "firstlight::admin", "message": message, "missing": lines })
            .to_string()
    } else {
        message
    };
    (line + "\n").into()
}

/// Returns a pretty line without the colors of the terminal.
///
/// The format escapes control characters of the program, so all of these sequences set a color.
fn without_colors(line: &[u8]) -> Vec<u8> {
    let mut parts = line.split(|byte| *byte == 0x1b);
    let mut plain = parts.next().unwrap_or_default().to_vec();
    for part in parts {
        let end = part.iter().position(|byte| *byte == b'm');
        plain.extend_from_slice(end.map_or(part, |end| &part[end + 1..]));
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colors_are_removed() {
        for (line, plain) in [
            (
                "\x1b[2m12:00\x1b[0m \x1b[31mERROR\x1b[0m \x1b[1mhm\x1b[0m\n",
                "12:00 ERROR hm\n",
            ),
            ("plain\n", "plain\n"),
            ("", ""),
        ] {
            assert_eq!(without_colors(line.as_bytes()), plain.as_bytes());
        }
    }

    #[test]
    fn missed_lines_are_one_line() {
        let line = missed(7, true);
        let line: serde_json::Value = serde_json::from_slice(&line).unwrap_or_default();
        assert_eq!(line["missing"], 7);
        assert!(
            line["message"]
                .as_str()
                .is_some_and(|text| text.starts_with("7 log lines"))
        );
        assert!(missed(7, false).ends_with(b"longer\n"));
        assert!(none_kept(7, false).starts_with(b"no line that is kept passes; 7 older lines"));
    }
}
