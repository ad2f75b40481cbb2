// A list of many rows, of which only those in sight are in the document.

import { h, redraw, render } from "./dom.js";
import { count } from "./format.js";
import { keep } from "./held.js";

/** Rows beyond each edge, and those after a jump, in which all rows are new. */
const BEYOND = 10;
const BEYOND_JUMP = 2;

const states = new Map();

/** The grid that `j`, `k` and Enter work on. */
export let active = null;

export function forget() {
  active = null;
}

/** Takes the choice of a row back. Returns whether there was one. */
export function unchoose(id) {
  const state = stateOf(id);
  const was = state.selected !== null;
  state.selected = null;
  return was;
}

function stateOf(id) {
  if (!states.has(id)) states.set(id, { top: 0, height: 600, selected: null, follows: true, held: null });
  return states.get(id);
}

/** Follows the height of a grid. Reading it while drawing would make the browser lay out each frame twice. */
function observe(state, element) {
  state.observer?.disconnect();
  state.element = element;
  state.observer = new ResizeObserver(() => {
    if (element.clientHeight === 0 || element.clientHeight === state.height) return;
    state.height = element.clientHeight;
    if (state.isTail && state.follows && !state.isHeld) toEnd(state);
    redraw();
  });
  state.observer.observe(element);
}

/** The height of a row; narrow screens have two lines for each. */
export function rowHeight() {
  return innerWidth < 700 ? 52 : 30;
}

/**
 * Draws a grid. `columns` are `{ name, title, end }`, `cells(row)` returns the contents of the cells of a row, `of`
 * names what is listed, and `select` gets the chosen row, or null.
 *
 * While the pointer is over the grid, or a row is chosen or has the focus, no row moves. With `follows`, the grid stays
 * at its end while rows come, unless it was scrolled up.
 */
export function grid({ id, of, label, columns, rows: source, keyOf, cells, open, tone, follows, selected, select }) {
  const state = stateOf(id);
  const height = rowHeight();
  if (selected !== undefined) state.selected = selected;
  state.select = select;
  const body = state.element?.lastChild;
  state.isHeld = state.isOver || state.selected !== null || Boolean(body?.contains(document.activeElement));
  state.isTail = follows;
  const kept = follows
    ? { rows: source, fresh: freshOf(state, source) }
    : keep(state, { of, rows: source, keyOf, isHeld: state.isHeld });
  const { rows } = kept;
  // Two keys may be pressed between two frames, so the place is looked up when it is needed.
  const place = () => (state.selected === null ? -1 : rows.findIndex((row) => keyOf(row) === state.selected));
  const choose = (index) => {
    const row = rows[Math.min(rows.length - 1, Math.max(0, index))];
    if (!row) return;
    state.selected = keyOf(row);
    if (select) select(row);
    reveal(state, rows.indexOf(row) * height, height);
    redraw();
  };
  const move = (by) => {
    choose(place() < 0 ? (follows ? rows.length - 1 : 0) : place() + by);
    // Enter goes to what has the focus.
    state.element?.focus({ preventScroll: true });
  };
  const enter = () => place() >= 0 && open(rows[place()]);
  const press = (event) => {
    const number = Number(event.target.closest(".row")?.getAttribute("aria-rowindex")) - 2;
    if (!(number >= 0) || event.target.closest("a, button") || String(getSelection())) return;
    choose(number);
    open(rows[number]);
  };
  active = { move, open: enter };
  // What was drawn of a row is used again while the list scrolls.
  const drawn = new Map();
  Object.assign(state, { id, rows, rowHeight: height, columns, keyOf, cells, tone, chosen: place(), drawn });
  const descriptions = inSight(state);
  return h(
    "div",
    { class: `grid-frame g-${id}`, onpointerenter: () => over(state, true), onpointerleave: () => over(state, false) },
    h(
      "div",
      {
        class: "grid",
        role: "grid",
        tabindex: "0",
        key: `grid-${id}`,
        "aria-label": label,
        "aria-rowcount": rows.length + 1,
        "aria-activedescendant": isDrawn(state, state.chosen) ? rowId(state, state.chosen) : null,
        onscroll: (event) => scrolled(state, event.currentTarget.scrollTop),
        onkeydown: (event) => keys(event, move, enter, rows.length, Math.floor(state.height / height) - 1),
        drawn: (element) => follow(state, element),
      },
      h(
        "div",
        { class: "row head", role: "row", "aria-rowindex": "1" },
        columns.map((column) => h("span", { role: "columnheader", class: `c-${column.name}` }, column.title)),
      ),
      h(
        "div",
        { class: "rows", role: "rowgroup", recycle: true, onclick: press, style: bodyStyle(state) },
        descriptions,
      ),
    ),
    follows ? tail(state, kept.fresh) : head(state, kept.fresh),
  );
}

const rowId = ({ id }, number) => `${id}-${number}`;
const isDrawn = ({ first, end }, number) => number >= first && number < end;
const bodyStyle = ({ rows, first, rowHeight }) => ({
  height: `${rows.length * rowHeight}px`,
  "padding-top": `${first * rowHeight}px`,
});

/** The rows in sight, and some beyond. */
function inSight(state, beyond = BEYOND) {
  const { rows, rowHeight: height, top } = state;
  state.first = Math.max(0, Math.min(rows.length, Math.floor(top / height)) - beyond);
  state.end = Math.min(rows.length, Math.ceil((top + state.height) / height) + beyond);
  return rows.slice(state.first, state.end).map((row, index) => describe(state, row, state.first + index));
}

function describe(state, row, number) {
  const key = state.keyOf(row);
  const before = state.drawn.get(key);
  if (before) return before;
  const isChosen = number === state.chosen;
  const contents = state.cells(row);
  const description = h(
    "div",
    {
      class: `row ${state.tone?.(row) ?? ""}${isChosen ? " chosen" : ""}`,
      role: "row",
      id: rowId(state, number),
      key,
      "aria-rowindex": number + 2,
      "aria-selected": isChosen ? "true" : "false",
    },
    state.columns.map((column, place) => h("span", { role: "gridcell", class: `c-${column.name}` }, contents[place])),
  );
  state.drawn.set(key, description);
  return description;
}

/** Draws the rows alone where the list is scrolled to; the rest of the page is as it was. */
function scrolled(state, top) {
  const { rowHeight: height, rows, element } = state;
  state.top = top;
  if (state.isTail) {
    const isAtEnd = top + state.height >= rows.length * height;
    if (isAtEnd) state.seen = rows.at(-1);
    if (state.follows !== isAtEnd) redraw();
    state.follows = isAtEnd;
  }
  const isNear =
    (state.first === 0 || top - state.first * height > (BEYOND - 3) * height) &&
    (state.end === rows.length || state.end * height - top - state.height > (BEYOND - 3) * height);
  if (isNear || state.isDue) return;
  state.isDue = true;
  requestAnimationFrame(() => {
    state.isDue = false;
    const body = element.lastChild;
    if (!element.isConnected || !body) return;
    const was = isDrawn(state, state.chosen);
    const top = state.top / state.rowHeight;
    const isJump = top > state.end || top + state.height / state.rowHeight < state.first;
    const descriptions = inSight(state, isJump ? BEYOND_JUMP : BEYOND);
    body.style.setProperty("padding-top", bodyStyle(state)["padding-top"]);
    render(body, descriptions, true);
    if (was !== isDrawn(state, state.chosen)) redraw();
  });
}

function over(state, isOver) {
  state.isOver = isOver;
  redraw();
}

/** Lines that came below since the end was in sight. */
function freshOf(state, rows) {
  if (state.follows && !state.isHeld) return 0;
  const place = rows.lastIndexOf(state.seen);
  return place < 0 ? 0 : rows.length - 1 - place;
}

/** Keeps the end in sight, or else the rows that are. */
function follow(state, element) {
  if (state.element !== element) observe(state, element);
  const { rows, last } = state;
  state.last = rows;
  if (!state.isTail || last === rows) return;
  if (state.follows && !state.isHeld) {
    state.seen = rows.at(-1);
    toEnd(state);
  } else if (last?.length > 0 && last[0] !== rows[0]) {
    // The oldest rows made room.
    const gone = last.indexOf(rows[0]);
    if (gone > 0) element.scrollTop -= gone * state.rowHeight;
  }
}

function toEnd({ element, rows, rowHeight }) {
  element.scrollTop = (rows.length + 1) * rowHeight;
}

function tail(state, fresh) {
  if (state.rows.length === 0 || (state.follows && fresh === 0)) return null;
  const press = () => {
    Object.assign(state, { follows: true, seen: state.rows.at(-1), selected: null });
    state.select?.(null);
    toEnd(state);
    redraw();
  };
  const text = fresh > 0 ? `↓ ${count(fresh)} new` : "↓ Newest";
  return h("button", { class: "to-end", key: "to-end", onclick: press }, text);
}

function head(state, fresh) {
  if (fresh === 0) return null;
  const press = () => {
    document.activeElement?.blur();
    Object.assign(state, { held: null, selected: null });
    state.element.scrollTop = 0;
    redraw();
  };
  const title = "The rows keep their places while the pointer is over them or one is chosen";
  return h("button", { class: "to-end to-start", key: "to-start", title, onclick: press }, `↑ ${count(fresh)} new`);
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
