// Traces: the requests, jobs and runs that the flight recorder has.

import { h } from "./dom.js";
import { hold, now, status } from "./api.js";
import { ago, clock, count, cut, seconds, time } from "./format.js";
import { change, changeLater, link, toTrace } from "./address.js";
import { grid, unchoose } from "./table.js";
import { empty, mark, short, tabs, traceLink, waiting } from "./parts.js";
import { doing } from "./now.js";
import { counts, traces } from "./resources.js";

const SECTIONS = [
  ["open", "Open", "the oldest first"],
  ["failed", "Failed", "the last one first"],
  ["canceled", "Canceled", "the last one first"],
  ["slow", "Slow", "the slowest of each name"],
  ["recent", "Recent", "some of each name"],
];

const isSection = (name) => SECTIONS.some(([section]) => section === name);
const resource = ({ section, route }) => traces(isSection(section) ? section : "", route);

export const needs = ({ query }) =>
  isSection(query.section) ? [resource(query), counts(query.route)] : [resource(query)];

/** Takes the choice of a row back, which lets the list go on. */
export const back = () => unchoose("traces");

export function draw({ query }) {
  let answer = hold(resource(query));
  // Until the section has come, its part of all sections stands in for it.
  if (!answer.data && !answer.error) answer = hold(traces("", query.route));
  const chosen = isSection(query.section) ? query.section : "all";
  const of = chosen === "all" ? answer.data : { ...hold(counts(query.route)).data, ...answer.data };
  const { all, rows } = found(answer.data, query);
  const part = answer.data ? searched(answer.data, chosen) : null;
  const items = [
    { value: "all", title: "All", href: link("traces", { ...query, section: "" }) },
    ...SECTIONS.map(([name, title]) => ({
      value: name,
      title,
      count: of?.[name]?.count,
      href: link("traces", { ...query, section: name }),
      tone: name === "failed" && of?.failed?.count > 0 ? "bad" : "",
    })),
  ];
  return [
    h("div", { class: "toolbar" }, tabs("Section", chosen, items), filters(query)),
    isTraceId(query.text)
      ? h("p", {}, traceLink(query.text.trim().toLowerCase(), "Open the trace with this id"))
      : null,
    answer.data ? list(rows, all, query, part) : waiting(answer),
    part ? h("p", { class: "footnote" }, part) : null,
    answer.data ? lost(answer.data) : null,
  ];
}

/** Any trace that is kept can be opened, also one that is not listed. */
const isTraceId = (text) => /^\s*[0-9a-f]{32}\s*$/i.test(text ?? "");

/** The sections of which only a part is here, so that the filter does not see all. The service applies the route. */
function searched(data, chosen) {
  const parts = SECTIONS.filter(([name]) => chosen === "all" || chosen === name)
    .map(([name]) => ({ name, all: data[name]?.count ?? 0, here: data[name]?.roots.length ?? 0 }))
    .filter(({ all, here }) => all > here)
    .map(({ name, all, here }) => `${count(here)} of ${count(all)} ${name}`);
  if (parts.length === 0) return null;
  const more = chosen === "all" ? " A single section has more, and Route searches all." : " Route searches all.";
  return `Listed and searched: ${parts.join(", ")}.${status.file ? "" : more}`;
}

const last = {};

/** The rows that pass. They are kept until the data or the filter changes, as the page is drawn while it scrolls. */
function found(data, query) {
  const key = JSON.stringify(query);
  if (last.data === data && last.key === key) return last;
  const chosen = SECTIONS.filter(([name]) => !isSection(query.section) || query.section === name);
  const listed = chosen.flatMap(([name]) => data?.[name]?.roots ?? []);
  // A root that is slow may have failed too.
  const unique = isSection(query.section)
    ? listed
    : [...new Map(listed.map((row) => [row.span_id, row])).values()].sort((a, b) => (a.started < b.started ? 1 : -1));
  const rows = unique.filter((row) => passes(row, query));
  const slowest = rows.reduce((most, row) => Math.max(most, row.duration_seconds), 0);
  return Object.assign(last, { data, key, all: unique.length, rows, slowest });
}

function passes(row, { route, text, status, min }) {
  if (route && !row.name.includes(route)) return false;
  if (min && row.duration_seconds * 1e3 < Number(min)) return false;
  if (status && !String(row.status ?? row.outcome).startsWith(status.replace(/x+$/i, "")) && row.outcome !== status)
    return false;
  if (!text) return true;
  const all = [row.name, row.trace_id, row.failure, row.failed_in?.error, row.waits_in?.name, row.kind]
    .join(" ")
    .toLowerCase();
  return all.includes(text.toLowerCase());
}

function filters({ text, route, status, min }) {
  const field = (name, label, value, props = {}) =>
    h(
      "label",
      { class: "field" },
      h("span", {}, label),
      h("input", {
        type: "search",
        value: value ?? "",
        autocomplete: "off",
        spellcheck: "false",
        oninput: (event) => change({ [name]: event.target.value }),
        ...props,
      }),
    );
  return h(
    "div",
    { class: "filters", role: "search", "aria-label": "Filter of traces" },
    field("text", "Text", text, { "data-filter": true, placeholder: "name, error, trace id" }),
    field("route", "Route", route, {
      placeholder: "/orders/{id}",
      oninput: (event) => changeLater("route", event.target.value),
    }),
    field("status", "Status", status, { placeholder: "5xx", size: 5 }),
    field("min", "At least ms", min, { placeholder: "0", inputmode: "numeric", size: 4 }),
  );
}

function list(rows, all, query, part) {
  if (rows.length === 0) {
    if (all > 0 || query.route)
      return empty(
        part ? "No listed trace passes the filter" : "No trace passes the filter",
        h("a", { href: link("traces", { section: query.section }) }, "Remove the filter"),
      );
    if (query.section === "failed")
      return empty("Nothing has failed", "A failed request, job or run stays here as long as there is memory for it.");
    if (query.section && query.section !== "recent")
      return empty(`Nothing is ${query.section}`, "See All for the traces that are kept.");
    return empty("No traces yet", "A request, a job or a scheduled run shows here within 2 seconds of its start.");
  }
  const at = now();
  const columns = [
    { name: "state", title: "Outcome" },
    { name: "name", title: "Name" },
    { name: "duration", title: "Duration" },
    { name: "status", title: "Status" },
    { name: "detail", title: "Why, or what it does" },
    { name: "started", title: "Started, UTC" },
    { name: "trace", title: "Trace" },
  ];
  return grid({
    id: "traces",
    of: `${status.identity?.instance} ${JSON.stringify(query)}`,
    label: `Traces, ${rows.length}`,
    columns,
    rows,
    keyOf: (row) => row.span_id,
    open: (row) => {
      location.hash = toTrace(row.trace_id);
    },
    cells: (row) => [
      mark(row.outcome),
      h(
        "a",
        { href: toTrace(row.trace_id), tabindex: "-1" },
        row.kind === "request" ? null : h("span", { class: "kind" }, row.kind),
        cut(row.name, 160),
      ),
      h(
        "span",
        { class: "took", style: { "--part": `${Math.sqrt(row.duration_seconds / (last.slowest || 1)) * 100}%` } },
        seconds(row.duration_seconds),
      ),
      row.status ?? "–",
      detail(row),
      `${clock(time(row.started))} · ${ago(time(row.started), at)}`,
      traceLink(row.trace_id),
    ],
  });
}

function detail(row) {
  if (row.outcome === "open") return short(doing(row), 200, { class: "dim" });
  if (!row.failure) return "";
  return short(row.failure, 240, {
    class: row.outcome === "failed" ? "bad-text" : "dim",
    title: cut(row.failure, 4_096),
  });
}

function lost(data) {
  const losses = Object.entries(data.not_kept ?? {}).filter(([, count]) => count > 0);
  if (losses.length === 0) return null;
  return h(
    "p",
    { class: "footnote" },
    `Not kept, for want of memory or time: ${losses.map(([reason, count]) => `${reason.replaceAll("_", " ")} ${count}`).join(", ")}.`,
  );
}
