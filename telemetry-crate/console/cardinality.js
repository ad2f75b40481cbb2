// Cardinality: the metrics with most series, and the labels that make them.

import { h } from "./dom.js";
import { count, counted, cut } from "./format.js";
import { link } from "./address.js";
import { section, table } from "./parts.js";
import { fullName, labelsOf } from "./family.js";

/** A sentence of /telemetry about a metric. */
const LARGEST =
  /^(\S+) has (\d+) of (\d+) series, (\d+) of them added in the last two minutes(?:; its label (\S+) has (\d+) values?, such as (.*))?/s;

/** The largest metrics; `report` is the answer of /telemetry. */
export function cardinality(families, report) {
  const told = new Map(
    [...(report?.metrics?.largest ?? []), ...(report?.metrics?.overflow ?? [])]
      .map((line) => LARGEST.exec(line))
      .filter(Boolean)
      .map((match) => [match[1], match]),
  );
  const rows = [...families.values()]
    .map((family) => ({
      family,
      series: family.series.size,
      label: widest(family),
      told: told.get(family.name) ?? told.get(`${family.name}_total`),
    }))
    .sort((a, b) => b.series - a.series)
    .slice(0, 15);
  const total = [...families.values()].reduce((all, family) => all + family.series.size, 0);
  const columns = [
    { title: "Metric" },
    { title: "Series", end: true },
    { title: "Limit", end: true },
    { title: "New in 2 min", end: true },
    { title: "Label with most values" },
  ];
  const problems = [...(report?.metrics?.overflow ?? []), ...(report?.metrics?.rejected ?? [])];
  return [
    h("p", { class: "dim lead" }, "Pick a metric to see its series as a chart from then on."),
    problems.length > 0
      ? section(
          "Needs attention",
          {},
          h(
            "ul",
            { class: "evidence" },
            problems.map((line) => h("li", {}, cut(line, 4_096))),
          ),
        )
      : null,
    section(
      "Cardinality",
      { note: `${counted(total, "series")} in ${counted(families.size, "metric")}` },
      table(
        "Cardinality",
        columns,
        rows.map(({ family, series, label, told: of }) => ({
          key: family.name,
          href: link("metrics", { metric: family.name }),
          tone: of && series >= of[3] * 0.8 ? "warn" : "",
          cells: [
            fullName(family),
            count(series),
            of ? count(Number(of[3])) : "–",
            of ? count(Number(of[4])) : "–",
            label
              ? h(
                  "span",
                  { class: "one-line", title: cut([...label.values].slice(0, 10).join(", "), 300) },
                  h("code", {}, cut(label.name, 60)),
                  h(
                    "span",
                    { class: "dim" },
                    ` ${counted(label.values.size, "value")}, such as ${cut([...label.values].slice(0, 3).join(", "), 80)}`,
                  ),
                )
              : "–",
          ],
        })),
      ),
    ),
  ];
}

function widest(family) {
  const labels = labelsOf(family).map((name) => ({
    name,
    values: new Set(
      [...family.series.values()].map((series) => series.labels[name]).filter((value) => value !== undefined),
    ),
  }));
  return labels.sort((a, b) => b.values.size - a.values.size)[0];
}
