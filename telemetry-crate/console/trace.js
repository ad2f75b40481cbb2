// One trace: spans and log lines of all its local roots on one time axis.

import { h, redraw } from "./dom.js";
import { hold, inService, now } from "./api.js";
import { clock, counted, cut, day, seconds, time } from "./format.js";
import { change, link, parse } from "./address.js";
import { oneStop } from "./keys.js";
import { badge, copyButton, curlButton, empty, level, short, waiting } from "./parts.js";
import { trace } from "./resources.js";
import { details } from "./inspector.js";
import { keyOf, rowsOf, scaleOf, statementOf } from "./waterfall.js";

const MAX_DEPTH = 10;

const state = { id: null, expanded: new Set() };

export const needs = ({ id }) => [trace(id)];

/** Closes what is open. Returns whether there was anything. */
export function back() {
  const was = parse(location.hash).query.row !== undefined;
  change({ row: "" });
  return was;
}

/** The chosen row, and whether log lines are shown, are in the address. */
export function draw({ id, query: { row: chosenKey, lines } }) {
  if (state.id !== id) Object.assign(state, { id, expanded: new Set() });
  const hasEvents = lines !== "no";
  const answer = hold(trace(id));
  if (!answer.data) {
    if (answer.error?.status === 404)
      return empty("This trace is not here", [
        `${cut(answer.error.message, 400)}. `,
        h("a", { href: link("logs", { trace: id }) }, "Its log lines"),
        " may be kept longer.",
      ]);
    return waiting(answer);
  }
  // A trace that is gone from the memory stays as it was.
  const isGone = answer.error?.status === 404;
  const at = isGone ? inService(answer.at) : now();
  const laid = rowsOf(answer.data.roots, at, {
    isExpanded: (key, items) => state.expanded.has(key) || items.some(({ span }) => keyOf(span) === chosenKey),
    hasEvents,
  });
  const scale = scaleOf(laid.rows);
  const chosen = laid.rows.find((row) => row.key === chosenKey);
  return [
    head(id, answer.data, laid, scale, hasEvents),
    isGone ? gone(at) : null,
    failures(laid.roots),
    h(
      "div",
      { class: `trace-body${chosen ? " split" : ""}` },
      waterfall(laid, scale, chosenKey),
      chosen ? inspector(chosen, scale) : null,
    ),
  ];
}

function head(id, { backend_url: backend }, { roots }, scale, hasEvents) {
  const [first] = roots;
  const spans = roots.flatMap((root) => root.spans ?? []);
  const statements = spans.filter((span) => statementOf(span)).length;
  const worst =
    ["failed", "canceled", "open"].find((outcome) => roots.some((root) => root.outcome === outcome)) ?? "ok";
  const facts = [
    ...["request", "job", "run", "span"].map((kind) => ofKind(roots, kind)),
    `${counted(spans.length, "span")} in all`,
    statements > 0 ? counted(statements, "statement") : null,
    `started ${day(scale.start)}`,
  ];
  return h(
    "header",
    { class: "trace-head" },
    h(
      "div",
      { class: "title-line" },
      h("h2", { class: "title" }, cut(first.name, 160)),
      badge(worst),
      h("span", { class: "big" }, seconds((scale.end - scale.start) / 1e3)),
    ),
    h(
      "div",
      { class: "actions" },
      copyButton(id, "Copy trace id"),
      curlButton(`traces/${encodeURIComponent(id)}`),
      h("a", { class: "button small", href: link("logs", { trace: id }) }, "Open in Logs"),
      backend
        ? h(
            "a",
            { class: "button small", href: backend, target: "_blank", rel: "noopener noreferrer" },
            "Trace backend ↗",
          )
        : null,
      h(
        "label",
        { class: "check" },
        h("input", {
          type: "checkbox",
          checked: hasEvents,
          onchange: (event) => change({ lines: event.target.checked ? "" : "no" }),
        }),
        "show log lines",
      ),
    ),
    h(
      "div",
      { class: "facts" },
      h("code", { class: "trace-id" }, cut(id, 64)),
      facts.filter(Boolean).map((fact) => h("span", { class: "dim" }, fact)),
    ),
  );
}

/** The number of the roots of a kind, such as `2 jobs`. */
function ofKind(roots, kind) {
  const number = roots.filter((root) => root.kind === kind).length;
  return number > 0 ? counted(number, kind === "span" ? "other" : kind) : null;
}

function gone(at) {
  return h(
    "p",
    { class: "callout", role: "status" },
    `The service does not keep this trace any more. This is how it was at ${clock(at, false)} UTC; what was open then has probably ended.`,
  );
}

function failures(roots) {
  const failed = roots.filter((root) => root.failure);
  return failed.map((root) => {
    const place = root.failed_in;
    return h(
      "p",
      { class: `callout ${root.outcome === "failed" ? "bad" : ""}`, key: `failure ${root.span_id}` },
      badge(root.outcome),
      h(
        "span",
        {},
        h("b", {}, short(root.failure, 500)),
        place
          ? h(
              "span",
              { class: "dim" },
              cut(
                ` in ${place.name}${place.at ? ` at ${place.at}` : ""}${place.error_type ? `, ${place.error_type}` : ""}`,
                300,
              ),
            )
          : null,
      ),
    );
  });
}

function waterfall({ rows, cut: more }, scale, chosenKey) {
  const offset = (at) => seconds(Math.max(0, scale.moment(at) - scale.start) / 1e3);
  // With waits that are drawn shorter, positions between them would mislead.
  const between =
    scale.gaps.length > 0
      ? scale.gaps
          .filter(({ from, to }) => from > 0.08 && to < 0.92)
          .map(({ from, to, seconds: took }) => ({ at: (from + to) / 2, text: `⋯ ${seconds(took)} ⋯`, isMinor: true }))
      : [0.25, 0.5, 0.75].map((at) => ({ at, text: offset(at), isMinor: true }));
  const ticks = [{ at: 0, text: offset(0) }, ...between, { at: 1, text: offset(1) }];
  return h(
    "div",
    { class: "waterfall", key: "waterfall", role: "region", "aria-label": "Waterfall", tabindex: "0" },
    h(
      "div",
      { class: "w-axis", "aria-hidden": "true" },
      h("span", { class: "w-name" }, ""),
      h("span", { class: "w-took" }, "Took"),
      h(
        "span",
        { class: "w-line" },
        ticks.map(({ at, text, isMinor }) =>
          h("i", { class: isMinor ? "minor" : "", style: { left: `${at * 100}%` } }, text),
        ),
      ),
    ),
    h(
      "div",
      { class: "w-rows", "data-list": true, drawn: oneStop },
      rows.map((row) => drawRow(row, scale, row.key === chosenKey)),
    ),
    more > 0 ? h("p", { class: "footnote" }, `${counted(more, "further row")} of this trace are not shown.`) : null,
  );
}

function drawRow(row, scale, isChosen) {
  const press = () => {
    if (row.type === "group" && !state.expanded.delete(row.key) && !row.isExpanded) state.expanded.add(row.key);
    change({ row: isChosen && row.type !== "group" ? "" : row.key });
    redraw();
  };
  const failed = row.span ? row.span.error !== null : row.type === "root" && row.root.outcome === "failed";
  const isOpen = row.span && !row.span.ended;
  return h(
    "button",
    {
      class: `w-row ${row.type}${isChosen ? " chosen" : ""}${failed ? " failed" : ""}`,
      key: row.key,
      "data-row": true,
      "aria-expanded": row.type === "group" ? String(row.isExpanded) : null,
      "aria-pressed": row.type === "group" ? null : String(isChosen),
      onclick: press,
    },
    h(
      "span",
      { class: "w-name", style: { "padding-left": `${8 + Math.min(row.depth, MAX_DEPTH) * 14}px` } },
      nameOf(row),
      failed ? h("span", { class: "mark bad", title: "error" }, row.type === "root" ? "✕ failed" : "✕ error") : null,
      isOpen ? h("span", { class: "mark info" }, "◌ open") : null,
      row.isSlow ? h("span", { class: "mark warn" }, "slow") : null,
      row.isNPlusOne ? h("span", { class: "mark warn" }, "N+1") : null,
    ),
    h(
      "span",
      { class: "w-took" },
      row.type === "event"
        ? `+${seconds(Math.max(0, row.start - time(row.root.started)) / 1e3)}`
        : seconds(tookOf(row)),
    ),
    h(
      "span",
      { class: "w-line" },
      scale.gaps.map((gap) =>
        h("i", {
          class: "gap",
          style: { left: `${gap.from * 100}%`, width: `${(gap.to - gap.from) * 100}%` },
          title: `${seconds(gap.seconds)}, drawn shorter`,
        }),
      ),
      bars(row, scale),
    ),
  );
}

function tookOf(row) {
  if (row.type === "root") return row.root.duration_seconds;
  if (row.type === "group") return row.items.reduce((sum, item) => sum + lengthOf(item), 0);
  return lengthOf(row);
}

/** A difference of two times since the epoch would round a short span. */
const lengthOf = ({ span, start, end }) => span.duration_seconds ?? (end - start) / 1e3;

function nameOf(row) {
  if (row.type === "event")
    return [
      level(row.event.level),
      h("span", { class: "w-message" }, cut(row.event.message || row.event.target, 200)),
      row.event.logged
        ? null
        : h("span", { class: "mark", title: "recorded; the log filter withholds it" }, "not logged"),
    ];
  if (row.type === "group")
    return [
      h("span", { class: "twist", "aria-hidden": "true" }, row.isExpanded ? "▾" : "▸"),
      h("b", {}, cut(row.items[0].span.name, 100)),
      h("span", { class: "mark strong" }, `× ${row.items.length}`),
    ];
  if (row.type === "root") {
    const { hop } = row;
    return [
      hop
        ? h("span", { class: "mark hop", title: "came through the queue" }, "⇢ job")
        : h("span", { class: "kind" }, row.root.kind),
      h("b", {}, cut(row.root.name, 120)),
      hop
        ? h(
            "span",
            { class: "dim hop-note" },
            [
              hop.queue && cut(hop.queue, 60),
              hop.wait && `waited ${seconds(hop.wait)}`,
              hop.attempt > 1 && `attempt ${hop.attempt}`,
            ]
              .filter(Boolean)
              .join(", "),
          )
        : null,
    ];
  }
  return h("span", {}, cut(row.span.name, 120));
}

function kindOf(span) {
  const { attributes } = span;
  if (attributes["db.system.name"] || attributes["db.query.summary"]) return "db";
  if (attributes["messaging.operation.type"]) return "queue";
  return attributes["server.address"] || attributes["rpc.system.name"] ? "call" : "code";
}

function bars(row, scale) {
  const [from, to] = [scale.place(row.start), scale.place(row.end)];
  const bar = (start, end, tone) =>
    h("i", {
      class: `bar ${tone}`,
      style: { left: `min(${start * 100}%, 100% - 2px)`, width: `max(2px, ${(end - start) * 100}%)` },
    });
  if (row.type === "event")
    return h("i", { class: `point ${row.event.level.toLowerCase()}`, style: { left: `${from * 100}%` } });
  if (row.type === "group")
    return row.items.map((item) =>
      bar(scale.place(item.start), scale.place(item.end), item.span.error === null ? "db" : "bad"),
    );
  if (row.type === "root") {
    const since = row.hop?.from ?? null;
    return [
      since === null
        ? null
        : h("i", {
            class: "bar waits",
            style: { left: `${scale.place(since) * 100}%`, width: `${Math.max(0, from - scale.place(since)) * 100}%` },
          }),
      bar(from, to, row.root.outcome === "failed" ? "root bad" : "root"),
    ];
  }
  return bar(from, to, `${row.span.error !== null ? "bad" : kindOf(row.span)}${row.span.ended ? "" : " unended"}`);
}

function inspector(row, scale) {
  const close = () => change({ row: "" });
  return h(
    "aside",
    { class: "inspector", key: "inspector", "aria-label": "Details" },
    h("button", { class: "close", "aria-label": "Close the details", onclick: close }, "×"),
    details(row, scale),
  );
}
