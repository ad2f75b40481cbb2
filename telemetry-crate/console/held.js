// The order of a list that is held, so that no row moves under the pointer while others come.

/**
 * The rows to show, and how many have come since the list is held. `of` names what is listed: another list is not held.
 *
 * A held row shows its newest state, as long as the service has it.
 */
export function keep(state, { of, rows, keyOf, isHeld }) {
  if (state.of !== of) Object.assign(state, { of, held: null, selected: null });
  if (!isHeld || rows.length === 0) state.held = null;
  else if (!state.held) state.held = { source: rows, rows, fresh: 0 };
  else if (state.held.source !== rows) state.held = renew(state.held.rows, rows, keyOf);
  return state.held ?? { rows, fresh: 0 };
}

/** The lists whose rows keep their order, by name: `{ keys, element }`. */
const lists = new Map();

/**
 * The rows in the order in which they were drawn last, while the pointer or the focus is in the list. New ones are last.
 *
 * `drawn` gets the element of the list.
 */
export function inOrder(name, rows, keyOf) {
  const list = lists.get(name) ?? { keys: [], element: null };
  lists.set(name, list);
  const isInUse = list.element?.isConnected && list.element.matches(":hover, :focus-within");
  const places = new Map(isInUse ? list.keys.map((key, place) => [key, place]) : []);
  const placeOf = (row) => places.get(keyOf(row)) ?? places.size;
  const ordered = [...rows].sort((a, b) => placeOf(a) - placeOf(b));
  list.keys = ordered.map(keyOf);
  const drawn = (element) => {
    list.element = element;
  };
  return { rows: ordered, drawn };
}

function renew(shown, source, keyOf) {
  const newest = new Map(source.map((row) => [keyOf(row), row]));
  const rows = shown.map((row) => {
    const key = keyOf(row);
    const found = newest.get(key);
    newest.delete(key);
    return found ?? row;
  });
  return { source, rows, fresh: newest.size };
}
