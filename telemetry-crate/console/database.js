// Database: statements by the time that they take, repeated statements, errors, and the pools.

import { h } from "./dom.js";
import { hold } from "./api.js";
import { count, counted, cut, percent, perSecond, seconds } from "./format.js";
import { change, link } from "./address.js";
import { empty, failures, section, share, short, table, traceLink, waiting } from "./parts.js";
import { metrics, open } from "./resources.js";
import { groupBy, mean, quantile, since, sum } from "./quantile.js";
import { earlier, isRising } from "./recent.js";

const STATEMENTS = "db_client_operation_duration_seconds";
/** The calls that are listed of those that wait for a connection. */
const MAX_WAITING = 5;
/** The most cells of the picture of a pool. */
const MAX_CELLS = 100;
const POOL = "db_client_connection_pool_name";

export const needs = () => [metrics, open];

/** Whether a service with these metrics has a database. */
export const has = (names) => names.has(STATEMENTS) || names.has("db_client_connection_count");

export function draw({ query }) {
  const answer = hold(metrics);
  if (!answer.data) return waiting(answer);
  const { families } = answer.data;
  if (!has(families))
    return empty(
      "This service has no database that firstlight sees",
      "With the feature sqlx, each query of sqlx becomes a span and a sample of a metric.",
    );
  return [
    pools(answer.data, hold(open).data),
    statements(answer.data, query),
    repeated(families),
    errors(families),
    transactions(families),
  ];
}

/** The number of samples per second since the scrape before. */
function rateOf(name, group, { at, families, last }) {
  const before = last?.families.get(name);
  if (!before) return null;
  const earlier = group.series.reduce((total, series) => total + (before.series.get(series.key)?.count ?? 0), 0);
  const later = group.series.reduce(
    (total, series) => total + (families.get(name).series.get(series.key)?.count ?? 0),
    0,
  );
  return Math.max(0, later - earlier) / ((at - last.at) / 1e3);
}

function statements(scrape, { text = "" }) {
  const family = scrape.families.get(STATEMENTS);
  if (!family) return null;
  const groups = groupBy(family, ["db_query_summary"])
    .map((group) => ({
      ...group,
      name: group.labels.db_query_summary || "(no statement: waits for a connection)",
      total: sum(group.series),
    }))
    .filter((group) => group.total.count > 0);
  const all = groups.reduce((total, group) => total + group.total.sum, 0);
  const rows = groups
    .filter((group) => group.name.toLowerCase().includes(text.toLowerCase()))
    .sort((a, b) => b.total.sum - a.total.sum);
  const columns = [
    { title: "Statement" },
    { title: "Total time", end: true },
    { title: "Share", end: true },
    { title: "Count", end: true },
    { title: "Now", end: true },
    { title: "Mean", end: true },
    { title: "p95", end: true },
    { title: "Failed", end: true },
    { title: "Slowest sample" },
  ];
  const filter = h(
    "label",
    { class: "field" },
    h("span", { class: "unseen" }, "Filter of statements"),
    h("input", {
      type: "search",
      "data-filter": true,
      value: text,
      placeholder: "Filter statements",
      autocomplete: "off",
      oninput: (event) => change({ text: event.target.value }),
    }),
  );
  return section(
    "Statements",
    { note: "by total time since the start", more: filter },
    rows.length === 0
      ? empty("No statement has this in its name")
      : table(
          "Statements",
          columns,
          rows.slice(0, 200).map((group) => {
            const failed = group.series
              .filter((series) => series.labels.error_type)
              .reduce((total, series) => total + series.count, 0);
            const slowest = group.series.flatMap((series) => series.exemplars).sort((a, b) => b.value - a.value)[0];
            return {
              key: group.name,
              cells: [
                short(group.name, 160, { class: "mono", "data-row": true, tabindex: "0" }),
                seconds(group.total.sum),
                share(group.total.sum / all, percent(group.total.sum / all)),
                count(group.total.count),
                perSecond(rateOf(STATEMENTS, group, scrape)),
                seconds(mean(group.total)),
                seconds(quantile(group.total, 0.95)),
                failures(failed, isRising(`statement ${group.name}`, failed, scrape.at)),
                slowest ? traceLink(slowest.traceId, seconds(slowest.value)) : "–",
              ],
            };
          }),
        ),
  );
}

const placeOf = ({ labels }) => labels.http_route || labels.rpc_method || labels.span_name || "outside of requests";

function repeated(families) {
  const family = families.get("sql_n_plus_one") ?? families.get("sql_n_plus_one_total");
  const rows = [...(family?.series.values() ?? [])]
    .filter((series) => series.value > 0)
    .sort((a, b) => b.value - a.value);
  const perRequest = families.get("sql_queries_per_request");
  const many = groupBy(perRequest, ["http_route", "rpc_method", "span_name"])
    .map((group) => ({ ...group, total: sum(group.series) }))
    .filter((group) => group.total.count > 0)
    .sort((a, b) => mean(b.total) - mean(a.total))
    .slice(0, 12);
  return [
    rows.length === 0
      ? null
      : section(
          "N+1",
          { note: "statements that one request repeated too often, since the start" },
          table(
            "N+1",
            [{ title: "Route or job" }, { title: "Statement" }, { title: "Repeated runs", end: true }],
            rows.map((series) => ({
              key: series.key,
              tone: "warn",
              href: link("traces", { route: placeOf(series) }),
              cells: [
                placeOf(series),
                short(series.labels.db_query_summary, 160, { class: "mono" }),
                counted(series.value, "run"),
              ],
            })),
          ),
        ),
    many.length === 0
      ? null
      : section(
          "Statements of a request",
          { note: "mean and p95 since the start" },
          table(
            "Statements of a request",
            [
              { title: "Route or job" },
              { title: "Requests", end: true },
              { title: "Mean", end: true },
              { title: "p95", end: true },
            ],
            many.map((group) => ({
              key: placeOf(group),
              href: link("traces", { route: placeOf(group) }),
              cells: [
                placeOf(group),
                count(group.total.count),
                count(mean(group.total)),
                count(Math.ceil(quantile(group.total, 0.95) ?? 0)),
              ],
            })),
          ),
        ),
  ];
}

/** What classes of SQLSTATE mean, of which a reader sees some often. */
const SQLSTATES = {
  23: "a constraint was violated",
  40: "the transaction was rolled back",
  53: "not enough resources",
  55: "an object is not in the needed state",
  57: "an operator intervened",
  "08": "the connection failed",
  42: "the statement is wrong",
  22: "a value is not valid",
};

function errors(families) {
  const failed = [...(families.get(STATEMENTS)?.series.values() ?? [])].filter(
    (series) => series.labels.error_type && series.count > 0,
  );
  if (failed.length === 0)
    return section("Errors of statements", {}, h("p", { class: "dim" }, "No statement has failed since the start."));
  const family = { series: new Map(failed.map((series) => [series.key, series])) };
  const groups = groupBy(family, ["db_response_status_code", "error_type", "db_query_summary"])
    .map((group) => ({ ...group, total: sum(group.series) }))
    .sort((a, b) => b.total.count - a.total.count);
  return section(
    "Errors of statements",
    { note: "by SQLSTATE or code of the database, since the start" },
    table(
      "Errors of statements",
      [
        { title: "Code" },
        { title: "Error" },
        { title: "Statement" },
        { title: "Count", end: true },
        { title: "A trace" },
      ],
      groups.slice(0, 100).map((group) => {
        const code = group.labels.db_response_status_code;
        const meaning = code.length === 5 ? SQLSTATES[code.slice(0, 2)] : null;
        const exemplar = group.series.flatMap((series) => series.exemplars).at(-1);
        return {
          key: Object.values(group.labels).join(" "),
          cells: [
            h("code", {}, cut(code || "–", 20)),
            h(
              "span",
              {},
              cut(group.labels.error_type, 80),
              meaning ? h("span", { class: "dim" }, ` ${meaning}`) : null,
            ),
            short(group.labels.db_query_summary, 120, { class: "mono" }),
            count(group.total.count),
            exemplar ? traceLink(exemplar.traceId) : "–",
          ],
        };
      }),
    ),
  );
}

function pools(scrape, live) {
  const connections = groupBy(scrape.families.get("db_client_connection_count"), [POOL]);
  if (connections.length === 0) return null;
  return section(
    "Pools",
    {},
    h(
      "div",
      { class: "pools" },
      connections.map((group) => pool(group, scrape, live)),
    ),
  );
}

function pool(group, { at, families }, live) {
  const name = group.labels[POOL];
  const of = (state) => group.series.find((series) => series.labels.db_client_connection_state === state)?.value ?? 0;
  const ofPool = (metric) =>
    [...(families.get(metric)?.series.values() ?? [])].filter(
      (series) => series.labels[POOL] === name || series.labels[POOL] === undefined,
    );
  const limit = ofPool("db_client_connection_limit")[0]?.value;
  const waits = sum(ofPool("db_client_connection_wait_time_seconds"));
  const timeouts = ofPool("db_client_connection_timeouts_total")
    .concat(ofPool("db_client_connection_timeouts"))
    .reduce((total, series) => total + series.value, 0);
  const recent = since(
    earlier(`waits ${name}`, waits, at, (histogram) => histogram.count),
    waits,
  );
  const newTimeouts = timeouts - earlier(`timeouts ${name}`, timeouts, at);
  const users = (live?.connections ?? []).find((pool) => pool.pool === name);
  const used = users?.used ?? of("used");
  const list = [
    ...(users?.holders ?? []).map((user) => ({ ...user, how: "holds one" })),
    ...(users?.possible_holders ?? []).map((user) => ({ ...user, how: "may hold one" })),
    ...(users?.waiting ?? []).slice(0, MAX_WAITING).map((user) => ({ ...user, how: "waits" })),
  ].slice(0, 30);
  const moreWait = (users?.waiting?.length ?? 0) - MAX_WAITING;
  const isFull = limit && used >= limit;
  // The metrics may be a moment older than the users.
  const idle = limit ? Math.min(of("idle"), Math.max(0, limit - used)) : of("idle");
  return h(
    "div",
    { class: "pool", key: name },
    h(
      "h3",
      {},
      h("span", { class: "mono" }, cut(name || "pool", 120)),
      isFull ? h("span", { class: "mark bad" }, "✕ full") : null,
    ),
    limit
      ? h(
          "div",
          {
            class: `cells${isFull ? " bad" : ""}`,
            role: "img",
            "aria-label": `${used} of ${limit} connections used, ${idle} idle`,
          },
          cellsOf(used, idle, limit).map((state) => h("i", { class: state })),
        )
      : null,
    h(
      "p",
      {},
      h("b", {}, `${count(used)} of ${count(limit)}`),
      " used, ",
      h("b", {}, count(idle)),
      " idle",
      recent.count > 0 ? ["; wait p95 of the last minutes ", h("b", {}, seconds(quantile(recent, 0.95)))] : null,
      newTimeouts > 0 ? h("span", { class: "bad-text" }, `; ✕ ${counted(newTimeouts, "new timeout")}`) : null,
    ),
    h(
      "p",
      { class: "dim" },
      `Since the start: wait p95 ${seconds(quantile(waits, 0.95))}, ${timeouts > 0 ? counted(timeouts, "timeout") : "no timeouts"}`,
    ),
    users?.unseen > 0
      ? h(
          "p",
          { class: "dim" },
          `${users.unseen} held by code whose use is not seen, such as calls without .instrumented()`,
        )
      : null,
    list.length > 0
      ? table(
          `Users of ${cut(name, 60)}`,
          [{ title: "Root" }, { title: "For", end: true }, { title: "How" }, { title: "What" }],
          list.map((user, index) => ({
            key: `${user.span_id} ${index}`,
            href: user.trace_id ? link("traces", {}, user.trace_id) : null,
            cells: [user.name, seconds(user.seconds), user.how, short(user.what, 160, { class: "dim" })],
          })),
        )
      : null,
    moreWait > 0 ? h("p", { class: "dim" }, `${counted(moreWait, "further call")} wait for a connection.`) : null,
  );
}

/** The states of the cells of a pool: one for each connection, or one for several if there are many. */
export function cellsOf(used, idle, limit) {
  const cells = Math.min(limit, MAX_CELLS);
  const part = (connections) => Math.floor((connections / limit) * cells);
  // A full pool alone has all of its cells used, and a used one at least one.
  const first = Math.max(part(used), used > 0 ? 1 : 0);
  const second = first + part(idle);
  return Array.from({ length: cells }, (_, index) => (index < first ? "used" : index < second ? "idle" : ""));
}

function transactions(families) {
  const groups = groupBy(families.get("sql_transaction_duration_seconds"), ["outcome"])
    .map((group) => ({ ...group, total: sum(group.series) }))
    .filter((group) => group.total.count > 0);
  if (groups.length === 0) return null;
  return section(
    "Transactions",
    { note: "since the start" },
    table(
      "Transactions",
      [{ title: "Outcome" }, { title: "Count", end: true }, { title: "Mean", end: true }, { title: "p95", end: true }],
      groups.map((group) => ({
        key: group.labels.outcome,
        cells: [
          group.labels.outcome,
          count(group.total.count),
          seconds(mean(group.total)),
          seconds(quantile(group.total, 0.95)),
        ],
      })),
    ),
  );
}
