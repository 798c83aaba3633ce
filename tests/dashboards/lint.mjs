// SPDX-License-Identifier: Apache-2.0
// The rules of Grafana's dashboard-linter that concern Prometheus, in own words: node lint.mjs FILE…
// Beside them: every panel has an id of its own, and links lead to dashboards that exist.
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { parser } from "@prometheus-io/lezer-promql";

// What Grafana puts in the place of its variables; any values that parse.
const SAMPLES = { __rate_interval: "5m", __range: "3h", __interval: "15s" };
const DATA_VARIABLES = ["job", "instance"];

const substitute = (text) =>
  text.replace(/\$\{?(\w+)(?::\w+)?\}?/g, (_, name) => SAMPLES[name] ?? `value_of_${name}`);

// The syntax tree; throws where the expression does not parse (the grammar itself recovers).
function parse(expression) {
  const text = substitute(expression);
  const tree = parser.parse(text);
  tree.iterate({
    enter(node) {
      if (node.type.isError) throw new Error(`does not parse at ${node.from}: ${text}`);
    },
  });
  return { tree, text };
}

// Each selector: its metric, the text of its matchers, and the function that it stands directly in.
function selectors(expression) {
  const { tree } = parse(expression);
  const text = substitute(expression);
  const found = [];
  tree.iterate({
    enter(ref) {
      if (ref.name !== "VectorSelector") return;
      const node = ref.node;
      const matrix = node.parent?.name === "MatrixSelector" ? node.parent : null;
      let around = (matrix ?? node).parent;
      while (around && around.name === "FunctionCallBody") around = around.parent;
      const call = around?.name === "FunctionCall" ? around.getChild("FunctionIdentifier") : null;
      const name = node.getChild("Identifier");
      found.push({
        metric: name ? text.slice(name.from, name.to) : "",
        matchers: text.slice(node.from, node.to),
        call: call ? text.slice(call.from, call.to) : "",
      });
    },
  });
  return found;
}

// function[range] pairs as they are written, before anything is put in.
const ranges = (expression) => [...expression.matchAll(/\b(\w+)\([^()[\]]*\[([^\]:]+)/g)].map((m) => [m[1], m[2]]);

function lintVariables(board, find) {
  const list = board.templating.list;
  const source = list.find((v) => v.type === "datasource");
  if (source?.name !== "datasource" || source.label !== "Data source") {
    find("the variable of the data source is called datasource, \"Data source\"");
  }
  for (const name of DATA_VARIABLES) {
    const one = list.find((v) => v.name === name);
    const label = name[0].toUpperCase() + name.slice(1);
    if (!one || one.type !== "query" || !one.multi || one.allValue !== ".+" || one.label !== label) {
      find(`variable ${name}: a query, several at a time, all is ".+", called ${label}`);
    }
  }
  for (const one of list.filter((v) => v.type === "query")) {
    const query = one.query.query;
    const inner = query.match(/^label_values\((?:(.*), *)?\w+\)$|^(?:label_names|metrics)\(.*\)$|^query_result\((.*)\)$/);
    if (!inner) find(`variable ${one.name}: ${query} is not a query that variables can have`);
    for (const part of inner?.slice(1).filter(Boolean) ?? []) tryTo(() => parse(part), (e) => find(`variable ${one.name}: ${e}`));
    if (one.refresh !== 2) find(`variable ${one.name}: is not asked again when the time range changes`);
    if (one.datasource?.uid !== "${datasource}") find(`variable ${one.name}: another data source`);
  }
}

function tryTo(work, failed) {
  try {
    return work();
  } catch (error) {
    failed(error.message);
    return null;
  }
}

function lintTarget(expression, find) {
  const all = tryTo(() => selectors(expression), find);
  for (const { metric, matchers, call } of all ?? []) {
    for (const label of DATA_VARIABLES) {
      if (!matchers.includes(`${label}=~"value_of_${label}"`)) find(`${metric} does not heed $${label}`);
    }
    if (/_(total|bucket|sum|count)$/.test(metric) && !["rate", "irate", "increase"].includes(call)) {
      find(`${metric} is a counter, and not in rate, irate or increase`);
    }
  }
  for (const [name, range] of ranges(expression)) {
    if (["rate", "irate"].includes(name) && range !== "$__rate_interval") find(`${name} over ${range}`);
  }
}

function lintPanel(panel, find) {
  if (!panel.title) find("no title");
  if (!panel.description) find("no description");
  if (panel.datasource?.uid !== "${datasource}") find("another data source");
  const defaults = panel.fieldConfig.defaults;
  if (!defaults.unit && !defaults.mappings?.length) find("no unit");
  if (!panel.targets?.length) find("no query");
  for (const target of panel.targets ?? []) {
    if (target.datasource?.uid !== "${datasource}") find(`query ${target.refId}: another data source`);
    lintTarget(target.expr, (text) => find(`query ${target.refId}: ${text}`));
  }
}

const boards = process.argv.slice(2).map((file) => [basename(file), JSON.parse(readFileSync(file, "utf8"))]);
const uids = boards.map(([, board]) => board.uid);
let findings = 0;
for (const [file, board] of boards) {
  const find = (text) => {
    console.log(`${file}: ${text}`);
    ++findings;
  };
  if (board.editable !== false) find("is editable: what is changed there is lost with the next update");
  lintVariables(board, find);
  for (const one of board.annotations.list) {
    lintTarget(one.expr, (text) => find(`annotation ${one.name}: ${text}`));
  }
  for (const panel of board.panels.filter((p) => p.type !== "row")) {
    lintPanel(panel, (text) => find(`panel "${panel.title}": ${text}`));
  }
  const ids = board.panels.map((p) => p.id);
  if (ids.some((id, n) => !id || ids.indexOf(id) !== n)) find("panels without an id of their own");
  for (const [, uid] of JSON.stringify(board).matchAll(/"\/d\/([\w-]+)/g)) {
    if (!uids.includes(uid)) find(`a link leads to ${uid}, which is none of the dashboards`);
  }
}
if (boards.length === 0) console.log(++findings && "no dashboard was looked at");
process.exit(findings ? 1 : 0);
