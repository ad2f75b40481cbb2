// What the views poll. Each has its interval in seconds, and its place in a saved file.

import { namesIn, parse } from "./exposition.js";

const POINTS = 180;
const MAX_LINES = 10_000;

export const explain = { id: "explain", path: () => "explain", every: 5, file: (saved) => saved.explain };
export const errors = { id: "errors", path: () => "errors", every: 2, file: (saved) => saved.errors };
export const logFilter = {
  id: "log-filter",
  path: () => "log-filter",
  every: 5,
  open: true,
  file: (saved) => saved.log_filter,
};
export const telemetry = {
  id: "telemetry",
  path: () => "telemetry",
  every: 5,
  open: true,
  file: (saved) => saved.telemetry,
};
/** A process that is not ready answers with 503, as a proxy does for a process that is gone. */
export const isReadiness = (status, text) => status === 503 && text.startsWith("not ready");

export const readyz = {
  id: "readyz",
  path: () => "readyz",
  every: 5,
  open: true,
  accept: "text/plain",
  isAnswer: isReadiness,
  file: (saved) => saved.readyz,
};
export const previous = { id: "previous", path: () => "traces?previous", every: 60, file: (saved) => saved.previous };

export const history = {
  id: "history",
  path: (held) => (held ? `history?after=${held.end}` : "history"),
  every: 5,
  take: mergeHistory,
  file: (saved) => saved.history,
};

/** The metrics, with the sample before, so that rates can be told. */
export const metrics = {
  id: "metrics",
  path: () => "metrics",
  accept: "application/openmetrics-text",
  every: 5,
  open: true,
  take: (held, text) => ({
    at: Date.now(),
    families: parse(text),
    last: held ? { at: held.at, families: held.families } : null,
  }),
  file: (saved) => (saved.parsed ??= { at: Date.parse(saved.saved), families: parse(saved.metrics ?? ""), last: null }),
};

/** To know which views the service has. A metric may come with its first use. */
export const catalog = {
  ...metrics,
  id: "catalog",
  every: 30,
  take: (_, text) => new Set(namesIn(text)),
  file: (saved) => new Set(metrics.file(saved).families.keys()),
};

/** The sections, or one of them with more roots. */
export function traces(section, route) {
  const query = [section, route && `route=${encodeURIComponent(route)}`, `limit=${section ? 1_000 : 200}`]
    .filter(Boolean)
    .join("&");
  return { id: `traces?${query}`, path: () => `traces?${query}`, every: 2, file: (saved) => saved.traces };
}

/** The counts of all sections, while one of them is shown. */
export function counts(route) {
  const query = `limit=1${route ? `&route=${encodeURIComponent(route)}` : ""}`;
  return { id: `traces?${query}`, path: () => `traces?${query}`, every: 5, file: (saved) => saved.traces };
}

/** The open roots alone, with the users of connections. */
export const open = { id: "open", path: () => "traces?open&limit=50", every: 2, file: (saved) => saved.traces };

export function trace(id) {
  const path = `traces/${encodeURIComponent(id)}`;
  const isOpen = (held) => !held || held.roots.some((root) => root.outcome === "open" || root.open_spans > 0);
  return {
    id: path,
    path: () => path,
    every: (held) => (isOpen(held) ? 2 : 10),
    canGo: true,
    file: (saved) => traceOf(saved, id),
  };
}

/** The roots of a trace in the sections of a saved file, where one may be in several. */
function traceOf(saved, id) {
  const roots = new Map();
  for (const section of ["open", "failed", "canceled", "slow", "recent"]) {
    for (const root of saved.traces?.[section]?.roots ?? []) if (root.trace_id === id) roots.set(root.span_id, root);
  }
  // Anyone may have made the file.
  const address = /^https?:\/\//i.test(saved.trace_url) ? saved.trace_url : null;
  const backend = address?.replaceAll("{trace_id}", encodeURIComponent(id)) ?? null;
  return roots.size === 0 ? null : { roots: [...roots.values()], backend_url: backend };
}

export function logs(filters) {
  const names = { level: "level", target: "target", text: "contains", trace: "trace" };
  const query = Object.entries(names)
    .filter(([name]) => filters[name])
    .map(([name, key]) => `${key}=${encodeURIComponent(filters[name])}`);
  return {
    id: `logs?${query.join("&")}`,
    path: (held) => `logs?${[...query, held ? `after=${held.next}&tail=${MAX_LINES}` : "tail=2000"].join("&")}`,
    every: 2,
    take: mergeLines,
    file: (saved) =>
      saved.logs ? { ...saved.logs, lines: saved.logs.lines.filter((line) => passes(line, filters)) } : null,
  };
}

const LEVELS = ["ERROR", "WARN", "INFO", "DEBUG", "TRACE"];

function passes(line, { level, target, text, trace }) {
  if (level && LEVELS.indexOf(line.level) > LEVELS.indexOf(level.toUpperCase())) return false;
  if (target && !line.target.startsWith(target)) return false;
  return (!text || line.text.includes(text)) && (!trace || line.trace_id === trace);
}

function mergeLines(held, answer) {
  if (!held) return answer;
  const gap =
    answer.missed > 0
      ? [{ number: `gap-${answer.first}`, level: "", target: "", trace_id: null, gap: answer.missed }]
      : [];
  const lines =
    answer.lines.length + gap.length === 0 ? held.lines : [...held.lines, ...gap, ...answer.lines].slice(-MAX_LINES);
  return { ...answer, lines };
}

/** Appends the new points of each series, and drops those that are older than 15 minutes, and series without any. */
export function mergeHistory(held, answer) {
  if (!held || answer.first !== held.end)
    return answer.end === held?.end && answer.first === answer.end ? held : answer;
  const drop = Math.max(0, answer.end - held.first - POINTS);
  const join = (kind, keyOf, columns) => {
    const before = new Map((held[kind] ?? []).map((series) => [keyOf(series), series]));
    const after = new Map((answer[kind] ?? []).map((series) => [keyOf(series), series]));
    const keys = new Set([...before.keys(), ...after.keys()]);
    const nulls = (from, to) => new Array(Math.max(0, to - from)).fill(null);
    return [...keys]
      .map((key) => {
        const [old, fresh] = [before.get(key), after.get(key)];
        const series = { ...(fresh ?? old) };
        for (const column of columns) {
          const left = old?.[column] ?? nulls(held.first, held.end);
          series[column] = [...left, ...(fresh?.[column] ?? nulls(answer.first, answer.end))].slice(drop);
        }
        return series;
      })
      .filter((series) => columns.some((column) => series[column].some((value) => value !== null)));
  };
  const columns = ["rate", "failed", "p50", "p95", "p99"];
  return {
    ...answer,
    first: held.first + drop,
    roots: join("roots", (root) => `${root.kind} ${root.name}`, columns),
    all: join("all", (root) => root.kind, columns),
    gauges: join("gauges", (gauge) => `${gauge.metric} ${JSON.stringify(gauge.labels)}`, ["values"]),
  };
}
