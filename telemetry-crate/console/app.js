// The frame: the bar, the views, the form for the token, and what is polled.

import { h, onRedraw, redraw, render, say } from "./dom.js";
import { hold, leaveToken, onChange, openFile, setPaused, setToken, status, want } from "./api.js";
import { clock, cut, day } from "./format.js";
import { link, parse } from "./address.js";
import { badge, empty } from "./parts.js";
import { forget } from "./table.js";
import { help, listen } from "./keys.js";
import { choose, save } from "./save.js";
import { catalog, explain } from "./resources.js";
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
  want([explain, catalog, ...(view?.needs(route) ?? [])]);
  forget();
  const { service } = status.file ?? status.identity ?? {};
  document.title = `${entry?.title ?? "Console"} · ${cut(service ?? "firstlight", 60)}`;
  render(document.getElementById("bar"), bar());
  render(document.getElementById("nav"), nav(entry));
  const body = view ? view.draw(route) : empty("There is no such view", h("a", { href: "#/now" }, "Go to Now"));
  const needsToken = status.token !== null && !status.file;
  render(document.getElementById("main"), [notices(), needsToken ? tokenForm() : null, h("div", { class: `view v-${view === trace ? "trace" : entry?.name ?? "none"}`, key: `${route.view} ${route.id}` }, needsToken && !status.token.isChange && view !== metrics && view !== telemetry && view !== work ? null : body)]);
  render(document.getElementById("overlay"), shown.help ? help(available(), () => { shown.help = false; redraw(); }) : []);
}

function bar() {
  const identity = status.file ?? status.identity;
  return [
    h("a", { class: "brand", href: "#/now", "aria-label": "firstlight console" }, mark()),
    h("div", { class: "who" }, h("b", {}, cut(identity?.service ?? "…", 60)), h("span", { class: "dim" }, cut(identity?.version ?? "", 40)), h("span", { class: "dim instance mono", title: `instance ${cut(identity?.instance ?? "", 120)}` }, cut(identity?.instance ?? "", 60))),
    verdict(),
    h("span", { class: "grow" }),
    connection(),
    h("div", { class: "tools" },
      status.file ? null : h("button", { class: "tool", "aria-pressed": String(status.paused), title: "Pause (p)", onclick: pause }, status.paused ? "▶ Go on" : "❚❚ Pause"),
      status.file ? null : h("button", { class: "tool", title: "Save what is held at this moment as one file", disabled: shown.saving, onclick: saveNow }, shown.saving ? "Saving…" : "Save"),
      h("button", { class: "tool", title: "Open a saved file", onclick: () => choose(fail) }, "Open"),
      h("button", { class: "tool icon", title: "Light or dark", "aria-label": `Switch to ${isDark() ? "light" : "dark"}`, onclick: switchTheme }, isDark() ? "☀" : "☾"),
      h("button", { class: "tool icon", title: "Keys (?)", "aria-label": "Keys", onclick: () => { shown.help = true; redraw(); } }, "?"),
    ),
  ];
}

/** The sun over the horizon. */
function mark() {
  return h("svg", { viewBox: "0 0 24 24", "aria-hidden": "true", class: "mark-sun" }, h("path", { class: "sun", d: "M4 15a8 8 0 0 1 16 0z" }), h("path", { class: "rays", d: "M2 18.5h20M6 22h12M12 2v2M3.5 6.5 5 8M20.5 6.5 19 8" }));
}

function verdict() {
  const { data } = hold(explain);
  if (!data) return null;
  const worst = ["broken", "warning", "note"].find((severity) => data.findings.some((finding) => finding.severity === severity));
  const words = { broken: "broken", warning: "needs attention", note: "healthy, notes" };
  const count = data.findings.length;
  return h("a", { class: "chip", href: "#/now", title: cut(data.verdict, 200) }, badge(worst ?? "ok", worst ? `${words[worst]}: ${count}` : "healthy"));
}

function connection() {
  if (status.file) return h("span", { class: "connection" }, badge("note", "file"));
  if (status.token) return h("span", { class: "connection" }, badge("warning", "token needed"));
  if (status.lostSince !== null) return h("span", { class: "connection", role: "status" }, badge("broken", `reconnecting since ${clock(status.lostSince, false)} UTC`));
  if (status.paused) return h("span", { class: "connection" }, badge("off", "paused"));
  return h("span", { class: "connection" }, h("span", { class: "badge good" }, h("i", { class: "live-dot", "aria-hidden": "true" }), "live"));
}

function nav(entry) {
  return h("ul", {}, available().map(({ name, title, letter }) => h("li", { key: name }, h("a", { href: link(name), "aria-current": entry?.name === name ? "page" : null, title: `g ${letter}` }, icon(name), h("span", {}, title)))));
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

const icon = (name) => h("svg", { viewBox: "0 0 24 24", "aria-hidden": "true", class: "nav-icon" }, h("path", { d: ICONS[name] }));

function notices() {
  const close = (set) => h("button", { class: "close", "aria-label": "Dismiss", onclick: () => { set(); redraw(); } }, "×");
  return [
    status.file ? h("div", { class: "notice file", key: "file", role: "status" }, h("span", {}, h("b", {}, "A saved file"), ` of ${cut(status.file.service ?? "a service", 60)}, instance ${cut(status.file.instance ?? "unknown", 60)}, from ${day(Date.parse(status.file.saved))}. Nothing here is live.`), h("button", { class: "button small", onclick: () => openFile(null) }, "Back to the service")) : null,
    status.restarted && !status.file ? h("div", { class: "notice", key: "restarted", role: "status" }, h("span", {}, h("b", {}, "The service has restarted"), ` at about ${clock(status.restarted.at, false)} UTC. What is shown is of the new process; `, h("a", { href: link("telemetry", { previous: "yes" }) }, "how the last one ended"), "."), close(() => { status.restarted = null; })) : null,
    shown.failure ? h("div", { class: "notice bad", key: "failure", role: "alert" }, h("span", {}, cut(shown.failure, 400)), close(() => { shown.failure = null; })) : null,
  ];
}

function tokenForm() {
  const submit = (event) => {
    event.preventDefault();
    const field = event.target.elements.token;
    setToken(field.value.trim());
    field.value = "";
  };
  return h(
    "form",
    { class: "token", key: "token", onsubmit: submit, autocomplete: "off" },
    h("h1", {}, status.token.wasWrong ? "This token is not accepted" : "The token is needed"),
    h("p", {}, status.token.isChange ? "Changes need the value of " : "This listener shows the data of users only with the value of ", h("code", {}, "FIRSTLIGHT_ADMIN_TOKEN"), ". It stays in this tab until the tab is closed."),
    h("p", { class: "dim", role: "status" }, cut(status.token.text, 400)),
    h("div", { class: "token-line" }, h("label", { class: "field wide" }, h("span", {}, "Token"), h("input", { name: "token", type: "password", required: true, autocomplete: "off", spellcheck: "false", drawn: focusOnce })), h("button", { class: "button primary", type: "submit" }, "Go on"), status.token.isChange ? h("button", { class: "button", type: "button", onclick: leaveToken }, "Cancel") : null),
  );
}

function focusOnce(field) {
  if (field.wasFocused) return;
  field.wasFocused = true;
  field.focus();
}

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function switchTheme() {
  const theme = isDark() ? "light" : "dark";
  document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem("firstlight-theme", theme);
  } catch {
    // Without storage the theme lasts as long as the page.
  }
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
    await save();
  } catch (error) {
    fail(`Saving failed: ${error.message}`);
  }
  shown.saving = false;
  redraw();
}

function back() {
  const { view, route } = current();
  if (view?.back?.()) redraw();
  else if (view === trace) history.length > 1 ? history.back() : (location.hash = link("traces"));
  else if (Object.keys(route.query).length > 0) location.hash = link(route.view);
}

listen({
  go(letter) {
    const found = available().find((view) => view.letter === letter);
    if (found) location.hash = link(found.name);
    return Boolean(found);
  },
  back,
  actions: { "?": () => { shown.help = true; redraw(); }, p: pause },
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
