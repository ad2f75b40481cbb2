// Metrics: every metric of the exposition, and one of them as a chart from the moment it is picked.

import { h } from "./dom.js";
import { curl, hold } from "./api.js";
import { count, counted, cut, inUnit, percent, perSecond } from "./format.js";
import { change, link } from "./address.js";
import { chart } from "./chart.js";
import { copyButton, empty, section, table, traceLink, waiting } from "./parts.js";
import { history, metrics, telemetry } from "./resources.js";
import { cardinality } from "./cardinality.js";
import { fullName, labelsOf, promqlOf, unitOf } from "./family.js";
import { groupBy, mean, quantile, since, sum } from "./quantile.js";

const MAX_POINTS = 720;
const MAX_LINES = 8;
const MAX_ROWS = 200;

/** The samples of the picked metric: `{ name, at: [], families: [] }`. */
const picked = { name: null, samples: [] };

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
  keep(query.metric, answer.data);
  const chosen = families.get(query.metric);
  return [
    h(
      "div",
      { class: `metric-body${chosen ? " split" : ""}` },
      list(families, query),
      chosen
        ? detail(chosen, query)
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

/** Adds the sample of the last scrape, from the pick on. */
function keep(name, { at, families, last }) {
  if (picked.name !== name)
    Object.assign(picked, {
      name,
      samples: last?.families.has(name) ? [{ at: last.at, family: last.families.get(name) }] : [],
    });
  const family = families.get(name);
  if (family && picked.samples.at(-1)?.at !== at)
    picked.samples = [...picked.samples, { at, family }].slice(-MAX_POINTS);
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
      { "aria-label": "Metrics", class: "metric-names" },
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

function detail(family, query) {
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
      cut(family.help, 600) ||
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
      h("span", {}, `unit ${family.unit || unitOf(family) || "1"}`),
      h("span", {}, counted(family.series.size, "series")),
      labels.length > 0 ? h("span", {}, `labels ${cut(labels.join(", "), 200)}`) : null,
    ),
    h(
      "div",
      { class: "actions" },
      labels.length > 0
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
      copyButton(curl("metrics"), "Copy curl"),
    ),
    drawing(family, by),
    past(family),
    seriesTable(family, labels),
  );
}

const nameOf = (labels) => Object.values(labels).filter(Boolean).join(" · ") || "all";

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

/** The values of each group at each sample: rates of counters, quantiles of histograms, gauges as they are. */
function drawing(family, by) {
  const { samples } = picked;
  const isRate = family.type !== "gauge" && family.type !== "info";
  if (samples.length < (isRate ? 2 : 1))
    return h(
      "div",
      { class: "chart-wait" },
      h("p", { class: "dim" }, "Recording from now on; the first point comes with the next sample, within 5 seconds."),
    );
  const times = samples.slice(isRate ? 1 : 0).map((sample) => sample.at);
  const groups = groupBy(family, by);
  if (family.type === "histogram") return histogram(family, by, groups, times);
  const value = (sample, group) => {
    const found = group.series
      .map((series) => sample.family.series.get(series.key)?.value)
      .filter((found) => found !== undefined);
    return found.length > 0 ? found.reduce((total, one) => total + one, 0) : null;
  };
  const lines = groups.map((group) => ({
    name: nameOf(group.labels),
    values: isRate
      ? samples
          .slice(1)
          .map((sample, index) =>
            rate(value(samples[index], group), value(sample, group), sample.at - samples[index].at),
          )
      : samples.map((sample) => value(sample, group)),
  }));
  const unit = unitOf(family);
  const show = isRate
    ? (number) => (unit === "seconds" || unit === "bytes" ? `${inUnit(number, unit)} per s` : perSecond(number))
    : undefined;
  return [
    chart({ id: family.name, times, series: best(lines), unit, show, title: family.name, height: 240 }),
    rest(lines.length),
  ];
}

/** A counter that went down has started over. */
const rate = (before, after, milliseconds) =>
  after === null || milliseconds <= 0
    ? null
    : (after >= (before ?? 0) ? after - (before ?? 0) : after) / (milliseconds / 1e3);

function best(lines) {
  const ranked = [...lines].sort((a, b) => (b.values.at(-1) ?? 0) - (a.values.at(-1) ?? 0)).slice(0, MAX_LINES);
  return ranked.map((line, style) => ({ ...line, style }));
}

const rest = (number) =>
  number > MAX_LINES
    ? h("p", { class: "footnote" }, `The ${MAX_LINES} largest of ${number} are drawn; the table has all.`)
    : null;

function histogram(family, by, groups, times) {
  const { samples } = picked;
  const at = (sample, group) => sum(group.series.map((series) => sample.family.series.get(series.key)).filter(Boolean));
  const unit = unitOf(family);
  const between = (group) =>
    samples.slice(1).map((sample, index) => since(at(samples[index], group), at(sample, group)));
  const quantiles = by.length === 0 ? [0.5, 0.95, 0.99] : [0.95];
  const lines = groups.flatMap((group) => {
    const steps = between(group);
    return quantiles.map((q) => ({
      name: by.length === 0 ? `p${q * 100}` : `p95 ${nameOf(group.labels)}`,
      values: steps.map((step) => quantile(step, q)),
    }));
  });
  const rates = groups.map((group) => ({
    name: by.length === 0 ? "samples" : nameOf(group.labels),
    values: between(group).map((step, index) => step.count / Math.max(0.001, (times[index] - samples[index].at) / 1e3)),
  }));
  const exemplars = [...family.series.values()].flatMap((series) => series.exemplars);
  const isEmpty = lines.every((line) => line.values.every((value) => value === null));
  return [
    isEmpty
      ? h("p", { class: "dim" }, "No sample came since the metric was picked.")
      : chart({
          id: family.name,
          times,
          series: by.length === 0 ? lines.map((line, style) => ({ ...line, style })) : best(lines),
          unit,
          exemplars,
          title: family.name,
          height: 220,
        }),
    chart({
      id: `${family.name} rate`,
      times,
      series: best(rates),
      show: perSecond,
      title: `samples of ${family.name} per second`,
      height: 90,
    }),
    rest(groups.length),
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
      ...labels.map((label) => cut(series.labels[label] ?? "–", 120)),
      ...(isHistogram
        ? [count(series.count), inUnit(mean(series), unit), inUnit(quantile(series, 0.95), unit)]
        : [inUnit(series.value, /timestamp/.test(family.name) ? "" : unit)]),
    ],
  }));
  return section(
    "Series",
    { note: `since the start${all.length > MAX_ROWS ? `; the ${MAX_ROWS} largest of ${all.length}` : ""}` },
    table("Series", columns, rows),
  );
}
