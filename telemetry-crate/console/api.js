// Requests to the listener: the token, polling with backoff, and what is held of the answers.
//
// A resource is `{ id, path(held), every, take(held, answer), open, accept, isAnswer(status, text), file(saved) }`: `path`
// may have a cursor of what is held, `take` merges an answer into it, `every` is in seconds, `open` needs no token, and
// `isAnswer` accepts answers besides those with a status of success.

const TOKEN = "firstlight-token";
const TIMEOUT = 15_000;
const MAX_DELAY = 30;
/** A smaller difference between the clocks may be the time of the answer. */
const MAX_SKEW = 5_000;
const MAX_HELD = 12;
const MAX_ATTEMPTS = 5;
/** Seconds. Behind one address there may be several processes, of which each answer looks like a restart. */
const AFTER_RESTART = 1;
/** What a proxy answers for a process that it does not reach. */
const NOT_REACHED = [502, 503, 504];

/** What is said about an answer, or a part of a file, that cannot be read. */
export const UNKNOWN_FORM = "it has another form than this console reads";

const pollers = new Map();
const held = new Map();
let changed = () => {};
/** The number of restarts so far. An answer to a request of before the last one is of the process that is gone. */
let restarts = 0;

/** The state that the frame shows. */
export const status = {
  lostSince: null,
  busyUntil: 0,
  token: null,
  paused: false,
  pausedAt: 0,
  identity: null,
  restarted: null,
  file: null,
  skew: 0,
};

export function onChange(listener) {
  changed = listener;
}

export function hold(resource) {
  if (status.file) return { data: resource.file?.(status.file) ?? null, error: null, at: null };
  return held.get(resource.id) ?? { data: null, error: null, at: null };
}

/** Whether what is held is older than the last request for it. */
export const isStale = ({ data, error }) =>
  !status.file && data !== null && (status.lostSince !== null || error !== null);

/** The time of the service, which the clock of this machine may not have. */
export function now() {
  if (status.file) return Date.parse(status.file.saved) || Date.now();
  return Date.now() + status.skew;
}

/** The time of the service at a moment of this machine. That of a file is the time of the service already. */
export const inService = (moment) => (status.file ? moment : moment + status.skew);

/** Whether a text can be sent as a token. A browser does not send a header with other characters. */
export const isToken = (text) => /^[\x20-\x7e]+$/.test(text);

export function token() {
  try {
    const text = sessionStorage.getItem(TOKEN);
    return text && isToken(text) ? text : null;
  } catch {
    return null;
  }
}

export function setToken(value) {
  try {
    if (value) sessionStorage.setItem(TOKEN, value);
    else sessionStorage.removeItem(TOKEN);
  } catch {
    // Without storage the token cannot be kept; the form appears again.
  }
  status.token = null;
  wake();
  changed();
}

/** Polls these resources, and no others. */
export function want(resources) {
  const wanted = new Map(resources.map((resource) => [resource.id, resource]));
  for (const [id, poller] of pollers) if (!wanted.has(id)) stop(poller);
  for (const [id, resource] of wanted) {
    const poller = pollers.get(id);
    if (poller) poller.resource = resource;
    else start(resource);
  }
  for (const id of held.keys()) {
    if (held.size <= MAX_HELD) break;
    if (!pollers.has(id)) held.delete(id);
  }
}

export function setPaused(paused) {
  status.paused = paused;
  status.pausedAt = Date.now();
  if (!paused) wake();
  changed();
}

export function openFile(saved) {
  status.file = saved;
  if (!saved) wake();
  changed();
}

/** Drops what is held of a resource, and asks for all of it again. */
export function again(resource) {
  held.delete(resource.id);
  const poller = pollers.get(resource.id);
  if (!poller) return;
  // An answer that is under way may be of before.
  stop(poller);
  start(resource);
}

/** Whether a view that is opened during a pause would show what is older than the pause. */
const isOld = ({ id }) => status.paused && !(held.get(id)?.at >= status.pausedAt);

function start(resource) {
  const poller = { resource, timer: null, controller: null, failures: 0, isDue: isOld(resource) };
  pollers.set(resource.id, poller);
  run(poller);
}

function stop(poller) {
  clearTimeout(poller.timer);
  poller.controller?.abort();
  pollers.delete(poller.resource.id);
}

/** Says in the form why a text is no token. */
export function refuseToken(text) {
  status.token = { ...status.token, text, wasWrong: true };
  changed();
}

/** Closes the form for the token. Only a change was refused, so all that is shown can still be read. */
export function leaveToken() {
  status.token = null;
  changed();
}

/** Asks again at once for all that is wanted, such as after a pause. */
function wake() {
  for (const poller of pollers.values()) if (!poller.controller) run(poller);
}

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) wake();
});

async function run(poller) {
  clearTimeout(poller.timer);
  const { resource } = poller;
  if (poller.controller || document.hidden || status.file) return;
  if (status.paused && !poller.isDue && held.has(resource.id)) return;
  if (status.token && !status.token.isChange && !status.token.isRefused && !resource.open) return;
  const pause = status.busyUntil - Date.now();
  if (pause > 0) {
    poller.timer = setTimeout(run, pause * (1 + Math.random() / 4), poller);
    return;
  }
  const before = held.get(resource.id) ?? { data: null };
  const asked = restarts;
  const isCurrent = () => asked === restarts && pollers.get(resource.id) === poller;
  const controller = new AbortController();
  poller.controller = controller;
  let wait = typeof resource.every === "function" ? resource.every(before.data) : resource.every;
  try {
    const answer = await read(resource.path(before.data), resource, controller);
    if (isCurrent() && !isRestart(answer)) {
      const data = resource.take ? resource.take(before.data, answer) : answer;
      held.set(resource.id, { data, error: null, at: Date.now() });
    }
    Object.assign(poller, { failures: 0, isDue: false });
    if (status.token?.isRefused && !resource.open) status.token = null;
    connected();
  } catch (error) {
    if (!isCurrent()) return;
    poller.failures += 1;
    wait = Math.max(wait, fail(resource, before, error, poller.failures));
  } finally {
    poller.controller = null;
    // What is known of the last process says nothing about when to ask the new one.
    if (asked !== restarts) wait = AFTER_RESTART;
    if (pollers.get(resource.id) === poller) poller.timer = setTimeout(run, wait * 1_000, poller);
    changed();
  }
}

/** Records a failed request. Returns the seconds to wait before the next one. */
function fail(resource, before, error, failures) {
  const backoff = Math.min(2 ** (failures - 1), MAX_DELAY) * (0.8 + 0.4 * Math.random());
  if (error.status === 401 || error.status === 403) {
    // Without a token to compare with, the service refuses every one.
    status.token = { text: error.message, wasWrong: token() !== null, isRefused: error.status === 403 };
    connected();
  } else if (error.status) {
    connected();
    // The limit of reads is shared by all clients, so it says nothing about this resource.
    if (error.status === 429) rest(error.after);
    else held.set(resource.id, { ...before, error, at: before.at ?? null });
  } else if (error instanceof Lost) {
    status.lostSince ??= Date.now();
  } else {
    connected();
    held.set(resource.id, { ...before, error: new Error(`${UNKNOWN_FORM}: ${error.message}`), at: before.at ?? null });
  }
  return error.status === 429 ? Math.max(error.after, backoff) : backoff;
}

/** Asks for nothing for some seconds, as the listener wishes. */
function rest(seconds) {
  status.busyUntil = Math.max(status.busyUntil, Date.now() + seconds * 1_000);
  setTimeout(changed, seconds * 1_000);
}

function connected() {
  if (status.lostSince === null) return;
  status.lostSince = null;
  for (const poller of pollers.values()) poller.failures = 0;
  wake();
}

/** Notes who answers. After a restart all cursors and answers are of a process that is gone. */
function isRestart(answer) {
  if (!answer?.instance) return false;
  const last = status.identity;
  status.identity = { service: answer.service, version: answer.version, instance: answer.instance };
  const time = Date.parse(answer.time);
  if (!Number.isNaN(time) && Math.abs(Date.now() + status.skew - time) > MAX_SKEW) status.skew = time - Date.now();
  if (!last || last.instance === answer.instance) return false;
  held.clear();
  restarts += 1;
  status.restarted = { at: Date.now(), last: last.instance };
  setTimeout(wake, AFTER_RESTART * 1_000);
  return true;
}

/** There is no answer of the process, or only a part of one. */
class Lost extends Error {}

class Failed extends Error {
  constructor(response, text) {
    super(text.trim() || `the listener answered ${response.status}`);
    this.status = response.status;
    this.after = Math.min(Number(response.headers.get("retry-after")) || 1, MAX_DELAY);
  }
}

async function answerOf(path, options) {
  const headers = { ...options.headers };
  const secret = token();
  if (secret) headers.Authorization = `Bearer ${secret}`;
  try {
    const response = await fetch(path, {
      ...options,
      headers,
      cache: "no-store",
      credentials: "omit",
      redirect: "error",
    });
    return [response, await response.text()];
  } catch (error) {
    throw new Lost(error.message);
  }
}

async function request(path, options, isAnswer) {
  const [response, text] = await answerOf(path, options);
  if (response.ok || isAnswer?.(response.status, text)) return text;
  if (NOT_REACHED.includes(response.status)) throw new Lost(`a proxy answered ${response.status}`);
  throw new Failed(response, text);
}

async function read(path, { accept = "application/json", isAnswer }, controller) {
  const timer = setTimeout(() => controller.abort(), TIMEOUT);
  try {
    const text = await request(path, { headers: { Accept: accept }, signal: controller.signal }, isAnswer);
    return accept === "application/json" ? JSON.parse(text) : text;
  } finally {
    clearTimeout(timer);
  }
}

/** Reads a path once, such as for a saved file. If the listener is busy, it is asked again later. */
export async function get(path, form = {}) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await read(path, form, new AbortController());
    } catch (error) {
      if (error.status !== 429 || attempt === MAX_ATTEMPTS) throw error;
      rest(error.after);
      changed();
      await new Promise((done) => setTimeout(done, error.after * 1_000));
    }
  }
}

/** Changes something. A refusal for want of the token opens its form; no token helps against another one. */
export async function send(method, path, body) {
  try {
    await request(path, { method, body });
  } catch (error) {
    if (error.status === 401) {
      status.token = { text: error.message, wasWrong: token() !== null, isChange: true };
      changed();
    }
    throw error;
  }
}

/** The command that reads a path. It takes the token from the environment, so it can be shared. */
export function curl(path) {
  const base = new URL(".", location.href.split("#")[0]).href;
  const header = token() ? '-H "Authorization: Bearer $FIRSTLIGHT_ADMIN_TOKEN" ' : "";
  return `curl ${header}'${base}${path.replace(/^\//, "").replaceAll("'", "%27")}'`;
}
