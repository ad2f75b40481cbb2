// The bar: who answers, how it is, whether the connection is there, and the tools.

import { h, redraw } from "./dom.js";
import { hold, inService, isStale, status } from "./api.js";
import { clock, cut } from "./format.js";
import { badge } from "./parts.js";
import { explain } from "./resources.js";

/** What the bar shows. `pause`, `save`, `open` and `showHelp` are what its tools do. */
export function bar({ pause, save, open, showHelp, isSaving }) {
  const identity = status.file ?? status.identity;
  return [
    h("a", { class: "brand", href: "#/now", "aria-label": "firstlight console" }, mark()),
    h(
      "div",
      { class: "who" },
      h("b", {}, cut(identity?.service ?? "…", 60)),
      h("span", { class: "dim" }, cut(identity?.version ?? "", 40)),
      h(
        "span",
        { class: "dim instance mono", title: `instance ${cut(identity?.instance ?? "", 120)}` },
        cut(identity?.instance ?? "", 60),
      ),
    ),
    verdict(),
    h("span", { class: "grow" }),
    connection(),
    h(
      "div",
      { class: "tools" },
      status.file
        ? null
        : h(
            "button",
            { class: "tool", "aria-pressed": String(status.paused), title: "Pause (p)", onclick: pause },
            status.paused ? "▶ Go on" : "❚❚ Pause",
          ),
      status.file
        ? null
        : h(
            "button",
            {
              class: "tool",
              title: "Save what is held at this moment as one file",
              disabled: isSaving,
              onclick: save,
            },
            isSaving ? "Saving…" : "Save",
          ),
      h("button", { class: "tool", title: "Open a saved file", onclick: open }, "Open"),
      h(
        "button",
        {
          class: "tool icon",
          title: "Light or dark",
          "aria-label": `Switch to ${isDark() ? "light" : "dark"}`,
          onclick: switchTheme,
        },
        isDark() ? "☀" : "☾",
      ),
      h(
        "button",
        {
          class: "tool icon",
          title: "Keys (?)",
          "aria-label": "Keys",
          onclick: showHelp,
        },
        "?",
      ),
    ),
  ];
}

/** The sun over the horizon. */
function mark() {
  return h(
    "svg",
    { viewBox: "0 0 24 24", "aria-hidden": "true", class: "mark-sun" },
    h("path", { class: "sun", d: "M4 15a8 8 0 0 1 16 0z" }),
    h("path", { class: "rays", d: "M2 18.5h20M6 22h12M12 2v2M3.5 6.5 5 8M20.5 6.5 19 8" }),
  );
}

function verdict() {
  const held = hold(explain);
  const { data } = held;
  if (!data) return null;
  const worst = ["broken", "warning", "note"].find((severity) =>
    data.findings.some((finding) => finding.severity === severity),
  );
  const words = { broken: "broken", warning: "needs attention", note: "healthy, notes" };
  const word = worst ? `${words[worst]}: ${data.findings.length}` : "healthy";
  return h(
    "a",
    { class: "chip", href: "#/now", title: cut(data.verdict, 200) },
    isStale(held) ? badge("unknown", `was ${word}`) : badge(worst ?? "ok", word),
  );
}

function connection() {
  if (status.file) return h("span", { class: "connection" }, badge("note", "file"));
  if (status.token)
    return h("span", { class: "connection" }, badge("warning", status.token.isRefused ? "refused" : "token needed"));
  if (status.lostSince !== null)
    return h(
      "span",
      { class: "connection", role: "status" },
      badge("broken", `reconnecting since ${clock(inService(status.lostSince), false)} UTC`),
    );
  if (status.paused) return h("span", { class: "connection" }, badge("off", "paused"));
  if (status.busyUntil > Date.now())
    return h(
      "span",
      { class: "connection", role: "status", title: "The listener answers 429: it has too many requests" },
      badge("warning", `too many requests, next at ${clock(inService(status.busyUntil), false)} UTC`),
    );
  return h(
    "span",
    { class: "connection" },
    h("span", { class: "badge good" }, h("i", { class: "live-dot", "aria-hidden": "true" }), "live"),
  );
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
