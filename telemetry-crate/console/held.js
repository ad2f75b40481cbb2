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
