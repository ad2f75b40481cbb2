// Work: queues with their jobs, schedules, and the data types of caches.

import { h } from "./dom.js";
import { hold, inService, now } from "./api.js";
import { ago, count, counted, day, percent, perSecond, seconds, spoken } from "./format.js";
import { link } from "./address.js";
import { badge, empty, failures, section, share, short, table, waiting } from "./parts.js";
import { metrics } from "./resources.js";
import { groupBy, mean, quantile, since, sum } from "./quantile.js";
import { earlier, isRising } from "./recent.js";

export const needs = () => [metrics];

/** Whether a service with these metrics has queues, schedules or data types. */
export const has = (names) =>
  [
    "worker_queue_depth",
    "worker_tasks",
    "worker_tasks_total",
    "cron_runs",
    "cron_runs_total",
    "data_staleness_budget_seconds",
  ].some((name) => names.has(name));

export function draw() {
  const answer = hold(metrics);
  if (!answer.data) return waiting(answer);
  if (!has(answer.data.families))
    return empty(
      "This service has no queue, no schedule and no cache that firstlight sees",
      "The features jobs, cron and staleness add them.",
    );
  return [queues(answer.data), jobs(answer.data), schedules(answer.data), dataTypes(answer.data)];
}

/** A counter has its name without `_total` in OpenMetrics. */
const counter = (families, name) => families.get(name) ?? families.get(`${name}_total`);

function valueOf(families, metric, labels) {
  const isOf = (series) => Object.entries(labels).every(([name, value]) => series.labels[name] === value);
  const found = [...(counter(families, metric)?.series.values() ?? [])].filter(isOf);
  return found.length === 0 ? null : found.reduce((total, series) => total + series.value, 0);
}

const namesOf = (families, metric, label) =>
  [
    ...new Set([...(counter(families, metric)?.series.values() ?? [])].map((series) => series.labels[label] ?? "")),
  ].sort();

function queues({ families }) {
  const names = namesOf(families, "worker_queue_depth", "queue");
  if (names.length === 0) return null;
  const columns = [
    { title: "Queue" },
    { title: "State" },
    { title: "Ready", end: true },
    { title: "Running", end: true },
    { title: "Scheduled", end: true },
    { title: "Retry", end: true },
    { title: "Stuck", end: true },
    { title: "Dead letters", end: true },
    { title: "Oldest waits", end: true },
    { title: "Budget", end: true },
  ];
  return section(
    "Queues",
    {},
    table(
      "Queues",
      columns,
      names.map((queue) => {
        const depth = (status) => valueOf(families, "worker_queue_depth", { queue, status });
        const [age, budget, up] = [
          "worker_queue_oldest_age_seconds",
          "worker_queue_latency_budget_seconds",
          "worker_queue_up",
        ].map((metric) => valueOf(families, metric, { queue }));
        const [dead, stuck] = [depth("dead_lettered"), depth("stuck")];
        const late = budget ? age / budget : 0;
        const state =
          up === 0
            ? ["broken", "cannot be read"]
            : late > 1
              ? ["broken", "over budget"]
              : dead > 0 || stuck > 0
                ? ["warning", dead > 0 ? "dead letters" : "stuck jobs"]
                : late > 0.5
                  ? ["warning", "half the budget used"]
                  : ["ok", "in time"];
        const problem = (value) => (value > 0 ? h("span", { class: "bad-text" }, `! ${count(value)}`) : count(value));
        return {
          key: queue,
          cells: [
            short(queue, 100, { class: "mono", "data-row": true, tabindex: "0" }),
            badge(...state),
            count(depth("ready")),
            count(depth("running")),
            count(depth("scheduled")),
            count(depth("retry")),
            problem(stuck),
            problem(dead),
            budget ? share(late, seconds(age), late > 1 ? "bad" : late > 0.5 ? "warn" : "") : seconds(age),
            seconds(budget),
          ],
        };
      }),
    ),
  );
}

function jobs({ at, families, last }) {
  const attempts = groupBy(counter(families, "worker_tasks"), ["queue", "kind"]);
  if (attempts.length === 0) return null;
  const columns = [
    { title: "Kind" },
    { title: "Queue" },
    { title: "Attempts", end: true },
    { title: "Now", end: true },
    { title: "Failed", end: true },
    { title: "Run p95", end: true },
    { title: "Wait p95", end: true },
    { title: "Accepted to done p95", end: true },
    { title: "Outcomes" },
  ];
  return section(
    "Jobs",
    { note: "since the start" },
    table(
      "Jobs",
      columns,
      attempts.map((group) => {
        const { kind, queue } = group.labels;
        const total = group.series.reduce((all, series) => all + series.value, 0);
        const failed = group.series
          .filter((series) => series.labels.outcome !== "ok")
          .reduce((all, series) => all + series.value, 0);
        const before = last
          ? group.series.reduce(
              (all, series) => all + (counter(last.families, "worker_tasks")?.series.get(series.key)?.value ?? 0),
              0,
            )
          : null;
        const p95 = (metric) =>
          seconds(
            quantile(
              sum(
                groupBy(families.get(metric), ["queue", "kind"])
                  .filter((other) => other.labels.kind === kind && other.labels.queue === queue)
                  .flatMap((other) => other.series),
              ),
              0.95,
            ),
          );
        const outcomes = groupBy({ series: new Map(group.series.map((series) => [series.key, series])) }, [
          "outcome",
        ]).map((one) => `${one.labels.outcome} ${count(one.series.reduce((all, series) => all + series.value, 0))}`);
        return {
          key: `${queue} ${kind}`,
          href: link("traces", { route: queue }),
          cells: [
            kind,
            queue,
            count(total),
            before === null ? "–" : perSecond(Math.max(0, total - before) / ((at - last.at) / 1e3)),
            failures(failed, isRising(`attempts ${queue} ${kind}`, failed, at)),
            p95("worker_task_run_seconds"),
            p95("worker_task_wait_seconds"),
            p95("worker_task_accepted_to_done_seconds"),
            short(outcomes.join(", "), 200, { class: "dim" }),
          ],
        };
      }),
    ),
  );
}

function schedules({ at: scraped, families }) {
  const names = namesOf(families, "cron_runs", "cron");
  if (names.length === 0) return null;
  const at = now();
  const columns = [
    { title: "Schedule" },
    { title: "State" },
    { title: "Interval", end: true },
    { title: "Last success", end: true },
    { title: "Next run", end: true },
    { title: "Success due", end: true },
    { title: "Last run took", end: true },
    { title: "Expected", end: true },
    { title: "Missed", end: true },
    { title: "Failed", end: true },
    { title: "Outcomes" },
  ];
  return section(
    "Schedules",
    { note: "missed, failed and outcomes since the start" },
    table(
      "Schedules",
      columns,
      names.map((cron) => {
        const of = (metric) => valueOf(families, metric, { cron });
        const interval = of("cron_schedule_interval_seconds");
        const runs = (outcome) => valueOf(families, "cron_runs", { cron, outcome }) ?? 0;
        const [success, due] = [of("cron_last_success_timestamp_seconds"), of("cron_success_due_timestamp_seconds")];
        // A short schedule is due again before the next scrape.
        const isLate = due !== null && due * 1e3 < inService(scraped);
        const failed = runs("failed") + runs("timed_out") + runs("interrupted");
        const hasMissed = isRising(`missed ${cron}`, runs("missed"), scraped);
        const state = isLate
          ? ["broken", "overdue"]
          : of("cron_running") > 0
            ? ["open", "running"]
            : hasMissed
              ? ["warning", "missed just now"]
              : ["ok", success ? "in time" : "not due yet"];
        const others = groupBy(counter(families, "cron_runs"), ["cron", "outcome"])
          .filter((group) => group.labels.cron === cron)
          .map((group) => [group.labels.outcome, group.series[0].value])
          .filter(([, value]) => value > 0);
        const timeCell = (value) =>
          value === null ? "–" : h("span", { title: day(value * 1e3) }, ago(value * 1e3, at));
        return {
          key: cron,
          href: link("traces", { route: cron }),
          cells: [
            cron,
            badge(...state),
            interval === null ? "–" : spoken(interval),
            timeCell(success),
            timeCell(of("cron_next_run_timestamp_seconds")),
            timeCell(due),
            seconds(of("cron_last_duration_seconds")),
            seconds(of("cron_expected_duration_seconds")),
            failures(runs("missed"), hasMissed),
            failures(failed, isRising(`runs ${cron}`, failed, scraped)),
            short(
              others.map(([outcome, value]) => `${outcome.replaceAll("_", " ")} ${count(value)}`).join(", ") ||
                "none yet",
              200,
              { class: "dim" },
            ),
          ],
        };
      }),
    ),
  );
}

function dataTypes({ at, families }) {
  const names = namesOf(families, "data_staleness_budget_seconds", "data_type");
  if (names.length === 0) return null;
  const columns = [
    { title: "Data" },
    { title: "State" },
    { title: "Window", end: true },
    { title: "Age served p50", end: true },
    { title: "p95", end: true },
    { title: "Mean", end: true },
    { title: "From the cache", end: true },
    { title: "Reads" },
  ];
  return section(
    "Data",
    { note: "age of what was served, since the start" },
    table(
      "Data types",
      columns,
      names.map((data_type) => {
        const budget = valueOf(families, "data_staleness_budget_seconds", { data_type });
        const ages = sum(
          [...(families.get("data_served_age_seconds")?.series.values() ?? [])].filter(
            (series) => series.labels.data_type === data_type,
          ),
        );
        const reads = groupBy(counter(families, "data_reads"), ["data_type", "result"])
          .filter((group) => group.labels.data_type === data_type)
          .map((group) => [group.labels.result, group.series[0].value]);
        const total = reads.reduce((all, [, value]) => all + value, 0);
        const cached = reads
          .filter(([result]) => result === "cache" || result === "shared")
          .reduce((all, [, value]) => all + value, 0);
        const p95 = quantile(ages, 0.95);
        const failed = reads.find(([result]) => result === "failed")?.[1] ?? 0;
        // Numbers since the start would tell for ever of what is over.
        const served = since(
          earlier(`ages ${data_type}`, ages, at, (histogram) => histogram.count),
          ages,
        );
        const isOld = budget > 0 && quantile(served, 0.95) > budget * 1.5;
        const state = isOld
          ? ["warning", "older than its window"]
          : isRising(`failed ${data_type}`, failed, at)
            ? ["warning", "reads fail"]
            : served.count > 0
              ? ["ok", "fresh"]
              : ["unknown", total === 0 ? "not read yet" : "no reads just now"];
        return {
          key: data_type,
          cells: [
            short(data_type, 100, { class: "mono", "data-row": true, tabindex: "0" }),
            badge(...state),
            seconds(budget),
            seconds(quantile(ages, 0.5)),
            share(budget ? p95 / budget : 0, seconds(p95)),
            seconds(mean(ages)),
            total > 0 ? percent(cached / total) : "–",
            short(
              reads
                .filter(([, value]) => value > 0)
                .map(([result, value]) => `${result} ${count(value)}`)
                .join(", ") || counted(0, "read"),
              200,
              { class: "dim" },
            ),
          ],
        };
      }),
    ),
  );
}
