// The keyboard: moving in lists, going to views, and the overlay that tells the keys.

import { h } from "./dom.js";
import { active } from "./table.js";

const GO_TIMEOUT = 1_500;

const ARROWS = { ArrowDown: 1, ArrowUp: -1 };

let awaitsView = 0;

document.addEventListener("focusin", ({ target }) => {
  const list = target.closest("[data-list]");
  if (list) oneStop(list);
});

/** Listens to keys. `go(letter)` opens a view, `back()` leaves a detail, `actions` are by key. */
export function listen({ go, back, actions }) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in ARROWS && event.target.closest?.("[data-list]")) {
      move(ARROWS[event.key]);
      event.preventDefault();
      return;
    }
    const isField = event.target.matches?.("input, textarea, select");
    if (event.key === "Escape") {
      if (isField) event.target.blur();
      else if (!document.querySelector("dialog[open]")) back();
      return;
    }
    if (isField || document.querySelector("dialog[open]")) return;
    if (press(event.key, go, actions)) event.preventDefault();
  });
}

function press(key, go, actions) {
  if (Date.now() < awaitsView) {
    awaitsView = 0;
    return go(key);
  }
  if (key === "g") awaitsView = Date.now() + GO_TIMEOUT;
  else if (key === "/") focusFilter();
  else if (key === "j") move(1);
  else if (key === "k") move(-1);
  else if (key === "Enter") return document.activeElement === document.body && active?.open();
  else if (actions[key]) actions[key]();
  else return false;
  return true;
}

function focusFilter() {
  const field = document.querySelector("#main [data-filter]");
  field?.focus();
  field?.select?.();
}

/** Moves in the grid, or else between the rows of the tables. */
function move(by) {
  if (active) {
    active.move(by);
    return;
  }
  const rows = [...document.querySelectorAll("#main [data-row]")];
  const place = rows.indexOf(document.activeElement);
  const first = rows.findIndex((row) => row.tabIndex === 0);
  rows[place < 0 ? Math.max(0, first) : Math.min(rows.length - 1, Math.max(0, place + by))]?.focus();
}

/**
 * Makes the rows of a list one stop of the Tab key, so that what is after a long list can be reached. It is the row that
 * had the focus last, or else the chosen one, or the first. `drawn` of an element with `data-list`.
 */
export function oneStop(list) {
  const rows = [...list.querySelectorAll("[data-row]")];
  const stop =
    rows.find((row) => row === document.activeElement) ??
    rows.find((row) => row === list.stop) ??
    rows.find((row) => row.matches("[aria-pressed=true], [aria-current=true]")) ??
    rows[0];
  for (const row of rows) row.tabIndex = row === stop ? 0 : -1;
  if (stop === document.activeElement) list.stop = stop;
}

export function help(views, close) {
  const key = (name) => h("kbd", {}, name);
  const line = (keys, what) => h("div", { class: "help-line" }, h("dt", {}, keys), h("dd", {}, what));
  return h(
    "dialog",
    {
      class: "help",
      key: "help",
      "aria-labelledby": "help-title",
      onclose: close,
      // The browser gives the focus back only if the dialog itself closes.
      onclick: (event) => event.target === event.currentTarget && event.currentTarget.close(),
      drawn: (element) => element.open || element.showModal(),
    },
    h(
      "div",
      { class: "help-body" },
      h("h2", { id: "help-title" }, "Keys"),
      h(
        "dl",
        {},
        line(key("/"), "filter"),
        line([key("j"), " ", key("k")], "next, previous row"),
        line([key("↓"), " ", key("↑")], "the same, in a list that has the focus"),
        line(key("Enter"), "open the row"),
        line(key("Esc"), "leave a field, go back"),
        line(key("p"), "pause and go on"),
        line(key("?"), "this help"),
        views.map((view) => line([key("g"), " ", key(view.letter)], view.title)),
      ),
      h("button", { class: "button", onclick: (event) => event.target.closest("dialog").close() }, "Close"),
    ),
  );
}
