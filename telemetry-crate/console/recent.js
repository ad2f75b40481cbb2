// What counters and histograms had some minutes ago, as far as this page has seen it.

import { status } from "./api.js";

const WINDOW = 300_000;

const seen = new Map();

/** Whether a counter grew in the last five minutes. */
export const isRising = (id, value, at) => value > earlier(id, value, at);

/**
 * The oldest value of the last five minutes. Its difference from `value` is what came meanwhile.
 *
 * `size(value)` is a number that falls only if the process has started over. A file has no past.
 */
export function earlier(id, value, at, size = (number) => number) {
  if (status.file) return value;
  const values = seen.get(id) ?? [];
  if (values.length > 0 && size(value) < size(values.at(-1).value)) values.length = 0;
  if (values.at(-1)?.at !== at) values.push({ at, value });
  while (values[0].at < at - WINDOW) values.shift();
  seen.set(id, values);
  return values[0].value;
}
