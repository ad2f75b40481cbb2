// Save: what the service holds at this moment as one file, and opening such a file again.

import { get, now, openFile, status } from "./api.js";
import { count } from "./format.js";
import { isReadiness } from "./resources.js";
import { FORMAT, recognize } from "./saved.js";

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
  readyz: ["readyz", { accept: "text/plain", isAnswer: isReadiness }],
  metrics: ["metrics", { accept: "application/openmetrics-text" }],
};

/** The parts for which a file is saved. The token is needed for them. */
const DATA = ["traces", "errors", "explain", "history", "logs"];

/**
 * Downloads the file, and returns a sentence about what is missing in it, or an empty text.
 *
 * The token is in none of the answers, so it is not in the file.
 */
export async function save() {
  const saved = { console: FORMAT, ...status.identity, saved: new Date(now()).toISOString(), missing: {} };
  for (const [name, [path, form]] of Object.entries(PARTS)) {
    try {
      saved[name] = await get(path, form);
    } catch (error) {
      // The last process is known only with a file of its own.
      if (name !== "previous" || error.status !== 404) saved.missing[name] = error.message;
    }
  }
  if (DATA.every((name) => saved[name] === undefined)) throw new Error(saved.missing[DATA[0]]);
  const instances = new Set(DATA.map((name) => saved[name]?.instance).filter(Boolean));
  if (instances.size > 1) throw new Error("the service has restarted meanwhile");
  const left = leftOut(saved.traces);
  if (left) saved.missing.traces = left;
  saved.trace_url = await traceUrl(saved.traces);
  const blob = new Blob([JSON.stringify(saved)], { type: "application/json" });
  download(saved, blob);
  return `${missingIn(saved)} ${blob.size > MAX_FILE ? "The file is larger than 64 MiB, which Open does not take." : ""}`.trim();
}

/** The number of roots of each section that are not in an answer, which has the first ones alone. */
function leftOut(traces) {
  return Object.entries(traces ?? {})
    .map(([name, section]) => ({ name, all: section?.count, left: section?.count - section?.roots?.length }))
    .filter(({ left }) => left > 0)
    .map(({ name, all, left }) => `${count(left)} of ${count(all)} ${name}`)
    .join(", ");
}

/** The address of a trace in the backend, with `{trace_id}`. Only the answer for one trace has it. */
async function traceUrl(traces) {
  // An open one may be gone by now.
  const root = ["failed", "slow", "recent", "canceled", "open"].map((name) => traces?.[name]?.roots?.[0]).find(Boolean);
  if (!root) return undefined;
  try {
    const { backend_url: address } = await get(`traces/${encodeURIComponent(root.trace_id)}`);
    return address?.replaceAll(root.trace_id, "{trace_id}");
  } catch {
    // The trace may have made room for another one. The file has no links then.
    return undefined;
  }
}

function download(saved, blob) {
  const address = URL.createObjectURL(blob);
  const anchor = document.createElement("a");
  anchor.href = address;
  anchor.download = `${(saved.service ?? "service").replace(/[^\w.-]/g, "_")}-${saved.saved.slice(0, 19).replaceAll(":", "")}.json`;
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

/** A sentence about the parts that a file does not have, with the reasons. */
export function missingIn({ missing }) {
  const parts = Object.entries(missing).map(([name, reason]) => `${name.replaceAll("_", " ")} (${reason.trim()})`);
  return parts.length > 0 ? `Not in the file: ${parts.join(", ")}.` : "";
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
