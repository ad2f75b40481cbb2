// The frame: the bar, the views, the form for the token, and what is polled.

import { h, onRedraw, redraw, render, say } from "./dom.js";
import { hold, inService, isStale, onChange, openFile, setPaused, status, want } from "./api.js";
import { clock, cut, day } from "./format.js";
import { link, parse } from "./address.js";
import { bar } from "./bar.js";
import { empty } from "./parts.js";
import { forget } from "./table.js";
import { help, listen } from "./keys.js";
import { choose, missingIn, save } from "./save.js";
import { catalog, explain } from "./resources.js";
import { tokenForm } from "./token.js";
import * as now from "./now.js";
import * as traces from "./traces.js";
import * as trace from "./trace.js";
import * as logs from "./logs.js";
import * as metrics from "./metrics.js";
import * as database from "./database.js";
import * as work from "./work.js";
import * as errors from "./errors.js";
import * as telemetry from "./telemetry.js";

const VIEWS = [
  { name: "now", title: "Now", letter: "n", view: now },
  { name: "traces", title: "Traces", letter: "t", view: traces },
  { name: "logs", title: "Logs", letter: "l", view: logs },
  { name: "metrics", title: "Metrics", letter: "m", view: metrics },
  { name: "database", title: "Database", letter: "d", view: database },
  { name: "work", title: "Work", letter: "w", view: work },
  { name: "errors", title: "Errors", letter: "e", view: errors },
  { name: "telemetry", title: "Telemetry", letter: "y", view: telemetry },
];

const shown = { help: false, failure: null, saving: false };

function current() {
  const route = parse(location.hash);
  const entry = VIEWS.find(({ name }) => name === route.view);
  if (!entry) return { route, entry: null, view: null };
  return { route, entry, view: entry.name === "traces" && route.id ? trace : entry.view };
}

/** Views that the service does not have are left out, once its metrics are known. */
function available() {
  const names = hold(catalog).data;
  return VIEWS.filter(({ view }) => !view.has || !names || view.has(names));
}

function draw() {
  const { route, entry, view } = current();
  const needed = attempt(() => [...(view?.needs(route) ?? []), explain, catalog]);
  attempt(() => want(needed));
  forget();
  const { service } = status.file ?? status.identity ?? {};
  document.title = `${entry?.title ?? "Console"} · ${cut(service ?? "firstlight", 60)}`;
  const tools = { pause, save: saveNow, open: () => choose(fail), showHelp, isSaving: shown.saving };
  render(
    document.getElementById("bar"),
    attempt(() => bar(tools)),
  );
  render(
    document.getElementById("nav"),
    attempt(() => nav(entry)),
  );
  const needsToken = status.token !== null && !status.file;
  const isHidden = needsToken && !status.token.isChange && view !== metrics && view !== telemetry && view !== work;
  const body = view
    ? attempt(() => view.draw(route))
    : empty("There is no such view", h("a", { href: "#/now" }, "Go to Now"));
  render(document.getElementById("main"), [
    notices(),
    h("h1", { class: "unseen" }, entry?.title ?? "Console"),
    needsToken ? tokenForm() : null,
    isHidden ? null : attempt(() => notRefreshed(needed)),
    h(
      "div",
      { class: `view v-${view === trace ? "trace" : (entry?.name ?? "none")}`, key: `${route.view} ${route.id}` },
      isHidden ? null : body,
    ),
  ]);
  const close = () => {
    shown.help = false;
    redraw();
  };
  render(document.getElementById("overlay"), shown.help ? help(available(), close) : []);
}

/** What a part of the page shows; a sentence if its data has another form, such as that of another version. */
function attempt(part) {
  try {
    return part();
  } catch (error) {
    console.error(error);
    return empty("This cannot be shown", `It has another form than this console reads: ${error.message}`);
  }
}

function nav(entry) {
  return h(
    "ul",
    {},
    available().map(({ name, title, letter }) =>
      h(
        "li",
        { key: name },
        h(
          "a",
          {
            href: link(name),
            "aria-current": entry?.name === name ? "page" : null,
            title: `g ${letter}`,
          },
          icon(name),
          h("span", {}, title),
        ),
      ),
    ),
  );
}

const ICONS = {
  now: "M3 12h4l2.5-7 4 14 2.5-7H21",
  traces: "M3 5h9M7 10h10M10 15h6M13 20h8",
  logs: "M4 6h16M4 10h12M4 14h16M4 18h9",
  metrics: "M4 20V4M4 20h16M8 16l4-5 3 3 5-7",
  database: "M5 6c0-4 14-4 14 0v12c0 4-14 4-14 0zM5 6c0 4 14 4 14 0M5 12c0 4 14 4 14 0",
  work: "M12 3a9 9 0 1 0 9 9M12 7v5l3.5 2M17 3l4 1-1 4",
  errors: "M12 3 2.5 20h19zM12 10v4.5M12 17.2v.3",
  telemetry: "M12 12v9M8.5 15.5a5 5 0 1 1 7 0M5.5 18.5a9.2 9.2 0 1 1 13 0",
};

const icon = (name) =>
  h("svg", { viewBox: "0 0 24 24", "aria-hidden": "true", class: "nav-icon" }, h("path", { d: ICONS[name] }));

function notices() {
  const close = (set) =>
    h(
      "button",
      {
        class: "close",
        "aria-label": "Dismiss",
        onclick: () => {
          set();
          redraw();
        },
      },
      "×",
    );
  return [
    status.file
      ? h(
          "div",
          { class: "notice file", key: "file", role: "status" },
          h(
            "span",
            {},
            h("b", {}, "A saved file"),
            ` of ${cut(status.file.service ?? "a service", 60)}, instance ${cut(status.file.instance ?? "unknown", 60)}, from ${day(Date.parse(status.file.saved))}. Nothing here is live. `,
            cut(missingIn(status.file), 4_096),
          ),
          h("button", { class: "button small", onclick: () => openFile(null) }, "Back to the service"),
        )
      : null,
    status.restarted && !status.file
      ? h(
          "div",
          { class: "notice", key: "restarted", role: "status" },
          h(
            "span",
            {},
            h("b", {}, "The service has restarted"),
            ` at about ${clock(inService(status.restarted.at), false)} UTC. What is shown is of the new process; `,
            h("a", { href: link("telemetry", { previous: "yes" }) }, "how the last one ended"),
            ".",
          ),
          close(() => {
            status.restarted = null;
          }),
        )
      : null,
    shown.failure
      ? h(
          "div",
          { class: "notice bad", key: "failure", role: "alert" },
          h("span", {}, cut(shown.failure, 4_096)),
          close(() => {
            shown.failure = null;
          }),
        )
      : null,
  ];
}

/** Which of the data that is shown is older than an error, and that error. */
function notRefreshed(needed) {
  const old = needed.map((resource) => ({ resource, ...hold(resource) })).filter(isOld);
  const errors = new Map(old.reverse().map((one) => [one.error.message, one]));
  return [...errors.values()].map(({ resource, data, error, at }) =>
    h(
      "div",
      { class: "notice bad", key: `old ${error.message}`, role: "status" },
      h(
        "span",
        {},
        h("b", {}, `Not refreshed since ${clock(inService(at), false)} UTC`),
        ` ${nameOf(resource, data)}: ${cut(error.message, 4_096)}`,
      ),
    ),
  );
}

// A trace that is not kept any more says so itself, and a lost connection is in the bar.
const isOld = (one) => one.error !== null && isStale(one) && !(one.resource.canGo && one.error.status === 404);

const nameOf = (resource, data) => `/${resource.path(data).split("?", 1)[0]}`;

function showHelp() {
  shown.help = true;
  redraw();
}

function pause() {
  if (status.file) return;
  setPaused(!status.paused);
  say(status.paused ? "paused" : "live");
}

function fail(sentence) {
  shown.failure = sentence;
  redraw();
}

async function saveNow() {
  shown.saving = true;
  redraw();
  try {
    const missing = await save();
    if (missing) fail(missing);
    else say("saved");
  } catch (error) {
    fail(`Saving failed: ${error.message}`);
  }
  shown.saving = false;
  redraw();
}

function back() {
  const { view, route } = current();
  if (view?.back?.()) redraw();
  else if (view === trace) leaveTrace();
  else if (Object.keys(route.query).length > 0) location.hash = link(route.view);
}

/** Goes back to where the trace was opened. The page before that of a shared link is of another document. */
function leaveTrace() {
  const { navigation } = window;
  const before = navigation?.entries()[navigation.currentEntry.index - 1];
  if (before?.sameDocument) history.back();
  else location.hash = link("traces");
}

listen({
  go(letter) {
    const found = available().find((view) => view.letter === letter);
    if (found) location.hash = link(found.name);
    return Boolean(found);
  },
  back,
  actions: {
    "?": showHelp,
    p: pause,
  },
});

// The fragment of the address names the view, so the link moves the focus itself.
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  document.getElementById("main").focus();
});

onRedraw(draw);
onChange(redraw);
addEventListener("resize", redraw);
addEventListener("hashchange", (event) => {
  const path = (address) => address.split("?", 1)[0];
  if (event.newURL && path(event.newURL) !== path(event.oldURL)) {
    document.getElementById("main").scrollTop = 0;
    say(current().entry?.title ?? "");
  }
  redraw();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
redraw();
