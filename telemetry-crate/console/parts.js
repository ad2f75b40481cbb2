// Pieces that several views have.

import { h, say } from "./dom.js";
import { count, cut } from "./format.js";
import { ofPath, toTrace } from "./address.js";
import { curl, status } from "./api.js";
import { inOrder } from "./held.js";

const MARKS = {
  ok: "✓",
  failed: "✕",
  broken: "✕",
  canceled: "⊘",
  open: "◌",
  warning: "!",
  note: "i",
  works: "✓",
  up: "✓",
  off: "–",
  unknown: "?",
  "needs attention": "!",
};
const TONES = {
  ok: "good",
  works: "good",
  up: "good",
  failed: "bad",
  broken: "bad",
  warning: "warn",
  "needs attention": "warn",
  canceled: "muted",
  off: "muted",
  unknown: "muted",
  open: "info",
  note: "info",
};

/** The most characters of a cell of a table, and of the title that has the whole of a text. */
const MAX_CELL = 120;
const MAX_TITLE = 4_096;

/** A state as a word with a sign and a color. */
export function badge(state, word = state) {
  return h(
    "span",
    { class: `badge ${TONES[state] ?? "muted"}` },
    h("i", { "aria-hidden": "true" }, MARKS[state] ?? "•"),
    word,
  );
}

/** A badge of one element, for long lists. */
export function mark(state) {
  return h("span", { class: `badge ${TONES[state] ?? "muted"}`, "data-mark": MARKS[state] ?? "•" }, state);
}

/** The level of a log line. */
export function level(name) {
  const tone = { ERROR: "bad", WARN: "warn", INFO: "info" }[name] ?? "muted";
  return h("span", { class: `level ${tone}` }, cut(name, 8));
}

export function traceLink(id, text = "") {
  if (!id) return h("span", { class: "dim" }, "–");
  return h("a", { class: "mono", href: toTrace(id), title: `trace ${cut(id, 40)}` }, text || `${id.slice(0, 8)}…`);
}

/** A trace id, or a list of this listener with what it is to have; a route of the service may have the same name. */
const PLACES =
  /\b([0-9a-f]{32})\b|(?<![\w/])(\/(?:traces\?(?:open|failed|canceled|slow|recent|previous)|errors\?since=)[\w=&%-]*)/;

/** A text whose trace ids and lists are links. */
export function linked(text) {
  return cut(text, 4_096)
    .split(PLACES)
    .map((part, index) => {
      if (index % 3 === 1) return part && traceLink(part);
      return index % 3 === 2 ? part && h("a", { href: ofPath(part) }, part) : part;
    });
}

export function copyButton(text, label, title = label) {
  return h("button", { class: "button small", title, onclick: (event) => copy(text, event.currentTarget) }, label);
}

/** Copies the command that reads a path. A file has no listener to ask. */
export const curlButton = (path) => (status.file ? null : copyButton(curl(path), "Copy curl", curl(path)));

/** A text in a narrow place, whose whole is its title if it is longer. */
export function short(text, most, props = {}) {
  const whole = String(text ?? "");
  return h("span", { title: whole.length > most ? cut(whole, MAX_TITLE) : null, ...props }, cut(whole, most));
}

/** A number of failures since the start, in red while more come. */
export function failures(value, isRising) {
  if (value > 0 && isRising) return h("span", { class: "bad-text" }, `✕ ${count(value)}`);
  return h("span", { class: value > 0 ? "" : "dim" }, count(value));
}

async function copy(text, button) {
  const isCopied = await write(text, button);
  say(isCopied ? "copied" : "The browser does not allow to copy");
  const outcome = isCopied ? "copied" : "not-copied";
  button.classList.add(outcome);
  setTimeout(() => button.classList.remove(outcome), 1_200);
}

/** Writes to the clipboard. Returns whether it did. */
async function write(text, button) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // The clipboard API needs HTTPS or localhost; a pod has neither.
    const field = document.createElement("textarea");
    field.value = text;
    document.body.append(field);
    field.select();
    const isCopied = document.execCommand("copy");
    field.remove();
    // The field took the focus.
    button.focus();
    return isCopied;
  }
}

/** What a link to the view of a path says. */
function titleOf(path) {
  if (/^\/traces\/[0-9a-f]{32}/.test(path)) return "See the trace";
  const [, name, section] = /^\/([\w-]+)(?:\?(open|failed|canceled|slow|recent|previous)\b)?/.exec(path) ?? [];
  return section ? `See ${section === "previous" ? "the last process" : `${section} traces`}` : `See ${name ?? "it"}`;
}

/** What to do about a path of the listener: a link to its view, and the command. */
export function next(path) {
  const address = ofPath(path);
  return h(
    "span",
    { class: "next" },
    address
      ? h("a", { class: "button small", href: address, title: cut(path, 200) }, `${titleOf(path)} →`)
      : h("code", {}, cut(path, 80)),
    curlButton(path),
  );
}

/** A section with a heading. `more` is at the right of the heading. */
export function section(title, { more, note, name } = {}, ...children) {
  const id = `h-${title.replace(/\W+/g, "-").toLowerCase()}`;
  return h(
    "section",
    { class: `section ${name ?? ""}`, key: id, "aria-labelledby": id },
    h(
      "header",
      { class: "section-head" },
      h("h2", { id }, title),
      note ? h("span", { class: "dim" }, note) : null,
      more ? h("span", { class: "more" }, more) : null,
    ),
    children,
  );
}

/** What to do where there is nothing to show. */
export function empty(title, text, command) {
  return h(
    "div",
    { class: "empty" },
    h("p", { class: "empty-title" }, title),
    text ? h("p", {}, text) : null,
    command ? h("p", { class: "command" }, h("code", {}, command), copyButton(command, "Copy")) : null,
  );
}

/** What an error of the listener means. Its own sentence says what to do. */
function refusal({ status: code, message }) {
  if (message.startsWith("the flight recorder is off")) return "The flight recorder is off";
  if (code === 404) return "This service does not have it";
  return code ? "The listener refused this" : "This cannot be shown";
}

/** What stands in for data that has not come, or an error of the listener. */
export function waiting({ data, error }) {
  if (error) return empty(refusal(error), cut(error.message, 4_096));
  if (data === null && status.file)
    return empty(
      "Not in this file",
      "The service did not have it when the file was saved, or the file is an answer of another route.",
    );
  return data === null
    ? h(
        "div",
        { class: "skeleton", "aria-busy": "true" },
        h("span", { class: "unseen" }, "Loading"),
        h("i"),
        h("i"),
        h("i"),
      )
    : null;
}

const content = (cell) => (typeof cell === "string" ? short(cell, MAX_CELL) : cell);

/**
 * A table of few rows, in which a long text is cut. `columns` are `{ title, end, name }`, a row is `{ key, cells, tone, href }`.
 */
export function table(label, columns, all) {
  const { rows, drawn } = inOrder(label, all, (row) => row.key);
  return h(
    "div",
    { class: "table-frame", tabindex: "0", role: "group", "aria-label": label },
    h(
      "table",
      {},
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          columns.map((column) =>
            h("th", { scope: "col", class: column.end ? "end" : "", title: column.note }, column.title),
          ),
        ),
      ),
      h(
        "tbody",
        { drawn },
        rows.map((row) =>
          h(
            "tr",
            { key: row.key, class: row.tone ?? "" },
            row.cells.map((cell, index) =>
              h(
                "td",
                { class: columns[index].end ? "end" : "" },
                index === 0 && row.href ? h("a", { href: row.href, "data-row": true }, content(cell)) : content(cell),
              ),
            ),
          ),
        ),
      ),
    ),
  );
}

/** A share of a whole as a bar behind its number. */
export function share(part, text, tone = "") {
  const width = `${Math.max(0, Math.min(1, part || 0)) * 100}%`;
  return h("span", { class: `share ${tone}` }, h("i", { style: { width } }), h("b", {}, text));
}

/** Tabs that change a value of the address. */
export function tabs(label, chosen, items) {
  return h(
    "div",
    { class: "tabs", role: "group", "aria-label": label },
    items.map((item) =>
      h(
        "a",
        { class: `tab ${item.tone ?? ""}`, href: item.href, "aria-current": item.value === chosen ? "true" : null },
        item.title,
        item.count === undefined ? null : h("span", { class: "count" }, item.count),
      ),
    ),
  );
}
