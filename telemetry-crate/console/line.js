// One log line: its parts, whatever the format of the service's log is.

import { time } from "./format.js";

const parsed = new WeakMap();

const TIMES = ["timestamp", "@timestamp", "time"];
/** Keys that are shown in columns of their own, in all formats. */
const SHOWN = new Set([
  ...TIMES,
  "level",
  "log.level",
  "severity",
  "status",
  "target",
  "log.logger",
  "logger.name",
  "message",
  "trace_id",
  "span_id",
  "trace.id",
  "span.id",
  "dd.span_id",
  "logging.googleapis.com/spanId",
  "dd.trace_id",
  "logging.googleapis.com/trace",
]);

/** `{ time, message, fields, rest }` of a line; `rest` is the fields as text. */
export function partsOf(line) {
  let parts = parsed.get(line);
  if (!parts) {
    parts = line.text?.startsWith("{") ? ofJson(line.text) : null;
    parts ??= ofText(line);
    parsed.set(line, parts);
  }
  return parts;
}

function ofJson(text) {
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const key = TIMES.find((name) => typeof value[name] === "string");
  const fields = Object.fromEntries(Object.entries(value).filter(([name]) => !SHOWN.has(name)));
  const rest = Object.entries(fields).map(
    ([name, field]) => `${name}=${typeof field === "string" ? field : JSON.stringify(field)}`,
  );
  return {
    time: key ? time(value[key]) : null,
    clock: null,
    message: String(value.message ?? ""),
    fields,
    rest: rest.join("  "),
    whole: value,
  };
}

/** A line of the pretty format: time, level, message, target, fields. */
function ofText({ text = "", level, target }) {
  const match = /^(?:\S+T)?(\d\d:\d\d:\d\d(?:\.\d+)?)Z?\s+([A-Z]+)\s+(.*)$/s.exec(text);
  if (!match || match[2] !== level)
    return { time: null, clock: null, message: text, fields: {}, rest: "", whole: null };
  const place = match[3].indexOf(` ${target} `);
  const [message, rest] =
    place < 0 ? [match[3], ""] : [match[3].slice(0, place), match[3].slice(place + target.length + 2)];
  return {
    time: null,
    clock: match[1],
    message,
    fields: {},
    rest: rest.replace(/ ?\b(trace|span)_id=[0-9a-f]+/g, ""),
    whole: null,
  };
}
