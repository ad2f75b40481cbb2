// Logs: the lines of the process as they come, with filters that the service applies.

import { h, redraw, say } from "./dom.js";
import { again, hold, isStale, send, status } from "./api.js";
import { clock, counted, cut, spoken } from "./format.js";
import { change, changeLater } from "./address.js";
import { grid } from "./table.js";
import { copyButton, curlButton, empty, level, short, traceLink, waiting } from "./parts.js";
import { errorText, pairs } from "./inspector.js";
import { logFilter, logs } from "./resources.js";
import { partsOf } from "./line.js";

const LEVELS = ["error", "warn", "info", "debug", "trace"];
const TURNED_UP = "10m";

const local = { chosen: null, held: null, form: false, failure: null };

const filtersOf = ({ level, target, text, trace }) => ({ level, target, text, trace });

export const needs = ({ query }) => [logs(filtersOf(query)), logFilter];

export function back() {
  const was = local.chosen !== null || local.form;
  Object.assign(local, { chosen: null, form: false });
  return was;
}

export function draw({ query }) {
  const answer = hold(logs(filtersOf(query)));
  // While the tail is held, the lines that came until then stay as they are.
  if (local.held && local.held.id !== logs(filtersOf(query)).id) local.held = null;
  const lines = local.held?.lines ?? answer.data?.lines ?? [];
  const chosen = lines.find((line) => line.number === local.chosen);
  // A line that has made room for others would hold the tail without a sign.
  if (answer.data && !chosen) local.chosen = null;
  return [
    h("div", { class: "toolbar" }, filters(query)),
    h(
      "div",
      { class: "toolbar" },
      logLevel(hold(logFilter)),
      h("span", { class: "grow" }),
      actions(query, answer, lines),
    ),
    answer.data
      ? h("div", { class: `log-body${chosen ? " split" : ""}` }, list(lines, query), chosen ? inspector(chosen) : null)
      : waiting(answer),
  ];
}

function filters(query) {
  const typed = (name) => (event) => later(name, event.target.value.trim());
  const field = (name, label, props) =>
    h(
      "label",
      { class: "field" },
      h("span", {}, label),
      h("input", {
        type: "search",
        value: query[name] ?? "",
        autocomplete: "off",
        spellcheck: "false",
        oninput: typed(name),
        ...props,
      }),
    );
  return h(
    "div",
    { class: "filters", role: "search", "aria-label": "Filter of log lines" },
    h(
      "label",
      { class: "field" },
      h("span", {}, "Level"),
      h(
        "select",
        { value: query.level ?? "", onchange: (event) => change({ level: event.target.value }) },
        h("option", { value: "" }, "all"),
        LEVELS.map((name) => h("option", { value: name }, name === "error" ? "error" : `${name} and above`)),
      ),
    ),
    field("text", "Text", { "data-filter": true, placeholder: "contains, as written" }),
    field("target", "Target", { placeholder: "orders::db" }),
    field("trace", "Trace", { placeholder: "32 digits", pattern: "[0-9a-f]{32}" }),
  );
}

/** Filters are applied by the service, so a word is sent once it is typed, and a trace id once it is complete. */
function later(name, value) {
  if (name !== "trace" || /^([0-9a-f]{32})?$/.test(value)) changeLater(name, value);
}

function actions(query, answer, lines) {
  const resource = logs(filtersOf(query));
  const toggle = () => {
    local.held = local.held ? null : { id: resource.id, lines };
    redraw();
  };
  const fresh = local.held ? linesSince(answer.data?.lines ?? [], local.held.lines.at(-1)) : 0;
  const isLive = !local.held && !status.paused && !status.file && !isStale(answer);
  return h(
    "div",
    { class: "actions" },
    h(
      "span",
      { class: "dim" },
      isLive ? h("i", { class: "live-dot", "aria-hidden": "true" }) : null,
      ` ${isLive ? "live, " : ""}${counted(lines.length, "line")}${answer.data?.missed > 0 && lines.length < 3 ? `, ${answer.data.missed} not kept` : ""}`,
    ),
    status.file
      ? null
      : h(
          "button",
          { class: "button small", "aria-pressed": String(local.held !== null), onclick: toggle },
          local.held ? `Go on${fresh > 0 ? `, ${fresh} new` : ""}` : "Hold",
        ),
    curlButton(resource.path(null)),
  );
}

/** The number of lines after this one, which may have made room for others. */
const linesSince = (lines, last) => lines.length - 1 - lines.findLastIndex(({ number }) => number === last?.number);

function list(lines, query) {
  if (lines.length === 0) {
    const isFiltered = Object.values(filtersOf(query)).some(Boolean);
    return isFiltered
      ? empty(
          "No line passes the filter",
          "New lines that pass show here by themselves. A lower log level may write them: see Turn up.",
        )
      : empty("No log lines yet", "A line shows here within 2 seconds. Each request to the service writes one.");
  }
  const columns = [
    { name: "time", title: "Time, UTC" },
    { name: "level", title: "Level" },
    { name: "message", title: "Message" },
    { name: "target", title: "Target" },
    { name: "trace", title: "Trace" },
  ];
  return grid({
    id: "logs",
    label: `Log lines, ${lines.length}`,
    columns,
    rows: lines,
    follows: true,
    keyOf: (line) => line.number,
    selected: local.chosen,
    select: (line) => {
      local.chosen = line?.number ?? null;
    },
    open: (line) => {
      local.chosen = line.number;
      redraw();
    },
    tone: (line) => ({ ERROR: "error", WARN: "warning" })[line.level] ?? "",
    cells: (line) => {
      if (line.gap)
        return [
          "",
          "",
          h("span", { class: "dim" }, `${counted(line.gap, "line")} missing: not kept until the console asked`),
          "",
          "",
        ];
      const parts = partsOf(line);
      return [
        parts.clock ?? clock(parts.time),
        level(line.level),
        h("span", {}, cut(parts.message, 400), parts.rest ? h("span", { class: "rest" }, cut(parts.rest, 300)) : null),
        h("span", { class: "dim", title: cut(line.target, 200) }, cut(line.target, 80)),
        line.trace_id ? traceLink(line.trace_id) : "",
      ];
    },
  });
}

function inspector(line) {
  const parts = partsOf(line);
  const error = parts.fields.error ?? parts.fields["error.message"] ?? parts.fields["exception.message"];
  const close = () => {
    local.chosen = null;
    redraw();
  };
  return h(
    "aside",
    { class: "inspector", key: "inspector", "aria-label": "Log line" },
    h("button", { class: "close", "aria-label": "Close the log line", onclick: close }, "×"),
    h("h2", {}, level(line.level), " ", cut(parts.message, 4_096)),
    h(
      "p",
      { class: "dim" },
      `${cut(line.target, 200)}, ${parts.time ? new Date(parts.time).toISOString() : (parts.clock ?? "")}`,
    ),
    h(
      "div",
      { class: "actions" },
      line.trace_id ? traceLink(line.trace_id, "Open the trace") : null,
      line.trace_id
        ? h("button", { class: "button small", onclick: () => change({ trace: line.trace_id }) }, "Lines of this trace")
        : null,
      copyButton(line.text ?? "", "Copy line"),
    ),
    error ? [h("h3", {}, "Error"), errorText(error)] : null,
    Object.keys(parts.fields).length > 0 ? [h("h3", {}, "Fields"), pairs(parts.fields)] : null,
    h("h3", {}, "The line"),
    h("pre", {}, cut(parts.whole ? JSON.stringify(parts.whole, null, 2) : line.text, 20_000)),
  );
}

/** The log filter, and its form. A change ends by itself. */
function logLevel({ data, at }) {
  if (!data) return null;
  const since = at === null ? 0 : (Date.now() - at) / 1e3;
  const left = data.seconds_left === null ? null : Math.max(0, data.seconds_left - since);
  const isChanged = left !== null;
  return h(
    "div",
    { class: `log-filter${isChanged ? " changed" : ""}`, key: "log-filter" },
    h("span", {}, "Log filter ", h("code", {}, short(data.filter, 200))),
    isChanged
      ? h(
          "span",
          {},
          h("b", {}, `${left < 90 ? spoken(left) : `${Math.ceil(left / 60)} min`} left`),
          short(
            ` then ${data.start_filter}${data.who ? `; by ${data.who}` : ""}${data.why ? `: ${data.why}` : ""}`,
            400,
            { class: "dim" },
          ),
        )
      : null,
    status.file
      ? null
      : isChanged
        ? h(
            "button",
            { class: "button small", onclick: () => apply("DELETE", "log-filter?why=console") },
            "Turn back now",
          )
        : null,
    status.file
      ? null
      : h(
          "button",
          {
            class: "button small",
            "aria-expanded": String(local.form),
            onclick: () => {
              local.form = !local.form;
              redraw();
            },
          },
          "Turn up for 10 min",
        ),
    local.form ? form(data) : null,
    local.failure ? h("p", { class: "bad-text", role: "alert" }, cut(local.failure, 4_096)) : null,
  );
}

function form(data) {
  const submit = (event) => {
    event.preventDefault();
    const values = Object.fromEntries(new FormData(event.target));
    const query = ["who", "why"]
      .filter((name) => values[name].trim())
      .map((name) => `&${name}=${encodeURIComponent(values[name].trim())}`);
    apply("PUT", `log-filter?for=${TURNED_UP}${query.join("")}`, values.filter.trim());
  };
  const service = (status.identity?.service ?? "").replaceAll("-", "_");
  const suggested = /^[a-z_][a-z0-9_]*$/i.test(service) ? `${data.start_filter},${service}=debug` : "debug";
  const field = (name, label, props) =>
    h(
      "label",
      { class: "field" },
      h("span", {}, label),
      h("input", { name, autocomplete: "off", spellcheck: "false", ...props }),
    );
  return h(
    "form",
    { class: "filter-form", onsubmit: submit },
    field("filter", "Filter, as in RUST_LOG", { required: true, value: suggested }),
    field("who", "Who", { placeholder: "you, for the log" }),
    field("why", "Why", { placeholder: "the reason, for the log" }),
    h("button", { class: "button primary", type: "submit" }, "Turn up for 10 min"),
  );
}

async function apply(method, path, body) {
  try {
    await send(method, path, body);
    Object.assign(local, { form: false, failure: null });
    say(method === "PUT" ? "The log filter is changed for ten minutes" : "The log filter is back");
  } catch (error) {
    local.failure = error.status ? error.message : "The listener cannot be reached; the log filter was not changed.";
  }
  again(logFilter);
  redraw();
}
