// Now: what is wrong, how much there is to do, and how full the service is.

import { h } from "./dom.js";
import { hold, inService, isStale } from "./api.js";
import { briefly, clock, count, counted, cut, inUnit, percent, perSecond, plural, seconds, spoken } from "./format.js";
import { link } from "./address.js";
import { sparkline } from "./chart.js";
import { badge, empty, linked, next, section, short, table, traceLink, waiting } from "./parts.js";
import { explain, history, open } from "./resources.js";

export const needs = () => [explain, history, open];

/** The points of the last minute. An older value says nothing about now. */
const RECENT = 12;

/** The last value of the last minute, or null. The last point may not have any. */
const last = (values) => values?.slice(-RECENT).findLast((value) => value !== null) ?? null;
const current = (values) => values?.at(-1) ?? null;

export function draw() {
  const points = hold(history);
  return [
    verdict(hold(explain)),
    points.data ? figures(points.data) : waiting(points),
    points.data ? gauges(points.data) : null,
    points.data ? routes(points.data) : null,
    openRoots(hold(open)),
  ];
}

/** The findings that are shown at once, so that the figures below them are in view. */
const SHOWN = 3;

function verdict(answer) {
  const { data } = answer;
  if (!data) return waiting(answer);
  const { findings } = data;
  // One hidden finding would take as much room as its heading.
  const most = findings.length === SHOWN + 1 ? findings.length : SHOWN;
  const worst =
    ["broken", "warning", "note"].find((severity) => findings.some((finding) => finding.severity === severity)) ?? "ok";
  return h(
    "section",
    { class: `verdict ${worst}`, "aria-label": "Verdict", key: "verdict" },
    h(
      "div",
      { class: "verdict-head" },
      h("span", { class: "verdict-mark", "aria-hidden": "true" }, { ok: "✓", broken: "✕", note: "i" }[worst] ?? "!"),
      h("h2", { class: "title" }, sentence(data.verdict)),
      isStale(answer) ? h("span", { class: "dim" }, `as of ${clock(inService(answer.at), false)} UTC`) : null,
    ),
    list(findings.slice(0, most)),
    findings.length > most
      ? h(
          "details",
          { class: "further", key: "further" },
          h("summary", {}, counted(findings.length - most, "further finding")),
          list(findings.slice(most)),
        )
      : null,
    data.fine?.length > 0
      ? h(
          "p",
          { class: "fine" },
          h("span", {}, findings.length > 0 ? "Nothing wrong with" : "Checked"),
          " ",
          data.fine.join(", "),
        )
      : null,
  );
}

function list(findings) {
  if (findings.length === 0) return null;
  return h(
    "ol",
    { class: "findings" },
    findings.map((finding, index) =>
      h("li", { key: `${index} ${finding.next}`, class: finding.severity }, oneFinding(finding)),
    ),
  );
}

const sentence = (text) => cut(text.charAt(0).toUpperCase() + text.slice(1), 4_096);

function oneFinding({ severity, what, evidence, next: path, runbook }) {
  return [
    h(
      "div",
      { class: "finding-head" },
      badge(severity),
      h("span", { class: "what" }, linked(sentence(what))),
      h(
        "span",
        { class: "finding-next" },
        runbook ? h("span", { class: "dim", title: "the runbook of this finding" }, cut(runbook, 80)) : null,
        next(path),
      ),
    ),
    evidence.some(Boolean)
      ? h(
          "ul",
          { class: "evidence" },
          evidence.filter(Boolean).map((line) => h("li", {}, linked(line))),
        )
      : null,
  ];
}

const KINDS = { request: "Requests", call: "Calls", job: "Jobs", run: "Runs" };

function figures(data) {
  const isUsed = (all) => all.rate.some((value) => value > 0);
  const used = data.all.filter(isUsed);
  const kinds = used.length > 0 ? used : [{ kind: "request", rate: [0], failed: [0], p50: [], p95: [], p99: [] }];
  const tiles = kinds.flatMap((all) => {
    const title = KINDS[all.kind] ?? plural(all.kind);
    const [rate, failed] = [current(all.rate), current(all.failed)];
    return [
      tile(
        `${title} per second`,
        perSecond(rate),
        null,
        sparkline(all.rate, { label: `${title} per second in the last 15 minutes`, more: all.failed }),
      ),
      tile(
        `Failed ${title.toLowerCase()}`,
        perSecond(failed),
        rate > 0 ? `${percent(failed / rate)} of them` : "",
        sparkline(all.failed, {
          label: `Failures per second in the last 15 minutes`,
          tone: all.failed.some((value) => value > 0) ? "bad" : "muted",
        }),
        failed > 0 ? "bad" : "",
      ),
      tile(
        "Duration p95",
        seconds(last(all.p95)),
        `p50 ${briefly(last(all.p50))} · p99 ${briefly(last(all.p99))}`,
        sparkline(all.p95, { label: "95th percentile of durations in the last 15 minutes", tone: "violet" }),
      ),
    ].map((one) => ({ ...one, props: { ...one.props, key: `${all.kind} ${one.props.key}` } }));
  });
  return h("div", { class: "tiles", key: "tiles" }, tiles);
}

function tile(title, value, note, chart, tone = "") {
  return h(
    "div",
    { class: `tile ${tone}`, key: title },
    h("div", { class: "tile-title" }, title),
    h("div", { class: "tile-value" }, value),
    h("div", { class: "tile-note" }, note || "\u00a0"),
    chart,
  );
}

const GAUGES = {
  recorder_open_roots: "In progress",
  tokio_worker_busy_ratio: "Runtime busy",
  tokio_scheduler_delay_p99_seconds: "Wait of tasks, p99",
  db_client_connections_used: "Connections",
  db_client_connections_waiting: "Waiting calls",
  worker_queue_depth: "Ready jobs",
  worker_queue_oldest_age_seconds: "Oldest job",
  process_resident_memory_bytes: "Memory",
  process_cpu_seconds_per_second: "Processor",
};

/** How far back the history goes, which is 15 minutes in a process that is not young. */
const reach = (data) => `the last ${spoken((data.end - data.first) * data.interval_seconds)}`;

function gauges(data) {
  if (data.gauges.length === 0) return null;
  const order = Object.keys(GAUGES);
  const all = [...data.gauges].sort((a, b) => order.indexOf(a.metric) - order.indexOf(b.metric));
  const isOne = ({ metric }) => all.filter((gauge) => gauge.metric === metric).length === 1;
  return section(
    "Saturation",
    { note: reach(data) },
    h(
      "div",
      { class: "gauges" },
      all.map((one) => gauge(one, isOne(one))),
    ),
  );
}

/** One gauge. If it is the only one of its metric, its title needs no label. */
function gauge({ metric, labels, unit, limit: most, values }, isOne) {
  const value = last(values);
  const isRatio = metric.endsWith("_ratio");
  // A ratio has its limit in its unit.
  const limit = isRatio ? null : most;
  const isCpu = metric === "process_cpu_seconds_per_second";
  // The title of a gauge names what it counts.
  const show = (number) =>
    isRatio
      ? percent(number)
      : isCpu
        ? inUnit(number, "s/s")
        : unit.startsWith("{")
          ? count(number)
          : inUnit(number, unit);
  const fill = limit ? value / limit : isRatio ? value : 0;
  const tone = fill >= 0.9 ? "bad" : fill >= 0.7 ? "warn" : "";
  const of = Object.values(labels ?? {}).join(", ");
  const title = GAUGES[metric] ?? metric.replaceAll("_", " ");
  const chart = sparkline(values, {
    label: `${title} ${cut(of, 60)} in the last 15 minutes`,
    limit,
    max: isRatio ? 1 : undefined,
    tone,
  });
  return h(
    "div",
    { class: `gauge ${tone}`, key: `${metric} ${of}`, title: cut(`${title} ${of}, ${metric}`, 300) },
    h("div", { class: "gauge-title" }, title, of && !isOne ? h("span", { class: "dim" }, ` ${cut(of, 60)}`) : null),
    h(
      "div",
      { class: "gauge-value" },
      show(value),
      limit ? h("span", { class: "dim" }, ` of ${show(limit)}${tone ? `, ${percent(fill)}` : ""}`) : null,
    ),
    chart,
  );
}

/** The row of the names for which the history has no place. */
const OTHERS = "(others)";

function routes({ roots }) {
  const rows = roots
    .map((root) => ({ ...root, total: root.rate.reduce((sum, value) => sum + (value ?? 0), 0) }))
    .filter((root) => root.total > 0)
    .sort((a, b) => (current(b.rate) ?? 0) - (current(a.rate) ?? 0) || b.total - a.total);
  if (rows.length === 0) {
    return section(
      "Routes and jobs",
      {},
      empty(
        "No requests and no jobs in the last 15 minutes",
        "A request, a call or a job shows here within 5 seconds of its end.",
      ),
    );
  }
  const columns = [
    { title: "Name" },
    { title: "Rate", end: true },
    { title: "Failed", end: true },
    { title: "p50", end: true },
    { title: "p95", end: true },
    { title: "p99", end: true },
    { title: "History" },
  ];
  return section(
    "Routes and jobs",
    { note: "rates of the last 5 seconds, durations of the last minute" },
    table(
      "Routes and jobs",
      columns,
      rows.map((root) => {
        const failed = current(root.failed);
        return {
          key: `${root.kind} ${root.name}`,
          href: root.name === OTHERS ? null : link("traces", { route: root.name }),
          cells: [
            root.name,
            perSecond(current(root.rate)),
            failed > 0
              ? h("span", { class: "bad-text" }, `✕ ${perSecond(failed)}`)
              : h("span", { class: "dim" }, perSecond(failed)),
            seconds(last(root.p50)),
            seconds(last(root.p95)),
            seconds(last(root.p99)),
            sparkline(root.rate, { label: `rate of ${cut(root.name, 60)}`, more: root.failed }),
          ],
        };
      }),
    ),
  );
}

function openRoots({ data }) {
  const found = data?.open;
  if (!found || found.count === 0) return null;
  const more = h("a", { href: link("traces", { section: "open" }) }, `All ${count(found.count)} that are open`);
  const columns = [{ title: "Open" }, { title: "For", end: true }, { title: "Does" }, { title: "Trace" }];
  const rows = found.roots.slice(0, 6).map((root) => ({
    key: root.span_id,
    href: link("traces", {}, root.trace_id),
    cells: [
      root.name,
      seconds(Math.max(root.duration_seconds, 0)),
      short(doing(root), 200, { class: "dim" }),
      traceLink(root.trace_id),
    ],
  }));
  return section("Open now", { note: "the oldest first", more }, table("Open now", columns, rows));
}

/** What an open root does at the moment. */
export function doing(root) {
  if (root.now?.length > 0) return root.now.join("; ");
  const wait = root.waits_in;
  return wait
    ? `in ${wait.name} for ${seconds(wait.seconds)}${wait.at ? ` at ${wait.at}` : ""}`
    : "in code without spans";
}
