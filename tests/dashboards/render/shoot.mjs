// SPDX-License-Identifier: Apache-2.0
// Shows dashboards in headless Chromium, looks at every panel, and takes their pictures:
//   node render/shoot.mjs [--theme light] FOLDER DATA.json…
// Each DATA.json is what render/page.jsx wants. FOLDER gets NAME.png, the whole page, and
// NAME-PANEL.png. What is wrong goes to standard output, a line each; then the exit status is 1.
import { createReadStream, existsSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { basename, extname, join, normalize } from "node:path";
import { chromium } from "playwright-core";

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".json": "application/json" };
// What pages ask for outside of the bundle: icons, and the font, which @grafana/ui does not bring.
const ELSEWHERE = [
  [/^\/public\/build\/img\/(.+)$/, (name) => join("node_modules/@grafana/ui/dist/public/img", name)],
  [/^\/public\/fonts\/inter\/(.+)\.woff2$/, (name) => `/usr/share/fonts/opentype/inter/${name}.otf`],
];
const WIDTH = 1500;

const words = process.argv.slice(2);
const theme = words[0] === "--theme" ? words.splice(0, 2)[1] : "dark";
const [folder, ...files] = words;
let findings = 0;
const find = (name, text) => {
  console.log(`${name}: ${text.replace(/\s+/g, " ").slice(0, 300)}`);
  ++findings;
};

let current;
const server = createServer((request, response) => {
  const path = normalize(decodeURIComponent(new URL(request.url, "http://x").pathname));
  const [outside] = ELSEWHERE.filter(([pattern]) => pattern.test(path)).map(([pattern, place]) => place(path.match(pattern)[1]));
  const file = path === "/data.json" ? current : outside ?? join("page", path === "/" ? "index.html" : path);
  if (!existsSync(file) || !statSync(file).isFile()) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, { "Content-Type": TYPES[extname(file)] ?? "application/octet-stream" });
  createReadStream(file).pipe(response);
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));

// In the page: whether something was drawn there, and what its words are.
function look(section) {
  const painted = [...section.querySelectorAll("canvas")].every((canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return data.some((byte, n) => n % 4 === 3 && byte > 0);
  });
  return {
    title: section.dataset.title, kind: section.dataset.kind, text: section.innerText, painted,
    canvases: section.querySelectorAll("canvas").length, shapes: section.querySelectorAll("svg rect").length,
    errors: [...section.querySelectorAll(".panel-error, .query-error")].map((e) => e.innerText),
    nothing: section.querySelector(".nothing")?.innerText,
  };
}

async function shoot(browser, file) {
  const name = basename(file, ".json");
  const board = JSON.parse(readFileSync(file, "utf8")).board;
  const wanted = board.panels.filter((panel) => panel.type !== "row");
  const page = await browser.newPage({ viewport: { width: WIDTH, height: 900 }, reducedMotion: "reduce" });
  page.on("pageerror", (error) => find(name, `page error: ${error.message}`));
  page.on("console", (message) => message.type() === "error" && find(name, `console: ${message.text()}`));
  page.on("response", (r) => r.status() >= 400 && find(name, `${r.status()} for ${new URL(r.url()).pathname}`));
  current = file;
  await page.goto(`http://127.0.0.1:${server.address().port}/?theme=${theme}`);
  await page.waitForFunction((count) => document.querySelectorAll("[data-panel]").length === count, wanted.length, { timeout: 60000 })
    .catch(async () => find(name, `there are ${await page.locator("[data-panel]").count()} panels, not ${wanted.length}`));
  // What is drawn is drawn in the next frames.
  await page.waitForLoadState("networkidle");
  await page.evaluate(() => new Promise((resolve) => { requestAnimationFrame(() => requestAnimationFrame(resolve)); }));

  const height = await page.evaluate(() => document.querySelector("main").offsetHeight);
  await page.setViewportSize({ width: WIDTH, height: height + 1 });
  await page.screenshot({ path: join(folder, `${name}.png`) });
  for (const section of await page.locator("[data-panel]").all()) {
    const seen = await section.evaluate(look);
    const at = `${name}: ${seen.title}`;
    for (const error of seen.errors) find(at, error);
    if (seen.nothing === "No data") find(at, "No data");
    else if (/\bNaN\b|\bundefined\b|Invalid date|No data/.test(seen.text)) find(at, `says ${seen.text}`);
    if (!seen.nothing && !seen.errors.length) {
      if (seen.kind === "timeseries" && (seen.canvases === 0 || !seen.painted)) find(at, "nothing is drawn");
      if (seen.kind === "state-timeline" && seen.shapes === 0) find(at, "nothing is drawn");
    }
    const file_name = `${name}-${seen.title.toLowerCase().replace(/\W+/g, "-")}.png`;
    await section.screenshot({ path: join(folder, file_name) });
  }
  await page.close();
}

mkdirSync(folder, { recursive: true });
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  // As root in a namespace it cannot make a sandbox of its own. The others make pictures repeatable.
  args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-lcd-text", "--num-raster-threads=1", "--disable-partial-raster"],
});
for (const file of files) await shoot(browser, file);
await browser.close();
server.close();
process.exit(findings ? 1 : 0);
