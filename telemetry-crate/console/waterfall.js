// The layout of a trace: its rows in order, and one time axis for all local roots.

import { time } from "./format.js";

/** From this number of runs on, a repeated statement is one row. */
const GROUP = 4;
/** As firstlight's default for its warning. */
const N_PLUS_ONE = 10;
const SLOW_SECONDS = 1;
/** A wait between roots that is longer than this part of the work is drawn shorter. */
const LONG_GAP = 0.4;
const MAX_ROWS = 3_000;

/** The key of the row of a span. */
export const keyOf = (span) => `span ${span.span_id}`;

/** The rows of all roots: `{ key, type, depth, root, … }`. `isExpanded(key, items)` says which groups are open. */
export function rowsOf(roots, now, { isExpanded, hasEvents }) {
  const rows = [];
  const sorted = [...roots].sort((a, b) => time(a.started) - time(b.started));
  for (const root of sorted) {
    const tree = treeOf(root, now);
    rows.push({
      key: `root ${root.span_id}`,
      type: "root",
      depth: 0,
      root,
      hop: hopOf(root, tree, sorted, now),
      ...tree.extent,
    });
    // The row of a root stands for its first span too.
    const first = tree.children.get(null)?.find(({ span }) => span.number === 0);
    if (first)
      tree.children.set(
        null,
        tree.children.get(null).filter((item) => item !== first),
      );
    if (first) push(rows, tree, 0, 1, { isExpanded, hasEvents, eventsOf: hasEvents ? first.events : [] });
    push(rows, tree, null, 1, { isExpanded, hasEvents });
    for (const event of hasEvents ? tree.loose : []) rows.push(eventRow(root, event, 1));
  }
  return { rows: rows.slice(0, MAX_ROWS), cut: Math.max(0, rows.length - MAX_ROWS), roots: sorted };
}

export function spanTimes(span, now) {
  const start = time(span.started);
  const exact = span.duration_seconds;
  const end = exact !== undefined && exact !== null ? start + exact * 1e3 : span.ended ? time(span.ended) : now;
  return { start, end: Math.max(start, end) };
}

function treeOf(root, now) {
  const spans = root.spans ?? [];
  const numbers = new Set(spans.map((span) => span.number));
  const children = new Map();
  const bySpanId = new Map();
  for (const span of spans) {
    // The start of the parent may have been cut. A parent has a smaller number than its child.
    const parent = span.parent !== null && span.parent < span.number && numbers.has(span.parent) ? span.parent : null;
    if (!children.has(parent)) children.set(parent, []);
    children.get(parent).push({ span, ...spanTimes(span, now), events: [] });
    bySpanId.set(span.span_id, children.get(parent).at(-1));
  }
  const loose = [];
  (root.events ?? []).forEach((event, index) =>
    (bySpanId.get(event.span_id)?.events ?? loose).push({ ...event, index }),
  );
  for (const list of children.values()) list.sort((a, b) => a.start - b.start || a.span.number - b.span.number);
  const start = time(root.started);
  const ends = [...bySpanId.values()].map((item) => item.end);
  const end = Math.max(start + root.duration_seconds * 1e3, ...ends);
  const first = root.spans?.find((span) => span.number === 0);
  return { root, children, loose, extent: { start, end }, repeated: first?.attributes["sql.n_plus_one.summary"] };
}

function push(rows, tree, parent, depth, options) {
  const items = tree.children.get(parent) ?? [];
  const groups = groupsOf(items, tree.children);
  const lines = options.eventsOf ?? [];
  const entries = [
    ...items.map((item) => ({ at: item.start, item })),
    ...lines.map((event) => ({ at: time(event.time), event })),
  ];
  // A span comes before the lines of the same moment.
  entries.sort((a, b) => a.at - b.at || (a.event ? 1 : 0) - (b.event ? 1 : 0));
  const seen = new Set();
  for (const { item, event } of entries) {
    if (event) {
      rows.push(eventRow(tree.root, event, depth));
      continue;
    }
    const group = groups.get(statementOf(item.span));
    if (group && !seen.has(group)) {
      seen.add(group);
      const key = `group ${group.items[0].span.span_id}`;
      group.isExpanded = options.isExpanded(key, group.items);
      rows.push({
        key,
        type: "group",
        depth,
        root: tree.root,
        ...group,
        start: item.start,
        end: group.items.at(-1).end,
        isNPlusOne: isNPlusOne(group.items.length, item.span, tree),
      });
      if (options.hasEvents && !group.isExpanded)
        for (const one of group.items) for (const line of one.events) rows.push(eventRow(tree.root, line, depth + 1));
    }
    if (group && !group.isExpanded) continue;
    const level = group ? depth + 1 : depth;
    rows.push({
      key: keyOf(item.span),
      type: "span",
      depth: level,
      root: tree.root,
      span: item.span,
      start: item.start,
      end: item.end,
      events: item.events,
      isSlow: isSlow(item),
      isNPlusOne: false,
    });
    push(rows, tree, item.span.number, level + 1, { ...options, eventsOf: options.hasEvents ? item.events : [] });
  }
}

const eventRow = (root, event, depth) => ({
  key: `event ${root.span_id} ${event.index}`,
  type: "event",
  depth,
  root,
  event,
  start: time(event.time),
  end: time(event.time),
});

export const statementOf = (span) => span.attributes["db.query.text"] ?? span.attributes["db.query.summary"];

/** Leaves below one parent that run the same statement often. */
function groupsOf(items, children) {
  const byStatement = new Map();
  for (const item of items) {
    const statement = statementOf(item.span);
    if (!statement || children.has(item.span.number)) continue;
    if (!byStatement.has(statement)) byStatement.set(statement, []);
    byStatement.get(statement).push(item);
  }
  const groups = [...byStatement].filter(([, items]) => items.length >= GROUP);
  return new Map(groups.map(([statement, items]) => [statement, { items, isSlow: items.some(isSlow) }]));
}

const isNPlusOne = (count, span, tree) => count >= N_PLUS_ONE || tree.repeated === span.attributes["db.query.summary"];

/** firstlight's own warning has the threshold of the service; without it, the default applies. */
function isSlow({ span, start, end, events }) {
  if (events.some((event) => "slow_query.threshold" in event.fields)) return true;
  return statementOf(span) !== undefined && end - start >= SLOW_SECONDS * 1e3;
}

/** The way of a job through its queue: from the span that sent it, if it is here. */
function hopOf(root, tree, roots, now) {
  if (root.kind !== "job") return null;
  const attributes = root.spans?.find((span) => span.number === 0)?.attributes ?? {};
  const queue = attributes["messaging.destination.name"] ?? "";
  const isSend = (span) =>
    span.attributes["messaging.operation.type"] === "send" && span.attributes["messaging.destination.name"] === queue;
  const senders = roots
    .flatMap((other) => (other === root ? [] : (other.spans ?? [])))
    .filter(isSend)
    .map((span) => spanTimes(span, now));
  const before = senders.filter(({ end }) => end <= tree.extent.start + 1).sort((a, b) => b.end - a.end)[0];
  return {
    queue,
    from: before?.end ?? null,
    wait: Number(attributes["worker.task.wait"]) || null,
    attempt: attributes["worker.task.attempt"],
  };
}

/** Positions on the axis, from 0 to 1. Long waits between roots are drawn shorter, and are in `gaps`. */
export function scaleOf(rows) {
  const intervals = rows
    .filter((row) => row.type === "root")
    .map(({ start, end }) => [start, Math.max(end, start + 0.001)])
    .sort((a, b) => a[0] - b[0]);
  const merged = [];
  for (const [start, end] of intervals) {
    const last = merged.at(-1);
    if (last && start <= last[1]) last[1] = Math.max(last[1], end);
    else merged.push([start, end]);
  }
  const work = merged.reduce((sum, [start, end]) => sum + end - start, 0) || 1;
  const pieces = [];
  let at = 0;
  merged.forEach(([start, end], index) => {
    const before = merged[index - 1];
    if (before) {
      const gap = start - before[1];
      const isShort = gap <= work * LONG_GAP;
      const drawn = isShort ? gap : work * 0.12;
      pieces.push({ start: before[1], end: start, at, drawn, isGap: !isShort });
      at += drawn;
    }
    pieces.push({ start, end, at, drawn: end - start, isGap: false });
    at += end - start;
  });
  const whole = at || 1;
  const place = (moment) => {
    const piece = pieces.find((piece) => moment <= piece.end) ?? pieces.at(-1);
    if (!piece) return 0;
    const part = Math.max(0, Math.min(1, (moment - piece.start) / (piece.end - piece.start || 1)));
    return (piece.at + part * piece.drawn) / whole;
  };
  const moment = (position) => {
    const wanted = position * whole;
    const piece = pieces.find((piece) => wanted <= piece.at + piece.drawn) ?? pieces.at(-1);
    return piece.start + ((wanted - piece.at) / (piece.drawn || 1)) * (piece.end - piece.start);
  };
  const gaps = pieces
    .filter((piece) => piece.isGap)
    .map((piece) => ({
      from: piece.at / whole,
      to: (piece.at + piece.drawn) / whole,
      seconds: (piece.end - piece.start) / 1e3,
    }));
  return { start: merged[0]?.[0] ?? 0, end: merged.at(-1)?.[1] ?? 0, place, moment, gaps };
}
