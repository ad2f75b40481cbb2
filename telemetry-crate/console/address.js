// The state of the console in the fragment of its address, such as `#/traces?section=failed`.

/** The route that a fragment names. */
export function parse(fragment) {
  const [path, query = ""] = fragment.replace(/^#\/?/, "").split("?", 2);
  const [view, ...rest] = path.split("/").map(decode);
  return { view: view || "now", id: rest.join("/"), query: Object.fromEntries(new URLSearchParams(query)) };
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The fragment of a view. Empty values are left out. */
export function link(view, query = {}, id = "") {
  const pairs = Object.entries(query).filter(([, value]) => value !== "" && value !== undefined && value !== null);
  const search = pairs.map(([key, value]) => `${key}=${encodeURIComponent(value)}`).join("&");
  return `#/${view}${id ? `/${encodeURIComponent(id)}` : ""}${search ? `?${search}` : ""}`;
}

export const toTrace = (traceId) => link("traces", {}, traceId);

/** Changes values of the query without a new entry in the history. */
export function change(changes) {
  const route = parse(location.hash);
  const next = link(route.view, { ...route.query, ...changes }, route.id);
  if (next === location.hash) return;
  history.replaceState(null, "", next);
  dispatchEvent(new HashChangeEvent("hashchange"));
}

/** How long a field that the service applies may be typed into, in milliseconds. */
const TYPED = 350;

const timers = new Map();

/** Changes a value once it is typed, unless what was shown then was left. */
export function changeLater(name, value) {
  const place = () => location.hash.split("?", 1)[0];
  const before = place();
  clearTimeout(timers.get(name));
  timers.set(
    name,
    setTimeout(() => place() === before && change({ [name]: value }), TYPED),
  );
}

/** The view for a path of the listener, such as `/traces?failed`, or null. */
export function ofPath(path) {
  const [name, search = ""] = path.replace(/^\//, "").split("?", 2);
  const query = new URLSearchParams(search);
  const [first, id] = name.split("/", 2);
  if (first === "traces" && id) return toTrace(id);
  if (first === "traces" && query.has("previous")) return link("telemetry", { previous: "yes" });
  if (first === "traces") {
    const section = ["open", "failed", "canceled", "slow", "recent"].find((name) => query.has(name));
    return link("traces", { section, route: query.get("route") });
  }
  if (first === "logs") {
    return link("logs", {
      level: query.get("level"),
      target: query.get("target"),
      trace: query.get("trace"),
      text: query.get("contains"),
    });
  }
  const views = {
    errors: "errors",
    telemetry: "telemetry",
    readyz: "telemetry",
    "log-filter": "logs",
    metrics: "metrics",
  };
  return views[first] ? link(views[first]) : null;
}
