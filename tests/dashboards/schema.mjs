// SPDX-License-Identifier: Apache-2.0
// Whether dashboards have the form that Grafana reads: node schema.mjs FILE…
//
// The form is that of the types in @grafana/grafana-foundation-sdk, as JSON schemas without additional
// properties. They are generic where the kind of a panel decides what is allowed, so a dashboard is
// taken apart: itself, each panel, and then options, field configuration and queries of its kind.
import { readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import Ajv from "ajv";
import { createGenerator } from "ts-json-schema-generator";

const SDK = "@grafana/grafana-foundation-sdk/dist";
// Folder of the SDK, type of its options, type of its fields' `custom`.
const KINDS = {
  "timeseries": ["timeseries", "GraphFieldConfig"],
  "state-timeline": ["statetimeline", "FieldConfig"],
  "table": ["table", "TableFieldOptions"],
  "stat": ["stat", null],
  "bargauge": ["bargauge", null],
};

function makeValidators() {
  const imports = [`import * as dashboard from "${SDK}/dashboard/types.gen";`,
    `import * as common from "${SDK}/common/types.gen";`,
    `import * as prometheus from "${SDK}/prometheus/types.gen";`];
  const members = ["dashboard: dashboard.Dashboard", "panel: dashboard.Panel", "row: dashboard.RowPanel",
    "target: Omit<prometheus.Dataquery, '_implementsDataqueryVariant'>"];
  for (const [kind, [folder, custom]] of Object.entries(KINDS)) {
    imports.push(`import * as ${folder} from "${SDK}/${folder}/types.gen";`);
    members.push(`"options ${kind}": ${folder}.Options`);
    const owner = custom === "FieldConfig" ? folder : "common";
    members.push(`"custom ${kind}": ${custom ? `Partial<${owner}.${custom}>` : "Record<string, never>"}`);
  }
  writeFileSync("everything.ts", `${imports.join("\n")}\nexport interface Everything {\n  ${members.join(";\n  ")};\n}\n`);
  const schema = createGenerator({
    path: "everything.ts", type: "Everything", skipTypeCheck: true, additionalProperties: false,
    // Kinds have types of the same name.
    expose: "none",
  }).createSchema("Everything");
  const ajv = new Ajv({ allErrors: true, strict: false, discriminator: false });
  ajv.addSchema(schema, "all");
  return (name, value) => {
    const place = `all#/definitions/Everything/properties/${encodeURIComponent(name)}`;
    const valid = ajv.getSchema(place);
    if (!valid) throw new Error(`no type for ${name}`);
    // Of alternatives, what is furthest inside tells most.
    return valid(value) ? [] : valid.errors
      .sort((a, b) => b.instancePath.length - a.instancePath.length).slice(0, 3)
      .map((e) => `${e.instancePath} ${e.message} ${JSON.stringify(e.params)}`);
  };
}

function check(board, validate) {
  const found = [];
  const look = (where, name, value) =>
    found.push(...validate(name, value).map((error) => `${where}: ${error}`));
  look("dashboard", "dashboard", { ...board, panels: [] });
  for (const { targets, options, fieldConfig, ...panel } of board.panels) {
    const where = `panel "${panel.title}"`;
    if (panel.type === "row") {
      look(where, "row", panel);
      continue;
    }
    if (!(panel.type in KINDS)) {
      found.push(`${where}: no type for panels of kind ${panel.type}`);
      continue;
    }
    const { custom, ...defaults } = fieldConfig.defaults;
    look(where, "panel", { ...panel, fieldConfig: { ...fieldConfig, defaults } });
    look(`${where}, options`, `options ${panel.type}`, options);
    look(`${where}, custom`, `custom ${panel.type}`, custom ?? {});
    for (const { matcher, properties } of fieldConfig.overrides) {
      for (const { id, value } of properties) {
        // The types take a field's links for links of a dashboard, which have icons.
        if (id === "links") continue;
        const at = `${where}, override of ${matcher.options}`;
        if (id.startsWith("custom.")) look(at, `custom ${panel.type}`, { [id.slice(7)]: value });
        else look(at, "panel", { type: panel.type, fieldConfig: { defaults: { [id]: value }, overrides: [] } });
      }
    }
    for (const target of targets) look(`${where}, query ${target.refId}`, "target", target);
  }
  return found;
}

const validate = makeValidators();
let findings = 0;
for (const file of process.argv.slice(2)) {
  for (const finding of check(JSON.parse(readFileSync(file, "utf8")), validate)) {
    console.log(`${basename(file)}: ${finding}`);
    ++findings;
  }
}
process.exit(findings ? 1 : 0);
