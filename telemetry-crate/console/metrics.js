// Metrics: every metric of the exposition, and one of them as a chart from the moment it is picked.

import { h } from "./dom.js";
import { hold, inService, status } from "./api.js";
import { count, counted, cut, inUnit, percent, perSecond } from "./format.js";
import { change, link } from "./address.js";
import { chart } from "./chart.js";
import { oneStop } from "./keys.js";
import { copyButton, curlButton, empty, section, short, table, traceLink, waiting } from "./parts.js";
import { isRate, nameOf, pick } from "./picked.js";
import { history, metrics, telemetry } from "./resources.js";
import { cardinality } from "./cardinality.js";
import { fullName, labelsOf, promqlOf, unitOf } from "./family.js";
import { mean, quantile } from "./quantile.js";

const MAX_LINES = 8;
const MAX_ROWS = 200;

export const needs = ({ query }) => [metrics, query.metric ? history : telemetry];

/** The kinds of roots whose durations are in the history, by metric. */
const KINDS = {
  http_server_request_duration_seconds: "request",
  rpc_server_call_duration_seconds: "call",
  worker_task_run_seconds: "job",
};

/** The gauges of the history that are computed of a metric. */
const GAUGES = {
  tokio_worker_busy_seconds: "tokio_worker_busy_ratio",
  tokio_scheduler_delay_seconds: "tokio_scheduler_delay_p99_seconds",
  db_client_connection_count: "db_client_connections_used",
  process_cpu_seconds: "process_cpu_seconds_per_second",
};

export function draw({ query }) {
  const answer = hold(metrics);
  if (!answer.data) return waiting(answer);
  const { families } = answer.data;
  const chosen = families.get(query.metric);
  return [
    h(
      "div",
      { class: `metric-body${chosen ? " split" : ""}` },
      list(families, query),
      chosen
        ? detail(chosen, query, answer.data)
        : h(
            "div",
            { class: "metric-detail" },
            query.metric
              ? empty("This metric is not recorded here", cut(query.metric, 120))
              : cardinality(families, hold(telemetry).data),
          ),
    ),
  ];
}

export function back() {
  if (!location.hash.includes("metric=")) return false;
  change({ metric: "", by: "" });
  return true;
}

function list(families, query) {
  const wanted = (query.text ?? "").toLowerCase();
  const all = [...families.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  const found = all.filter((family) => `${fullName(family)} ${family.help}`.toLowerCase().includes(wanted));
  return h(
    "div",
    { class: "metric-list" },
    h(
      "label",
      { class: "field wide" },
      h("span", { class: "unseen" }, "Filter of metrics"),
      h("input", {
        type: "search",
        "data-filter": true,
        value: query.text ?? "",
        placeholder: `Filter ${all.length} metrics`,
        autocomplete: "off",
        oninput: (event) => change({ text: event.target.value }),
      }),
    ),
    h(
      "nav",
      { "aria-label": "Metrics", class: "metric-names", "data-list": true, drawn: oneStop },
      found.map((family) =>
        h(
          "a",
          {
            key: family.name,
            href: link("metrics", { ...query, metric: family.name, by: "" }),
            "data-row": true,
            "aria-current": family.name === query.metric ? "true" : null,
            title: cut(family.help, 300),
          },
          h("span", { class: "metric-name" }, cut(fullName(family), 120)),
          h(
            "span",
            { class: "metric-sub" },
            h("span", {}, family.type),
            h("span", {}, counted(family.series.size, "series")),
          ),
        ),
      ),
    ),
    found.length === 0 ? h("p", { class: "dim" }, "No metric has this in its name or help.") : null,
  );
}

function detail(family, query, scrape) {
  const labels = labelsOf(family);
  const by = query.by === "all" ? labels : labels.includes(query.by) ? [query.by] : [];
  const choices = [
    ["", "the sum"],
    ...labels.map((label) => [label, label]),
    ...(labels.length > 1 ? [["all", "every series"]] : []),
  ];
  const promql = promqlOf(family, by);
  return h(
    "div",
    { class: "metric-detail", key: `metric ${family.name}` },
    h("h2", { class: "mono" }, cut(fullName(family), 160)),
    h(
      "p",
      {},
      cut(family.help, 4_096) ||
        h(
          "span",
          { class: "dim" },
          "No help: describe it with describe_counter!, describe_gauge! or describe_histogram!.",
        ),
    ),
    h(
      "div",
      { class: "facts" },
      h("span", {}, family.type),
      unitOf(family) ? h("span", {}, unitOf(family) === "time" ? "a point in time" : `unit ${unitOf(family)}`) : null,
      h("span", {}, counted(family.series.size, "series")),
      labels.length > 0 ? short(`labels ${labels.join(", ")}`, 200) : null,
    ),
    h(
      "div",
      { class: "actions" },
      labels.length > 0 && unitOf(family) !== "time"
        ? h(
            "label",
            { class: "field" },
            h("span", {}, "By"),
            h(
              "select",
              { value: query.by ?? "", onchange: (event) => change({ by: event.target.value }) },
              choices.map(([value, title]) => h("option", { value }, cut(title, 60))),
            ),
          )
        : null,
      copyButton(promql, "Copy as PromQL", promql),
      curlButton("metrics"),
    ),
    drawing(family, pick(family.name, by, scrape, status.file)),
    past(family),
    seriesTable(family, labels),
  );
}

/** The history that the process keeps of important metrics, which is there before the metric is picked. */
function past(family) {
  const { data } = hold(history);
  if (!data) return null;
  const end = Date.parse(data.time);
  const times = Array.from(
    { length: data.end - data.first },
    (_, index) => end - (data.end - data.first - 1 - index) * data.interval_seconds * 1e3,
  );
  const all = data.all.find(({ kind }) => kind === KINDS[family.name]);
  const gauges = data.gauges.filter(({ metric }) => metric === (GAUGES[family.name] ?? family.name));
  if (!all && gauges.length === 0) return null;
  const lines = all
    ? ["p50", "p95", "p99"].map((name) => ({ name, values: all[name] }))
    : gauges.map((gauge) => ({ name: nameOf(gauge.labels), values: gauge.values }));
  const unit = all ? "s" : gauges[0].metric === "process_cpu_seconds_per_second" ? "s/s" : gauges[0].unit;
  return section(
    "The last 15 minutes",
    { note: "kept in the process" },
    chart({
      id: `${family.name} past`,
      times,
      series: lines.slice(0, MAX_LINES).map((line, style) => ({ ...line, style })),
      unit,
      limit: gauges.length === 1 ? gauges[0].limit : null,
      show: unit === "1" ? percent : undefined,
      title: `${family.name} in the last 15 minutes`,
      height: 150,
    }),
  );
}

/** The chart from the pick on. */
function drawing(family, picked) {
  // A line of points in time would be flat, and their sum means nothing. The table has them.
  if (unitOf(family) === "time") return null;
  if (picked.times.length === 0) return h("div", { class: "chart-wait" }, h("p", { class: "dim" }, waitsFor()));
  const times = picked.times.map(inService);
  if (family.type === "histogram") return histogram(family, picked, times);
  const unit = unitOf(family);
  const show = isRate(family)
    ? (number) => (unit === "seconds" || unit === "bytes" ? `${inUnit(number, unit)} per s` : perSecond(number))
    : undefined;
  return [
    chart({ id: family.name, times, series: best(picked.lines), unit, show, title: family.name, height: 240 }),
    rest(picked.groups),
  ];
}

const waitsFor = () =>
  status.file
    ? "A file has one sample of each metric, so there is no chart of it."
    : "Recording from now on; the first point comes with the next sample, within 5 seconds.";

/** The largest lines, each in a style of its own. */
function best(lines) {
  const size = ({ values }) => values.at(-1) ?? -Infinity;
  const ranked = [...lines.values()].sort((a, b) => size(b) - size(a)).slice(0, MAX_LINES);
  return ranked.map((line, style) => ({ ...line, style }));
}

const rest = (number) =>
  number > MAX_LINES
    ? h("p", { class: "footnote" }, `The ${MAX_LINES} largest of ${number} are drawn; the table has all.`)
    : null;

function histogram(family, picked, times) {
  const unit = unitOf(family);
  const isSum = picked.by.length === 0;
  const lines = [...picked.lines.values()];
  const exemplars = [...family.series.values()].flatMap((series) => series.exemplars);
  const isEmpty = lines.every((line) => line.values.every((value) => value === null));
  return [
    isEmpty
      ? h("p", { class: "dim" }, "No sample came since the metric was picked.")
      : chart({
          id: family.name,
          times,
          series: isSum ? lines.map((line, style) => ({ ...line, style })) : best(picked.lines),
          unit,
          exemplars,
          title: family.name,
          height: 220,
        }),
    chart({
      id: `${family.name} rate`,
      times,
      series: best(picked.rates),
      show: perSecond,
      title: `samples of ${family.name} per second`,
      height: 90,
    }),
    rest(picked.groups),
    exemplarList(exemplars, unit),
  ];
}

function exemplarList(exemplars, unit) {
  const largest = exemplars
    .filter((exemplar) => exemplar.traceId)
    .sort((a, b) => b.value - a.value)
    .slice(0, 8);
  if (largest.length === 0) return null;
  return h(
    "p",
    { class: "exemplars" },
    "Traces of the largest samples: ",
    largest.map((exemplar) => [traceLink(exemplar.traceId, inUnit(exemplar.value, unit)), " "]),
  );
}

function seriesTable(family, labels) {
  const unit = unitOf(family);
  const isHistogram = family.type === "histogram";
  const all = [...family.series.values()].sort((a, b) => (isHistogram ? b.count - a.count : b.value - a.value));
  const columns = [
    ...labels.map((label) => ({ title: label })),
    ...(isHistogram
      ? [
          { title: "Samples", end: true },
          { title: "Mean", end: true },
          { title: "p95", end: true },
        ]
      : [{ title: "Value", end: true }]),
  ];
  if (columns.length === 0 || all.length === 0) return null;
  const rows = all.slice(0, MAX_ROWS).map((series) => ({
    key: series.key,
    cells: [
      ...labels.map((label) => series.labels[label] ?? "–"),
      ...(isHistogram
        ? [count(series.count), inUnit(mean(series), unit), inUnit(quantile(series, 0.95), unit)]
        : [inUnit(series.value, unit)]),
    ],
  }));
  return section(
    "Series",
    { note: `since the start${all.length > MAX_ROWS ? `; the ${MAX_ROWS} largest of ${all.length}` : ""}` },
    table("Series", columns, rows),
  );
}
