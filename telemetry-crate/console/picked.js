// The metrics that were picked last: what is drawn of each scrape since. The scrapes themselves are not kept.

import { groupBy, quantile, since, sum } from "./quantile.js";

/** An hour of scrapes. */
const MAX_POINTS = 720;
/** The picks whose lines go on while another one is shown. */
const MAX_PICKS = 6;
/** The lines that are kept of each, the largest ones. */
const MAX_LINES = 32;

const picks = new Map();
let source = null;

/** Whether a metric is drawn as changes per second, and not as it is. */
export const isRate = ({ type }) => type !== "gauge" && type !== "info";

export const nameOf = (labels) => Object.values(labels).filter(Boolean).join(" · ") || "all";

/**
 * Adds a scrape to all picks, and returns the one of this metric by these labels.
 *
 * It is `{ times, groups, lines, rates }`: the times of the scrapes, the number of groups, and lines by key as
 * `{ name, values }`. `rates` are of a histogram, whose `lines` are quantiles. `of` is the file that is open, or null.
 */
export function pick(name, by, scrape, of) {
  if (of !== source) picks.clear();
  source = of;
  const key = JSON.stringify([name, by]);
  const picked = picks.get(key) ?? { name, by, times: [], groups: 0, lines: new Map(), rates: new Map() };
  // The pick that was not shown for longest is the first.
  picks.delete(key);
  picks.set(key, picked);
  if (picks.size > MAX_PICKS) picks.delete(picks.keys().next().value);
  for (const one of picks.values()) if (one.times.at(-1) !== scrape.at) add(one, scrape);
  return picked;
}

function add(picked, { at, families, last }) {
  const family = families.get(picked.name);
  if (!family || (isRate(family) && !last)) return;
  const before = last?.families.get(picked.name)?.series;
  const earlier = (group) => group.series.map(({ key }) => before?.get(key)).filter(Boolean);
  const seconds = last ? Math.max(0.001, (at - last.at) / 1e3) : 0;
  const groups = groupBy(family, picked.by);
  picked.groups = groups.length;
  picked.times = [...picked.times, at].slice(-MAX_POINTS);
  const number = picked.times.length;
  if (family.type !== "histogram") {
    const total = (series) => series.reduce((sum, { value }) => sum + value, 0);
    const value = isRate(family)
      ? (group) => increase(total(earlier(group)), total(group.series)) / seconds
      : (group) => total(group.series);
    picked.lines = extend(picked.lines, groups.map(lineOf(nameOf, value)), number);
    return;
  }
  const steps = new Map(groups.map((group) => [group, since(sum(earlier(group)), sum(group.series))]));
  const lines =
    picked.by.length > 0
      ? groups.map(
          lineOf(
            (labels) => `p95 ${nameOf(labels)}`,
            (group) => quantile(steps.get(group), 0.95),
          ),
        )
      : [0.5, 0.95, 0.99].map((q) => [`${q}`, `p${q * 100}`, quantile(steps.get(groups[0]), q)]);
  const title = picked.by.length > 0 ? nameOf : () => "samples";
  picked.lines = extend(picked.lines, lines, number);
  picked.rates = extend(picked.rates, groups.map(lineOf(title, (group) => steps.get(group).count / seconds)), number);
}

/** A counter that went down has started over. */
const increase = (before, after) => (after >= before ? after - before : after);

/** The key, the name and the new value of the line of a group. */
const lineOf = (title, value) => (group) => [JSON.stringify(group.labels), title(group.labels), value(group)];

/** The lines with one more value each, `number` in all. Where a line had no value, it has null. */
function extend(lines, added, number) {
  const nulls = (count) => new Array(Math.max(0, count)).fill(null);
  const all = new Map(
    [...lines].map(([key, line]) => [key, { ...line, values: [...line.values, null].slice(-number) }]),
  );
  for (const [key, name, value] of added) {
    if (!all.has(key)) all.set(key, { name, values: nulls(number) });
    all.get(key).values[number - 1] = value;
  }
  if (all.size <= MAX_LINES) return all;
  const size = ([, { values }]) => values.at(-1) ?? -Infinity;
  return new Map([...all].sort((a, b) => size(b) - size(a)).slice(0, MAX_LINES));
}
