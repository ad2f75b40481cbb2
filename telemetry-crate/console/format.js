// Numbers, times and texts for people. Every number has its unit.

const NONE = "–";

/** What stands for a value that is no finite number; null for any other. */
function unusual(value) {
  if (typeof value !== "number" || Number.isNaN(value)) return NONE;
  return Number.isFinite(value) ? null : value > 0 ? "∞" : "-∞";
}

function digits(value) {
  const size = Math.abs(value);
  if (size >= 100 || size === 0) return value.toFixed(0);
  if (size < 0.01) return String(Number(value.toPrecision(2)));
  return value.toFixed(size >= 10 ? 1 : 2);
}

export function seconds(value) {
  if (unusual(value)) return unusual(value);
  const size = Math.abs(value);
  if (size === 0) return "0 s";
  if (size < 0.000_001) return `${digits(value * 1e9)} ns`;
  if (size < 0.001) return `${(value * 1e6).toFixed(0)} µs`;
  if (size < 1) return `${digits(value * 1e3)} ms`;
  if (size < 120) return `${Number.isInteger(value) ? value : digits(value)} s`;
  if (size < 7_200) return `${(value / 60).toFixed(0)} min`;
  if (size < 172_800) return `${(value / 3_600).toFixed(1)} h`;
  return `${(value / 86_400).toFixed(1)} d`;
}

export function bytes(value) {
  if (unusual(value)) return unusual(value);
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  let left = value;
  while (Math.abs(left) >= 1024 && unit < units.length - 1) {
    left /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? left.toFixed(0) : digits(left)} ${units[unit]}`;
}

export function count(value) {
  if (unusual(value)) return unusual(value);
  const size = Math.abs(value);
  if (size >= 1e9) return `${digits(value / 1e9)} G`;
  if (size >= 1e6) return `${digits(value / 1e6)} M`;
  if (size >= 1e4) return Math.round(value).toLocaleString("en-US");
  return Number.isInteger(value) ? String(value) : digits(value);
}

export function perSecond(value) {
  if (unusual(value)) return unusual(value);
  if (value > 0 && value < 0.01) return `${digits(value * 3600)}/h`;
  return `${value < 1_000 ? digits(value) : count(value)}/s`;
}

export function percent(value) {
  if (unusual(value)) return unusual(value);
  const of100 = value * 100;
  if (of100 > 0 && of100 < 0.1) return "< 0.1 %";
  return `${of100 > 0 && of100 < 10 ? of100.toFixed(1) : of100.toFixed(0)} %`;
}

/** A value in a unit of UCUM, as metrics have it: `s`, `By`, `1`, `{connection}`. */
export function inUnit(value, unit) {
  if (unit === "s" || unit === "seconds") return seconds(value);
  if (unit === "By" || unit === "bytes") return bytes(value);
  // A point in time that is 0 has not come.
  if (unit === "time") return day(value * 1e3);
  if (unit === "s/s") return unusual(value) ?? `${digits(value)} cores`;
  const word = /^\{(.+)\}$/.exec(unit ?? "")?.[1].replaceAll("_", " ");
  return word && !unusual(value) ? `${count(value)} ${value === 1 ? word : plural(word)}` : count(value);
}

export function plural(word) {
  if (word.endsWith("y")) return `${word.slice(0, -1)}ies`;
  return word.endsWith("s") ? word : `${word}s`;
}

/** `1 span`, `2 spans` */
export function counted(number, word) {
  return `${count(number)} ${number === 1 ? word : plural(word)}`;
}

/** Milliseconds since the epoch, with the fraction that `Date.parse` drops. */
export function time(date) {
  if (!date) return null;
  const match = /^(.*T[\d:]+)(?:\.(\d+))?(.*)$/.exec(date);
  if (!match) return null;
  const whole = Date.parse(match[1] + match[3]);
  return Number.isNaN(whole) ? null : whole + Number(`0.${match[2] ?? 0}`) * 1e3;
}

/** A date in UTC as ISO 8601 has it, or null if there is none. */
function iso(milliseconds) {
  const date = new Date(milliseconds ?? Number.NaN);
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}

/** The time of a day in UTC, as log lines and /traces have it. */
export function clock(milliseconds, fraction = true) {
  return iso(milliseconds)?.slice(11, fraction ? 23 : 19) ?? NONE;
}

export function day(milliseconds) {
  const date = milliseconds === 0 ? null : iso(milliseconds);
  return date ? `${date.replace("T", " ").slice(0, 19)} UTC` : NONE;
}

export function ago(milliseconds, now) {
  if (milliseconds === null || milliseconds === undefined) return NONE;
  const past = (now - milliseconds) / 1e3;
  if (past < 0) return `in ${spoken(-past)}`;
  return past < 1 ? "now" : `${spoken(past)} ago`;
}

/** A duration with two digits, for narrow places. */
export function briefly(value) {
  if (value === null || value === undefined) return NONE;
  if (value >= 10 || value === 0) return seconds(Math.round(value));
  return value >= 1
    ? `${value.toFixed(1)} s`
    : value >= 0.001
      ? `${Number((value * 1e3).toPrecision(2))} ms`
      : seconds(value);
}

/** A duration without fractions, for sentences. */
export function spoken(past) {
  if (past < 120) return `${Math.round(past)} s`;
  if (past < 7_200) return `${Math.round(past / 60)} min`;
  if (past < 172_800) return `${(past / 3_600).toFixed(1)} h`;
  return `${(past / 86_400).toFixed(1)} d`;
}

/** Cuts a text that others wrote to a length that a row can have, and shows control characters. */
export function cut(text, most = 300) {
  const whole = String(text ?? "");
  const short = whole.length > most ? `${whole.slice(0, most)}… (${count(whole.length)} characters)` : whole;
  return short.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, "\ufffd");
}
