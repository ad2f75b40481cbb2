// Histograms: sums over series, differences between scrapes, and quantiles.

/** The sum of histograms with the same buckets. */
export function sum(histograms) {
  const total = { count: 0, sum: 0, buckets: [] };
  for (const { count, sum, buckets } of histograms) {
    total.count += count;
    total.sum += sum;
    buckets.forEach(([le, value], index) => {
      if (total.buckets[index]) total.buckets[index][1] += value;
      else total.buckets[index] = [le, value];
    });
  }
  return total;
}

/** What came between two scrapes; all of it if the earlier one is not known or a restart is between them. */
export function since(earlier, later) {
  if (!earlier || earlier.count > later.count) return later;
  const buckets = later.buckets.map(([le, value], index) => [le, value - (earlier.buckets[index]?.[1] ?? 0)]);
  return { count: later.count - earlier.count, sum: later.sum - earlier.sum, buckets };
}

/** The quantile as Prometheus' `histogram_quantile` estimates it, or null without samples. */
export function quantile({ buckets }, q) {
  const total = buckets.at(-1)?.[1] ?? 0;
  if (!(total > 0)) return null;
  const rank = q * total;
  let lower = 0;
  let below = 0;
  for (const [le, cumulative] of buckets) {
    if (cumulative >= rank) {
      if (le === Infinity) return lower;
      return cumulative === below ? le : lower + (le - lower) * ((rank - below) / (cumulative - below));
    }
    lower = le;
    below = cumulative;
  }
  return lower;
}

export const mean = ({ count, sum }) => (count > 0 ? sum / count : null);

/** Groups the series of a family by the values of some labels. */
export function groupBy(family, labels) {
  const groups = new Map();
  for (const series of family?.series.values() ?? []) {
    const key = labels.map((label) => series.labels[label] ?? "").join("\u0000");
    if (!groups.has(key))
      groups.set(key, {
        labels: Object.fromEntries(labels.map((label) => [label, series.labels[label] ?? ""])),
        series: [],
      });
    groups.get(key).series.push(series);
  }
  return [...groups.values()];
}
