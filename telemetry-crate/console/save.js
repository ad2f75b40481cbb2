// Save: what the service holds at this moment as one file, and opening such a file again.

import { get, status, openFile } from "./api.js";
import { say } from "./dom.js";

const FORMAT = 1;
const MAX_FILE = 64 * 1024 * 1024;

/** The parts of a file: the answers as they came. What a service does not have is left out. */
const PARTS = {
  traces: ["traces?detail&limit=1000"],
  errors: ["errors"],
  explain: ["explain"],
  history: ["history"],
  logs: ["logs?tail=10000"],
  telemetry: ["telemetry"],
  log_filter: ["log-filter"],
  previous: ["traces?previous"],
  readyz: ["readyz", "text/plain"],
  metrics: ["metrics", "application/openmetrics-text"],
};

/** Downloads the file. The token is in none of the answers, so it is not in the file. */
export async function save() {
  const saved = { console: FORMAT, ...status.identity, saved: new Date().toISOString(), missing: {} };
  for (const [name, [path, accept]] of Object.entries(PARTS)) {
    try {
      saved[name] = await get(path, accept);
    } catch (error) {
      saved.missing[name] = error.message;
    }
  }
  const blob = new Blob([JSON.stringify(saved)], { type: "application/json" });
  const address = URL.createObjectURL(blob);
  const anchor = document.createElement("a");
  anchor.href = address;
  anchor.download = `${(saved.service ?? "service").replace(/[^\w.-]/g, "_")}-${saved.saved.slice(0, 19).replaceAll(":", "")}.json`;
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
  say("saved");
}

/** Asks for a file, and shows it. `failed` gets a sentence if it is none of the console. */
export function choose(failed) {
  const input = document.createElement("input");
  input.type = "file";
  input.accept = "application/json,.json";
  input.onchange = async () => {
    const [file] = input.files;
    if (!file) return;
    try {
      if (file.size > MAX_FILE) throw new Error(`${file.name} is larger than 64 MiB`);
      openFile(recognize(JSON.parse(await file.text())));
    } catch (error) {
      failed(`This file cannot be opened: ${error.message}`);
    }
  };
  input.click();
}

/** A file of Save, or an answer of /traces, /errors or /explain that was saved with curl. */
export function recognize(value) {
  if (value?.console === FORMAT) return value;
  const base = {
    saved: value?.time ?? new Date().toISOString(),
    service: value?.service,
    version: value?.version,
    instance: value?.instance,
  };
  if (Array.isArray(value?.errors)) return { ...base, errors: value };
  if (Array.isArray(value?.findings)) return { ...base, explain: value };
  if (Array.isArray(value?.roots) && value.roots[0]?.trace_id)
    return { ...base, traces: { recent: { count: value.roots.length, roots: value.roots } } };
  if (["open", "failed", "slow", "recent", "canceled"].some((name) => Array.isArray(value?.[name]?.roots)))
    return { ...base, traces: value };
  throw new Error("it is not a file of the console, nor an answer of /traces, /errors or /explain");
}
