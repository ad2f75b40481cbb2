//! Open pages of the console beside a steady load.
//!
//! Windows without and with pages take turns, so that a busy machine affects both alike. Beside the pages that read
//! all answers, one reads slowly and one never reads. Each polls what the views *Now* and *Traces* poll, more than any
//! single view does.

use std::{
    cell::Cell,
    net::Ipv4Addr,
    rc::Rc,
    time::{Duration, Instant},
};

use serde::Serialize;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    runtime::Builder,
    task::{AbortHandle, LocalSet, spawn_local},
    time::{MissedTickBehavior, interval, sleep},
};

use crate::{
    args::Args,
    host,
    load::{self, paced},
    report::percentile,
    variant_process::Server,
};

/// The latencies and the processor time without and with pages.
#[derive(Debug, Default, Serialize)]
pub(crate) struct TabsReport {
    alone: Window,
    with_tabs: Window,
    /// Answers that the pages have read.
    answers: u64,
    /// Answers other than 200.
    refused: u64,
}

/// All windows of one kind.
#[derive(Debug, Default, Serialize)]
struct Window {
    requests: usize,
    p50_us: f64,
    p99_us: f64,
    p999_us: f64,
    /// Processor time of the server in percent of one core.
    core_percent: f64,
    #[serde(skip)]
    latencies: Vec<Duration>,
    #[serde(skip)]
    processor_time: Duration,
    #[serde(skip)]
    took: Duration,
}

#[derive(Debug, Default)]
struct Counts {
    answers: Cell<u64>,
    refused: Cell<u64>,
}

pub(crate) fn run(args: &Args, server: &Server) -> anyhow::Result<TabsReport> {
    load::run(args, args.warm_up, server.port, None)?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, windows(args, server))
}

async fn windows(args: &Args, server: &Server) -> anyhow::Result<TabsReport> {
    let counts = Rc::new(Counts::default());
    let mut report = TabsReport::default();
    for _ in 0..args.windows {
        measure(args, server, &mut report.alone).await?;
        let tabs = open(args.tabs, server.metrics_port, &counts);
        measure(args, server, &mut report.with_tabs).await?;
        tabs.iter().for_each(AbortHandle::abort);
    }
    report.alone.finish();
    report.with_tabs.finish();
    report.answers = counts.answers.get();
    report.refused = counts.refused.get();
    Ok(report)
}

async fn measure(args: &Args, server: &Server, window: &mut Window) -> anyhow::Result<()> {
    sleep(SETTLE).await;
    let (started, before) = (Instant::now(), host::processor_time(server.id())?);
    let latencies = paced(args.connections, args.rate, server.port, WINDOW).await?;
    window.processor_time += host::processor_time(server.id())?.saturating_sub(before);
    window.took += started.elapsed();
    window.latencies.extend(latencies);
    Ok(())
}

impl Window {
    fn finish(&mut self) {
        self.latencies.sort_unstable();
        self.requests = self.latencies.len();
        self.p50_us = percentile(&self.latencies, 0.50);
        self.p99_us = percentile(&self.latencies, 0.99);
        self.p999_us = percentile(&self.latencies, 0.999);
        let share = self.processor_time.as_secs_f64() / self.took.as_secs_f64().max(f64::EPSILON);
        self.core_percent = 100.0 * share;
    }
}

/// Opens `tabs` pages that read, and one each that reads slowly and never.
fn open(tabs: usize, port: u16, counts: &Rc<Counts>) -> Vec<AbortHandle> {
    let readers = std::iter::repeat_n(Reader::Fast, tabs);
    let readers = readers.chain([Reader::Slow, Reader::Never]);
    let poll = |reader| POLLS.map(|(path, every)| (reader, path, every));
    readers
        .flat_map(poll)
        .map(|(reader, path, every)| {
            spawn_local(page(reader, path, every, port, Rc::clone(counts))).abort_handle()
        })
        .collect()
}

#[derive(Debug, Clone, Copy)]
enum Reader {
    Fast,
    /// Takes 1 KiB every 100 ms.
    Slow,
    /// Keeps each connection open and takes nothing.
    Never,
}

async fn page(reader: Reader, path: &str, every: Duration, port: u16, counts: Rc<Counts>) {
    let mut interval = interval(every);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut held = Vec::new();
    loop {
        interval.tick().await;
        let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await else {
            continue;
        };
        let request = format!(
            "GET /{path} HTTP/1.1\r\nhost: localhost\r\naccept: application/json\r\naccept-encoding: gzip\r\nconnection: close\r\n\r\n"
        );
        if stream.write_all(request.as_bytes()).await.is_err() {
            continue;
        }
        match reader {
            Reader::Never => held.push(stream),
            Reader::Fast => read(&mut stream, Duration::ZERO, &counts).await,
            Reader::Slow => read(&mut stream, Duration::from_millis(100), &counts).await,
        }
    }
}

async fn read(stream: &mut TcpStream, pause: Duration, counts: &Counts) {
    let mut block = [0; 1_024];
    let mut is_first = true;
    while let Ok(read @ 1..) = stream.read(&mut block).await {
        let head = block.get(..read).unwrap_or_default();
        if is_first {
            counts.answers.set(counts.answers.get() + 1);
            let is_refused = u64::from(!head.starts_with(b"HTTP/1.1 200"));
            counts.refused.set(counts.refused.get() + is_refused);
            is_first = false;
        }
        if !pause.is_zero() {
            sleep(pause).await;
        }
    }
}

/// What the views *Now* and *Traces* poll, and how often.
const POLLS: [(&str, Duration); 5] = [
    ("explain", Duration::from_secs(5)),
    ("history", Duration::from_secs(5)),
    ("metrics", Duration::from_secs(5)),
    ("errors", Duration::from_secs(2)),
    ("traces?limit=200", Duration::from_secs(2)),
];

/// The length of one window.
const WINDOW: Duration = Duration::from_secs(10);
/// The time between opening or closing pages and the measurement.
const SETTLE: Duration = Duration::from_secs(1);
