// The details of a span, a group of statements, a local root or a log line.

import { h } from "./dom.js";
import { clock, counted, cut, day, seconds, time } from "./format.js";
import { badge, copyButton, level } from "./parts.js";
import { statementOf } from "./waterfall.js";

/** The details of a row of the waterfall. */
export function details(row, scale) {
  if (row.type === "event") return ofEvent(row);
  if (row.type === "group") return ofGroup(row);
  return row.type === "root" ? ofRoot(row) : ofSpan(row, scale);
}

/** The attributes of a span, or the fields of a log line. */
export function pairs(values) {
  const entries = Object.entries(values ?? {});
  if (entries.length === 0) return h("p", { class: "dim" }, "No attributes");
  return h(
    "dl",
    { class: "pairs" },
    entries.map(([key, value]) => [
      h("dt", { key: `t ${key}` }, cut(key, 120)),
      h("dd", { key: `d ${key}` }, valueOf(value)),
    ]),
  );
}

/** The most characters of a text in the details, which is more than what the service keeps of most. */
const MOST = 4_096;

const valueOf = (value) => cut(typeof value === "string" ? value : JSON.stringify(value), MOST);

/** An error as it was recorded: one text, in which a colon may stand before a cause, or not. */
export const errorText = (text) => (text ? h("p", { class: "bad-text whole" }, cut(text, MOST)) : null);

function ofSpan({ span, start, end, events }, scale) {
  const statement = span.attributes["db.query.text"];
  const { "db.query.text": _, ...rest } = span.attributes;
  const file = span.attributes["code.file.path"];
  return [
    h("h2", {}, cut(span.name, 160)),
    h(
      "p",
      { class: "dim" },
      `${seconds((end - start) / 1e3)}, from +${seconds((start - scale.start) / 1e3)}, at ${clock(start)} UTC`,
    ),
    file ? h("p", {}, h("code", {}, cut(`${file}:${span.attributes["code.line.number"] ?? ""}`, 200))) : null,
    span.error ? [h("h3", {}, "Error"), errorText(span.error)] : null,
    statement
      ? [h("h3", {}, "Statement"), h("pre", {}, cut(statement, MOST)), copyButton(statement, "Copy statement")]
      : null,
    h("h3", {}, "Attributes"),
    pairs(rest),
    events?.length > 0
      ? [
          h("h3", {}, "Open in Logs"),
          events.map((event) => h("p", { class: "event-line" }, level(event.level), " ", cut(event.message, 400))),
        ]
      : null,
    h("p", { class: "dim" }, "span ", h("code", {}, cut(span.span_id, 32))),
  ];
}

function ofGroup({ items, isNPlusOne }) {
  const [{ span }] = items;
  const total = items.reduce((sum, item) => sum + item.end - item.start, 0) / 1e3;
  const statement = statementOf(span);
  return [
    h("h2", {}, `${cut(span.name, 120)} × ${items.length}`),
    h("p", { class: "dim" }, `${seconds(total)} in all, ${seconds(total / items.length)} each`),
    isNPlusOne
      ? h(
          "p",
          { class: "callout" },
          badge("warning", "N+1"),
          h(
            "span",
            {},
            "One statement for a list and one more for each row. A join, or one statement with all keys, replaces them.",
          ),
        )
      : null,
    h("h3", {}, "Statement"),
    h("pre", {}, cut(statement, MOST)),
    copyButton(statement, "Copy statement"),
    h("h3", {}, "Attributes of the first"),
    pairs(span.attributes),
  ];
}

function ofRoot({ root }) {
  const first = root.spans?.find((span) => span.number === 0);
  return [
    h("h2", {}, cut(root.name, 160)),
    h(
      "p",
      {},
      badge(root.outcome),
      " ",
      h(
        "span",
        { class: "dim" },
        `${root.kind}, ${seconds(root.duration_seconds)}, started ${day(time(root.started))}`,
      ),
    ),
    root.cut_bytes > 0
      ? h("p", { class: "callout" }, `${counted(root.cut_bytes, "byte")} of its detail were cut.`)
      : null,
    first?.error || root.failure ? [h("h3", {}, "Error"), errorText(root.failure ?? first.error)] : null,
    h("h3", {}, "Attributes"),
    pairs(first?.attributes),
  ];
}

function ofEvent({ event, start, root }) {
  const error = event.fields.error ?? event.fields["exception.message"];
  return [
    h("h2", {}, level(event.level), " ", cut(event.message, MOST)),
    h(
      "p",
      { class: "dim" },
      `${cut(event.target, 200)}, +${seconds(Math.max(0, start - time(root.started)) / 1e3)}, at ${clock(start)} UTC`,
    ),
    event.logged ? null : h("p", { class: "dim" }, "Recorded, and not logged: the log filter withholds it."),
    error ? [h("h3", {}, "Error"), errorText(error)] : null,
    h("h3", {}, "Fields"),
    pairs(event.fields),
  ];
}
