// A list of many rows, of which only those in sight are in the document.

import { h, redraw } from "./dom.js";

const BEYOND = 12;

const states = new Map();

/** The grid that `j`, `k` and Enter work on. */
export let active = null;

export function forget() {
  active = null;
}

function stateOf(id) {
  if (!states.has(id)) states.set(id, { top: 0, height: 600, selected: null, follows: true });
  return states.get(id);
}

/** Follows the height of a grid. Reading it while drawing would make the browser lay out each frame twice. */
function observe(state, element) {
  state.observer?.disconnect();
  state.element = element;
  state.observer = new ResizeObserver(() => {
    if (element.clientHeight === 0 || element.clientHeight === state.height) return;
    state.height = element.clientHeight;
    if (state.follows && state.isTail) element.scrollTop = element.scrollHeight;
    redraw();
  });
  state.observer.observe(element);
}

/** The height of a row; narrow screens have two lines for each. */
export function rowHeight() {
  return innerWidth < 700 ? 52 : 30;
}

/**
 * Draws a grid. `columns` are `{ name, title, end }`, `cells(row)` returns the contents of the cells of a row.
 *
 * With `follows`, the grid stays at its end while rows come, unless it was scrolled up.
 */
export function grid({ id, label, columns, rows, keyOf, cells, open, tone, follows = false, selected, select }) {
  const state = stateOf(id);
  const height = rowHeight();
  if (selected !== undefined) state.selected = selected;
  // Two keys may be pressed between two frames, so the place is looked up when it is needed.
  const place = () => (state.selected === null ? -1 : rows.findIndex((row) => keyOf(row) === state.selected));
  const chosen = place();
  const choose = (index) => {
    const row = rows[Math.min(rows.length - 1, Math.max(0, index))];
    if (!row) return;
    state.selected = keyOf(row);
    if (select) select(row);
    reveal(state, rows.indexOf(row) * height, height);
    redraw();
  };
  const move = (by) => choose(place() < 0 ? (follows ? rows.length - 1 : 0) : place() + by);
  const enter = () => place() >= 0 && open(rows[place()]);
  active = { move, open: enter };
  const first = Math.max(0, Math.floor(state.top / height) - BEYOND);
  const end = Math.min(rows.length, Math.ceil((state.top + state.height) / height) + BEYOND);
  const scrolled = (event) => {
    const { scrollTop, clientHeight, scrollHeight } = event.currentTarget;
    state.top = scrollTop;
    state.height = clientHeight;
    const isAtEnd = scrollTop + clientHeight >= scrollHeight - height;
    if (state.follows !== isAtEnd || scrollTop < first * height || scrollTop + clientHeight > end * height) redraw();
    state.follows = isAtEnd;
    // The position within the rows that exist needs no new ones.
    if (Math.abs(Math.floor(scrollTop / height) - BEYOND - first) > BEYOND / 2) redraw();
  };
  const drawn = (element) => {
    if (state.element !== element) observe(state, element);
    state.isTail = follows;
    if (follows && state.follows && state.last !== rows.at(-1)) element.scrollTop = element.scrollHeight;
    state.last = rows.at(-1);
  };
  const rowId = (index) => `${id}-${index}`;
  return h(
    "div",
    { class: `grid-frame g-${id}` },
    h(
      "div",
      {
        class: "grid",
        role: "grid",
        tabindex: "0",
        key: `grid-${id}`,
        "aria-label": label,
        "aria-rowcount": rows.length + 1,
        "aria-activedescendant": chosen >= first && chosen < end ? rowId(chosen) : null,
        onscroll: scrolled,
        onkeydown: (event) => keys(event, move, enter, rows.length, Math.floor(state.height / height) - 1),
        drawn,
      },
      h(
        "div",
        { class: "row head", role: "row", "aria-rowindex": "1" },
        columns.map((column) => h("span", { role: "columnheader", class: `c-${column.name}` }, column.title)),
      ),
      h(
        "div",
        { class: "rows", role: "rowgroup", style: { height: `${rows.length * height}px` } },
        rows.slice(first, end).map((row, index) => {
          const number = first + index;
          const contents = cells(row);
          return h(
            "div",
            {
              class: `row ${tone?.(row) ?? ""}${number === chosen ? " chosen" : ""}`,
              role: "row",
              id: rowId(number),
              key: keyOf(row),
              "aria-rowindex": number + 2,
              "aria-selected": number === chosen ? "true" : "false",
              style: { transform: `translateY(${number * height}px)`, height: `${height}px` },
              onclick: (event) => {
                if (event.target.closest("a, button") || String(getSelection())) return;
                choose(number);
                open(row);
              },
            },
            columns.map((column, place) => h("span", { role: "gridcell", class: `c-${column.name}` }, contents[place])),
          );
        }),
      ),
    ),
    follows && !state.follows && rows.length > 0
      ? h(
          "button",
          {
            class: "to-end",
            onclick: () => {
              state.follows = true;
              state.element.scrollTop = state.element.scrollHeight;
            },
          },
          "↓ Newest",
        )
      : null,
  );
}

function keys(event, move, enter, all, page) {
  const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -all, End: all };
  if (event.target !== event.currentTarget) return;
  if (event.key in moves) {
    move(moves[event.key]);
    event.preventDefault();
  } else if (event.key === "Enter") {
    enter();
  }
}

function reveal({ element }, top, height) {
  if (!element) return;
  const head = element.firstChild.offsetHeight;
  if (top < element.scrollTop) element.scrollTop = top;
  else if (top + height + head > element.scrollTop + element.clientHeight)
    element.scrollTop = top + height + head - element.clientHeight;
}
