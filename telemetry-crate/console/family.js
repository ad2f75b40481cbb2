// A family of metrics: its name, its labels, its unit, and the query for it.

/** The name as Prometheus has it. OpenMetrics declares counters and infos without their suffix. */
export function fullName({ name, type }) {
  const suffix = { counter: "_total", info: "_info" }[type];
  return suffix && !name.endsWith(suffix) ? name + suffix : name;
}

/** The names of the labels that some series has. */
export const labelsOf = (family) => [
  ...new Set([...family.series.values()].flatMap((series) => Object.keys(series.labels))),
];

/** A point in time in seconds since 1970, and not a duration: a gauge whose value would be more than 30 years. */
const isTime = ({ name, type, series }) =>
  type === "gauge" &&
  (/_timestamp_seconds$/.test(name) ||
    (/_time_seconds$/.test(name) && [...series.values()].every(({ value }) => value === 0 || value > 1e9)));

/** The unit of the family, or the one that its name ends in; `time` for points in time. */
export function unitOf(family) {
  if (isTime(family)) return "time";
  if (family.unit) return family.unit;
  if (/_seconds$/.test(family.name)) return "seconds";
  return /_bytes$/.test(family.name) ? "bytes" : "";
}

/** The query that a Prometheus would answer with the same chart. */
export function promqlOf(family, by) {
  const name = fullName(family);
  const group = by.length > 0 ? ` by (${by.join(", ")})` : "";
  if (family.type === "histogram")
    return `histogram_quantile(0.95, sum by (${["le", ...by].join(", ")}) (rate(${name}_bucket[5m])))`;
  if (unitOf(family) === "time") return `max${group} (${name})`;
  return family.type === "counter" ? `sum${group} (rate(${name}[5m]))` : `sum${group} (${name})`;
}
