// A saved file: its parts, and the form that each must have.

import { UNKNOWN_FORM } from "./api.js";

/** The version of the file's format. */
export const FORMAT = 1;

/** A form is an example of a value: a date stands for its text, and a list has the form of all its elements. */
const ROOTS = {
  roots: [{ name: "", trace_id: "", span_id: "", started: new Date(), duration_seconds: 0, outcome: "" }],
};
const NUMBERS = { rate: [], failed: [], p50: [], p95: [], p99: [] };

const FORMS = {
  traces: {},
  errors: { since: new Date(), errors: [{ place: "", fingerprint: "", count: 0, example: "", last_seen: new Date() }] },
  explain: { verdict: "", findings: [{ severity: "", what: "", evidence: [""], next: "" }] },
  history: {
    ...{ time: new Date(), first: 0, end: 0, interval_seconds: 0 },
    roots: [{ kind: "", name: "", ...NUMBERS }],
    all: [{ kind: "", ...NUMBERS }],
    gauges: [{ metric: "", labels: {}, unit: "", values: [] }],
  },
  logs: { lines: [{ number: 0, level: "", target: "", text: "" }] },
  telemetry: {},
  log_filter: { filter: "", start_filter: "" },
  previous: {},
  readyz: "",
  metrics: "",
};

const SECTIONS = ["open", "failed", "canceled", "slow", "recent"];

/** Whether a value has at least what its form has. */
function fits(value, form) {
  if (form instanceof Date) return typeof value === "string" && !Number.isNaN(Date.parse(value));
  if (Array.isArray(form))
    return Array.isArray(value) && (form.length === 0 || value.every((element) => fits(element, form[0])));
  if (typeof form !== "object") return typeof value === typeof form;
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  return isObject && Object.keys(form).every((key) => fits(value[key], form[key]));
}

function isPart(name, value) {
  if (!fits(value, FORMS[name])) return false;
  const sections = name === "traces" ? SECTIONS.filter((section) => value[section] !== undefined) : [];
  return sections.every((section) => fits(value[section], ROOTS));
}

/**
 * A file of Save, or an answer of /traces, /errors or /explain that was saved with curl.
 *
 * A part that no view could show is left out, and is in `missing`.
 */
export function recognize(value) {
  const file = value?.console === FORMAT ? value : ofAnswer(value);
  const text = (key) => (typeof file[key] === "string" ? file[key] : undefined);
  const saved = {
    saved: fits(file.saved, new Date()) ? file.saved : new Date().toISOString(),
    ...{ service: text("service"), version: text("version"), instance: text("instance"), trace_url: text("trace_url") },
    missing: {},
  };
  for (const name of Object.keys(FORMS)) {
    // A part that is here may lack something too.
    if (typeof file.missing?.[name] === "string") saved.missing[name] = file.missing[name];
    if (file[name] === undefined) continue;
    if (isPart(name, file[name])) saved[name] = file[name];
    else saved.missing[name] = UNKNOWN_FORM;
  }
  if (Object.keys(FORMS).every((name) => saved[name] === undefined)) throw new Error(UNKNOWN_FORM);
  return saved;
}

function ofAnswer(value) {
  const base = { ...value, missing: {}, saved: value?.time };
  if (Array.isArray(value?.errors)) return { ...base, errors: value };
  if (Array.isArray(value?.findings)) return { ...base, explain: value };
  if (Array.isArray(value?.roots) && value.roots[0]?.trace_id)
    return { ...base, traces: { recent: { count: value.roots.length, roots: value.roots } } };
  if (SECTIONS.some((name) => Array.isArray(value?.[name]?.roots))) return { ...base, traces: value };
  throw new Error("it is not a file of the console, nor an answer of /traces, /errors or /explain");
}
