// SPDX-License-Identifier: Apache-2.0
// Prometheus' answers as Grafana's data frames, with a panel's transformations and field settings, in the
// way of Grafana's Prometheus data source.
import {
  FieldType, Registry, applyFieldOverrides, applyNullInsertThreshold, cacheFieldDisplayNames, createDataFrame,
  dataLinksOverrideProcessor, dateTime, displayNameOverrideProcessor, identityOverrideProcessor,
  numberOverrideProcessor, standardFieldConfigEditorRegistry, standardTransformers,
  standardTransformersRegistry, stringOverrideProcessor, thresholdsOverrideProcessor, transformDataFrame,
  unitOverrideProcessor, valueMappingsOverrideProcessor,
} from "@grafana/data";
import { firstValueFrom } from "rxjs";

const STANDARD = {
  unit: unitOverrideProcessor, min: numberOverrideProcessor, max: numberOverrideProcessor,
  decimals: numberOverrideProcessor, displayName: displayNameOverrideProcessor,
  noValue: stringOverrideProcessor, color: identityOverrideProcessor,
  thresholds: thresholdsOverrideProcessor, mappings: valueMappingsOverrideProcessor,
  links: dataLinksOverrideProcessor,
};
const CUSTOM = [
  "drawStyle", "lineWidth", "fillOpacity", "showPoints", "lineInterpolation", "spanNulls", "stacking", "align",
  "cellOptions", "filterable", "inspect", "minWidth", "width",
];

const setting = (id, path, process, isCustom) => ({
  id, path, process, isCustom, name: id, settings: {}, editor: () => null, override: () => null,
  shouldApply: () => true,
});
const standard = () =>
  Object.entries(STANDARD).map(([name, process]) => setting(name, name, process, false));
const fields = new Registry(() => [
  ...standard(),
  ...CUSTOM.map((name) => setting(`custom.${name}`, name, identityOverrideProcessor, true)),
]);

export function initialise() {
  standardFieldConfigEditorRegistry.setInit(standard);
  const known = new Map(Object.values(standardTransformers).map((one) => [one.id, one]));
  standardTransformersRegistry.setInit(() => [...known.values()].map((one) => ({
    id: one.id, name: one.name, aliasIds: [], transformation: async () => one, editor: () => null,
    imageDark: "", imageLight: "",
  })));
}

// What is no number is a gap, as in Grafana's panels.
const number = (text) => (Number.isFinite(Number(text)) ? Number(text) : null);
const legend = (format, labels) => format.replace(/\{\{(\w+)\}\}/g, (_, name) => labels[name] ?? "");

function timeFrames({ legend: format, refId, series }, { start, end, step }) {
  return series.map(({ metric, value, values }) => {
    const points = values ?? [value];
    const { __name__, ...labels } = metric;
    const frame = createDataFrame({
      refId,
      fields: [
        { name: "Time", type: FieldType.time, config: { interval: step * 1000 }, values: points.map(([t]) => t * 1000) },
        {
          name: "Value", type: FieldType.number, labels, values: points.map(([, v]) => number(v)),
          config: { displayNameFromDS: legend(format, labels) },
        },
      ],
    });
    // A missing sample is a gap, too, and so is what lies behind the last one.
    const edges = { refFieldPseudoMin: start * 1000, refFieldPseudoMax: end * 1000 };
    return values ? applyNullInsertThreshold({ frame, refFieldName: "Time", ...edges }) : frame;
  });
}

function tableFrame({ refId, series }, several) {
  if (series.length === 0) return [];
  const names = [...new Set(series.flatMap(({ metric }) => Object.keys(metric)))].filter((n) => n !== "__name__").sort();
  return [createDataFrame({
    refId,
    fields: [
      { name: "Time", type: FieldType.time, values: series.map(({ value }) => value[0] * 1000) },
      ...names.map((name) => ({ name, type: FieldType.string, values: series.map(({ metric }) => metric[name] ?? "") })),
      {
        name: several ? `Value #${refId}` : "Value", type: FieldType.number,
        values: series.map(({ value }) => number(value[1])),
      },
    ],
  })];
}

export async function frames(panel, answers, theme, span) {
  const raw = answers.flatMap((one) =>
    one.format === "table" ? tableFrame(one, answers.length > 1) : timeFrames(one, span));
  for (const { id } of panel.transformations ?? []) standardTransformersRegistry.get(id);  // throws if there is none
  const transformed = await firstValueFrom(
    transformDataFrame(panel.transformations ?? [], raw, { interpolate: (text) => text }),
  );
  const done = applyFieldOverrides({
    data: transformed, fieldConfig: panel.fieldConfig, fieldConfigRegistry: fields, theme, timeZone: "utc",
    replaceVariables: (text) => text ?? "",
  });
  cacheFieldDisplayNames(done);
  return done;
}

export function timeRange({ start, end }) {
  const [from, to] = [start, end].map((seconds) => dateTime(seconds * 1000));
  return { from, to, raw: { from, to } };
}
