// SPDX-License-Identifier: Apache-2.0
// Bundles the page: node render/build.mjs, in the folder with node_modules. The result is in page/.
import { cpSync, rmSync } from "node:fs";
import { build } from "esbuild";

rmSync("page", { recursive: true, force: true });
await build({
  entryPoints: ["render/page.jsx", "render/boot.js"], outdir: "page", bundle: true, format: "esm",
  splitting: true, minify: true, jsx: "automatic", target: "chrome120", logLevel: "error",
  alias: { "react-router-dom-v5-compat": "react-router-dom" },
  define: { "process.env.NODE_ENV": '"production"', global: "globalThis" },
  loader: { ".svg": "dataurl", ".png": "dataurl", ".woff2": "dataurl", ".ttf": "dataurl" },
});
cpSync("render/index.html", "page/index.html");
