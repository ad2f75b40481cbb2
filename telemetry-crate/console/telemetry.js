// Telemetry: whether each signal works, what to do if not, and how the last process ended.

import { h } from "./dom.js";
import { hold } from "./api.js";
import { count, cut } from "./format.js";
import { badge, curlButton, section, waiting } from "./parts.js";
import { previous, readyz, telemetry } from "./resources.js";

export const needs = () => [telemetry, readyz, previous];

const ORDER = ["needs attention", "unknown", "works", "up", "off"];

export function draw({ query }) {
  const answer = hold(telemetry);
  if (!answer.data) return waiting(answer);
  const parts = Object.entries(answer.data).filter(([, part]) => part && typeof part === "object" && part.state);
  parts.sort((a, b) => ORDER.indexOf(a[1].state) - ORDER.indexOf(b[1].state));
  return [
    readiness(hold(readyz)),
    section("Signals", { more: curlButton("telemetry") }, h("div", { class: "cards" }, parts.map(card))),
    lastProcess(hold(previous), query.previous !== undefined),
  ];
}

function card([name, part]) {
  const { state, detail, ...facts } = part;
  return h(
    "article",
    { class: `card ${state === "needs attention" ? "warn" : ""}`, key: name },
    h("header", {}, h("h3", {}, cut(name, 40)), badge(state)),
    detail ? h("p", { class: "advice" }, cut(detail, 4_096)) : null,
    h(
      "dl",
      { class: "pairs" },
      Object.entries(facts).flatMap(([key, value]) => fact(key, value)),
    ),
  );
}

function fact(key, value) {
  // The view of metrics has them as a table.
  if (key === "largest") return [];
  const title = key.replaceAll("_", " ");
  const line = (name, text) => [
    h("dt", { key: `t ${name} ${text}` }, cut(name, 80)),
    h("dd", { key: `d ${name} ${text}` }, cut(text, 4_096)),
  ];
  if (Array.isArray(value)) return value.flatMap((one, index) => line(index === 0 ? title : "", String(one)));
  if (value && typeof value === "object")
    return Object.entries(value).flatMap(([name, one]) =>
      line(name, typeof one === "number" ? `${count(one)}` : String(one)),
    );
  return line(title, typeof value === "number" ? count(value) : String(value));
}

/** The checks, and the number of the answer, which follows from its text. */
function readiness({ data: text }) {
  if (text === null) return null;
  const isReady = !text.startsWith("not ready");
  return section(
    "Readiness",
    { more: badge(isReady ? "ok" : "broken", isReady ? "ready" : "not ready: 503") },
    h("pre", { class: "text", tabindex: "0" }, cut(text, 4_000)),
  );
}

/** How the last process ended. If a link asks for it, the page shows it at once. */
function lastProcess({ data, error }, isAsked) {
  const report = data?.previous ?? null;
  const badgeOf = ({ ended }) => badge(ended === "clean" ? "ok" : "note", cut(ended ?? "", 40));
  const body = report
    ? [h("p", {}, cut(report.summary, 4_096)), h("pre", { class: "text", tabindex: "0" }, cut(report.text, 20_000))]
    : h("p", { class: "dim" }, error ? cut(error.message, 4_096) : data ? UNKNOWN : "Loading…");
  return h(
    "div",
    { key: "last", drawn: isAsked && report ? showOnce : () => (shown = false) },
    section(
      "The last process",
      { more: report ? badgeOf(report) : null, note: "what FIRSTLIGHT_RECORDER_FILE has of it" },
      body,
    ),
  );
}

const UNKNOWN =
  "Nothing is known of it. The file keeps what a process had open, and its last log lines, for the process after it.";

let shown = false;

function showOnce(element) {
  if (!shown) element.scrollIntoView({ block: "start" });
  shown = true;
}
