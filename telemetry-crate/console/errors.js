// Errors: the groups of errors of this process, new ones first.

import { h } from "./dom.js";
import { hold, now } from "./api.js";
import { ago, count, counted, cut, day, perSecond, time } from "./format.js";
import { change, parse } from "./address.js";
import { badge, empty, short, traceLink, waiting } from "./parts.js";
import { inOrder } from "./held.js";
import { errors } from "./resources.js";

export const needs = () => [errors];

export function draw({ query }) {
  const answer = hold(errors);
  if (!answer.data) return waiting(answer);
  const { errors: groups, last_process_is_known: isKnown, since, removed_groups: removed } = answer.data;
  const wanted = (query.text ?? "").toLowerCase();
  const found = groups.filter((group) =>
    [group.place, group.root, group.type, group.example, group.target].join(" ").toLowerCase().includes(wanted),
  );
  const rank = (group) => (group.is_new ? 0 : 1);
  found.sort((a, b) => rank(a) - rank(b) || time(b.last_seen) - time(a.last_seen));
  return [
    h(
      "div",
      { class: "toolbar" },
      h(
        "div",
        { class: "filters", role: "search", "aria-label": "Filter of errors" },
        h(
          "label",
          { class: "field" },
          h("span", {}, "Text"),
          h("input", {
            type: "search",
            "data-filter": true,
            value: query.text ?? "",
            placeholder: "place, type or message",
            autocomplete: "off",
            oninput: (event) => change({ text: event.target.value }),
          }),
        ),
      ),
      h(
        "span",
        { class: "dim" },
        `${counted(groups.length, "group")} since ${day(time(since))}${isKnown ? "" : "; what is new is not known without FIRSTLIGHT_RECORDER_FILE"}`,
      ),
    ),
    found.length === 0 ? none(groups.length) : list(found),
    removed > 0 ? h("p", { class: "footnote" }, `${counted(removed, "group")} made room for others.`) : null,
  ];
}

function none(all) {
  return all > 0
    ? empty("No group passes the filter", "The filter looks at place, type and the last message.")
    : empty("No errors", "A failed request, job or run, an ERROR event or a panic would be a group here.");
}

/** A file of a dependency without the folder of the registry. */
const shortPlace = (place) => String(place).replace(/^.*\/registry\/src\/[^/]+\//, "");

function list(found) {
  const { rows, drawn } = inOrder("errors", found, (group) => group.fingerprint);
  return h(
    "ol",
    { class: "groups", drawn },
    rows.map((group) => oneGroup(group, now())),
  );
}

/** The open groups, which are in the address. */
const openGroups = () => (parse(location.hash).query.open ?? "").split(",").filter(Boolean);

function oneGroup(group, at) {
  const isOpen = openGroups().includes(group.fingerprint);
  const toggle = () => {
    const others = openGroups().filter((fingerprint) => fingerprint !== group.fingerprint);
    change({ open: (isOpen ? others : [...others, group.fingerprint]).join(",") });
  };
  const isRecent = at - time(group.last_seen) < 60_000;
  return h(
    "li",
    { class: `error-group${group.is_new ? " new" : ""}`, key: group.fingerprint },
    h(
      "div",
      { class: "group-head" },
      h(
        "button",
        { class: "group-title", "data-row": true, "aria-expanded": String(isOpen), onclick: toggle },
        h("span", { class: "twist", "aria-hidden": "true" }, isOpen ? "▾" : "▸"),
        h("b", { class: "mono", title: cut(group.place, 300) }, cut(shortPlace(group.place), 160)),
        group.root && group.root !== group.place ? short(`in ${group.root}`, 120, { class: "dim" }) : null,
        group.type ? short(group.type, 80, { class: "mark" }) : null,
        group.is_new ? badge("warning", "new") : null,
      ),
      h("span", { class: "group-count" }, h("b", {}, count(group.count)), ` ${group.count === 1 ? "time" : "times"}`),
      h("span", { class: "dim" }, perSecond(group.rate_per_second)),
      h(
        "span",
        { class: isRecent ? "bad-text" : "dim", title: day(time(group.last_seen)) },
        `last ${ago(time(group.last_seen), at)}`,
      ),
      group.trace_id ? traceLink(group.trace_id, "Last trace") : h("span", { class: "dim" }, "no trace"),
    ),
    h("p", { class: "example" }, cut(group.example, isOpen ? 4_096 : 200)),
    isOpen
      ? h(
          "div",
          { class: "group-body" },
          h(
            "dl",
            { class: "pairs" },
            [
              ["first", day(time(group.first_seen))],
              ["last", day(time(group.last_seen))],
              ["target", group.target],
              ["version", group.version],
              ["revision", group.revision],
              ["fingerprint", group.fingerprint],
              ["trace", group.trace_id],
            ]
              .filter(([, value]) => value)
              .map(([key, value]) => [h("dt", {}, key), h("dd", {}, cut(value, 4_096))]),
          ),
        )
      : null,
  );
}
