// The type of a dashboard, from Grafana's own types in @grafana/schema. It is stricter in one respect: each kind of panel has the
// options of its plugin, whereas Grafana's type of panels allows any options.

import type {
  AnnotationQuery,
  Dashboard,
  DashboardLink,
  FieldConfig,
  Panel,
  RowPanel,
  VariableModel,
} from "@grafana/schema";
import type * as BarGauge from "@grafana/schema/dist/esm/raw/composable/bargauge/panelcfg/x/BarGaugePanelCfg_types.gen";
import type * as Heatmap from "@grafana/schema/dist/esm/raw/composable/heatmap/panelcfg/x/HeatmapPanelCfg_types.gen";
import type * as Stat from "@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen";
import type * as StateTimeline from "@grafana/schema/dist/esm/raw/composable/statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen";
import type * as Table from "@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen";
import type * as TimeSeries from "@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen";

// Replaces enums by their values, because JSON has no enums.
type Plain<T> = unknown extends T
  ? T
  : T extends string
    ? `${T}`
    : T extends (infer Item)[]
      ? Plain<Item>[]
      : T extends object
        ? { [Key in keyof T]: Plain<T[Key]> }
        : T;

// The fields that the Prometheus data source reads. The package has no types for its queries and annotations.
interface Query {
  datasource: { type: "prometheus"; uid: string };
  editorMode: "builder" | "code";
  exemplar: boolean;
  expr: string;
  format: "time_series" | "table" | "heatmap";
  instant: boolean;
  legendFormat: string;
  range: boolean;
  refId: string;
}

type Annotation = AnnotationQuery & {
  expr: string;
  tagKeys: string;
  textFormat: string;
  titleFormat: string;
  useValueForTime: boolean;
};

interface ValueLink {
  targetBlank: boolean;
  title: string;
  url: string;
}

// An override of single properties, which have the same types as the defaults.
interface Override {
  matcher: { id: "byName" | "byRegexp"; options: string };
  properties: (
    | { id: "unit"; value: string }
    | { id: "color"; value: FieldConfig["color"] }
    | { id: "thresholds"; value: FieldConfig["thresholds"] }
    | { id: "custom.align"; value: Table.FieldConfig["align"] }
    | { id: "custom.cellOptions"; value: Table.FieldConfig["cellOptions"] }
  )[];
}

type Kind<Plugin extends string, Options, Custom> = Omit<
  Panel,
  "type" | "options" | "fieldConfig" | "targets" | "links"
> & {
  type: Plugin;
  options: Options;
  fieldConfig: {
    defaults: Omit<FieldConfig, "custom" | "links"> & { custom: Custom; links: ValueLink[] };
    overrides: Override[];
  };
  targets: Query[];
  links: DashboardLink[];
};

type Nothing = Record<string, never>;

type AnyPanel =
  | Kind<"stat", Stat.Options, Nothing>
  | Kind<"timeseries", TimeSeries.Options, TimeSeries.FieldConfig>
  | Kind<"heatmap", Heatmap.Options, Heatmap.FieldConfig>
  | Kind<"table", Table.Options, Partial<Table.FieldConfig>>
  | Kind<"state-timeline", StateTimeline.Options, StateTimeline.FieldConfig>
  | Kind<"bargauge", BarGauge.Options, Nothing>;

type AnyRow = Omit<RowPanel, "panels"> & { panels: AnyPanel[] };

export type Board = Plain<
  Omit<Dashboard, "annotations" | "panels" | "templating"> & {
    annotations: { list: Annotation[] };
    panels: (AnyRow | AnyPanel)[];
    templating: { list: VariableModel[] };
  }
>;
