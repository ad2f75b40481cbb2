// Line charts and sparklines as SVG. Lines differ in dashes too, so color is not needed to tell them apart.

import { h, redraw } from "./dom.js";
import { clock, cut, inUnit } from "./format.js";
import { toTrace } from "./address.js";

const WIDTH = 600;
/** A sparkline has at least this number of points, two minutes, so a young process is at its right. */
const LEAST_POINTS = 24;
/** A chart spans at least this time, so that it has an axis from its first point on. */
const LEAST_SPAN = 60_000;
/** A line of a chart has one of this number of styles. */
export const STYLES = 8;

let hover = null;

function largest(lists, least = 0) {
  let max = least;
  for (const values of lists)
    for (const value of values) if (value !== null && Number.isFinite(value) && value > max) max = value;
  return max;
}

/** The smallest value below zero, or zero. */
const smallest = (lists) => -largest(lists.map((values) => values.map((value) => value && -value)));

/** The runs of values without gaps, as `[index, value]`. */
function runsOf(values) {
  const runs = [];
  values.forEach((value, index) => {
    if (value === null || !Number.isFinite(value)) return;
    const last = runs.at(-1);
    if (last && last.at(-1)[0] === index - 1) last.push([index, value]);
    else runs.push([[index, value]]);
  });
  return runs;
}

/** The place of a value on an axis from `low` at the bottom to `high`. */
const scale = (height, low, high) => (value) => (height - ((value - low) / (high - low || 1)) * height).toFixed(1);

/** The commands of a line with gaps where there is no value, of the area below it, and of the points that are alone. */
function path(values, height, xOf, yOf) {
  const runs = runsOf(values).map((run) => {
    const points = run.map(([index, value]) => `${xOf(index).toFixed(1)} ${yOf(value)}`);
    const ends = [xOf(run[0][0]), xOf(run.at(-1)[0])];
    return { line: `M${points.join("L")}`, ends, lone: run.length === 1 ? `M${points[0]}h0` : "" };
  });
  return {
    line: runs.map((run) => run.line).join(""),
    lone: runs.map((run) => run.lone).join(""),
    area: runs
      .map(({ line, ends }) => `${line}L${ends[1].toFixed(1)} ${height}L${ends[0].toFixed(1)} ${height}Z`)
      .join(""),
  };
}

/** A small chart of the history without axes. `more` is a second line on the same scale, such as failures. */
export function sparkline(values, { label, max, limit, more, tone = "" } = {}) {
  const [width, height] = [Math.max(LEAST_POINTS, values.length) - 1, 32];
  const top = largest([values, more ?? []], Math.max(max ?? 0, limit ?? 0)) * 1.08;
  const xOf = (index) => width - values.length + 1 + index;
  const yOf = scale(height, 0, top);
  const { line, area, lone } = path(values, height, xOf, yOf);
  const hasMore = more?.some((value) => value > 0);
  return h(
    "svg",
    {
      class: `spark ${tone}`,
      viewBox: `0 -1 ${width} ${height + 2}`,
      preserveAspectRatio: "none",
      role: "img",
      "aria-label": label ?? "the last 15 minutes",
    },
    limit ? h("path", { class: "limit", d: `M0 ${yOf(limit)}H${width}` }) : null,
    h("path", { class: "area", d: area }),
    h("path", { class: "line", d: line }),
    lone ? h("path", { class: "lone", d: lone }) : null,
    hasMore ? h("path", { class: "line more", d: path(more, height, xOf, yOf).line }) : null,
  );
}

/** The next number of the form 1, 2 or 5 times a power of ten; for bytes, of two. */
function roundUp(max, unit) {
  if (!(max > 0)) return 1;
  if (unit === "By") return 2 ** Math.ceil(Math.log2(max));
  const power = 10 ** Math.floor(Math.log10(max));
  return [1, 2, 2.5, 5, 10].find((step) => step * power >= max) * power;
}

/**
 * A chart with axes, a legend and a reading of the values under the pointer.
 *
 * `times` are milliseconds, `series` are `{ name, values, style }`, `exemplars` are `{ time, value, traceId }`.
 */
export function chart({
  id,
  times,
  series,
  unit,
  show = (value) => inUnit(value, unit),
  limit,
  exemplars = [],
  height = 200,
  title,
}) {
  const end = times.at(-1) ?? 0;
  const start = Math.min(times[0] ?? 0, end - LEAST_SPAN);
  const span = end - start;
  const dots = exemplars.filter(({ time, traceId }) => traceId && time >= start && time <= end).slice(-60);
  const max = roundUp(
    largest([...series.map(({ values }) => values), dots.map(({ value }) => value)], limit ?? 0),
    unit,
  );
  const low = smallest(series.map(({ values }) => values));
  const min = low < 0 ? -roundUp(-low, unit) : 0;
  const yOf = scale(height, min, max);
  const xOf = (index) => ((times[index] - start) / span) * WIDTH;
  const at = hover?.id === id ? nearest(times, start + hover.fraction * span) : null;
  const last = at ?? times.length - 1;
  const move = (event) => {
    const box = event.currentTarget.getBoundingClientRect();
    hover = { id, fraction: Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) };
    redraw();
  };
  const leave = () => {
    hover = null;
    redraw();
  };
  const readings = series.map((line) => `${line.name} ${show(line.values[times.length - 1])}`).join(", ");
  return h(
    "figure",
    { class: "chart", key: `chart-${id}` },
    h(
      "div",
      { class: "plot", style: { height: `${height}px` }, onpointermove: move, onpointerleave: leave },
      [1, 0.5, 0].map((part) =>
        h("span", { class: "tick-y", style: { top: `${(1 - part) * 100}%` } }, show(min + (max - min) * part)),
      ),
      h(
        "svg",
        {
          viewBox: `0 0 ${WIDTH} ${height}`,
          preserveAspectRatio: "none",
          role: "img",
          "aria-label": cut(`${title}, now: ${readings}`, 500),
        },
        [0, 0.5, 1].map((part) => h("path", { class: "grid-line", d: `M0 ${height * part}H${WIDTH}` })),
        min < 0 ? h("path", { class: "grid-line", d: `M0 ${yOf(0)}H${WIDTH}` }) : null,
        limit ? h("path", { class: "limit", d: `M0 ${yOf(limit)}H${WIDTH}` }) : null,
        series.map((line) => {
          const { line: d, lone } = path(line.values, height, xOf, yOf);
          const style = `s${line.style % STYLES}`;
          return [
            h("path", { class: `line ${style}`, d }),
            lone ? h("path", { class: `lone ${style}`, d: lone }) : null,
          ];
        }),
        at === null ? null : h("path", { class: "cursor", d: `M${xOf(at)} 0V${height}` }),
      ),
      dots.map((dot) =>
        h("a", {
          class: "exemplar",
          key: `${dot.traceId} ${dot.time}`,
          href: toTrace(dot.traceId),
          style: { left: `${((dot.time - start) / span) * 100}%`, top: `${(yOf(dot.value) / height) * 100}%` },
          title: `${show(dot.value)} at ${clock(dot.time)} UTC, trace ${cut(dot.traceId, 40)}`,
          "aria-label": `Trace of the sample ${show(dot.value)} at ${clock(dot.time)} UTC`,
        }),
      ),
    ),
    h(
      "div",
      { class: "ticks-x", "aria-hidden": "true" },
      [0, 0.25, 0.5, 0.75, 1].map((part) =>
        h("span", { style: { left: `${part * 100}%` } }, clock(start + part * span, false)),
      ),
    ),
    h(
      "figcaption",
      {},
      h("span", { class: "dim" }, times.length > 0 ? `${clock(times[last] ?? end, false)} UTC` : ""),
      series.map((line) =>
        h(
          "span",
          { class: "legend", key: line.name },
          h("i", { class: `swatch s${line.style % STYLES}` }),
          `${cut(line.name, 80)} `,
          h("b", {}, show(line.values[last] ?? null)),
        ),
      ),
      dots.length > 0 ? h("span", { class: "legend" }, h("i", { class: "swatch dot" }), "a sample with a trace") : null,
    ),
  );
}

function nearest(times, time) {
  let best = 0;
  times.forEach((candidate, index) => {
    if (Math.abs(candidate - time) < Math.abs(times[best] - time)) best = index;
  });
  return times.length > 0 ? best : null;
}
