// node shot.mjs JOB.json: bundle page.mjs, draw each dashboard of the job in headless Chromium, save the pictures.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { build } from "esbuild";
import { chromium } from "playwright-core";

const home = import.meta.dirname;
const job = JSON.parse(readFileSync(process.argv[2], "utf-8"));
const WIDTH = 24 * 66 + 8;

const { outputFiles } = await build({
  entryPoints: [join(home, "page.mjs")], bundle: true, write: false, format: "esm", minify: true, outdir: "out",
  define: { "process.env.NODE_ENV": '"production"', global: "window" }, logLevel: "error",
  loader: { ".svg": "text", ".png": "dataurl", ".woff": "dataurl", ".woff2": "dataurl", ".ttf": "dataurl" },
});
const script = outputFiles.find(({ path }) => path.endsWith(".js")).contents;
const styles = outputFiles.find(({ path }) => path.endsWith(".css"))?.contents ?? "";

const icons = join(home, "node_modules", "@grafana", "ui", "dist");
let current = "";
const server = createServer((request, response) => {
  const path = new URL(request.url, "http://here").pathname;
  if (path === "/") response.setHeader("content-type", "text/html").end(current);
  else if (path === "/page.js") response.setHeader("content-type", "text/javascript").end(script);
  else if (path === "/page.css") response.setHeader("content-type", "text/css").end(styles);
  else {
    try {
      const type = path.endsWith(".svg") ? "image/svg+xml" : "application/octet-stream";
      response.setHeader("content-type", type).end(readFileSync(join(icons, path.replace("/build", ""))));
    } catch {
      response.writeHead(404).end();
    }
  }
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));

const browser = await chromium.launch({ executablePath: job.chromium, args: ["--no-sandbox", "--disable-gpu"] });
try {
  for (const { dashboard, picture } of job.pages) {
    const told = JSON.stringify({ dashboard, prometheus: job.prometheus, from: job.from, to: job.to });
    current = `<!doctype html><meta charset="utf-8"><link rel="stylesheet" href="/page.css"><body><div id="root"></div>
      <script>window.newsmill = ${told.replaceAll("<", "\\u003c")};</script><script type="module" src="/page.js"></script>`;
    const page = await browser.newPage({ viewport: { width: WIDTH, height: 900 } });
    const said = [];
    page.on("pageerror", (error) => said.push(error.stack));
    page.on("console", (line) => line.type() === "error" && said.push(line.text()));
    await page.goto(`http://127.0.0.1:${server.address().port}/`);
    try {
      await page.waitForFunction(() => document.title !== "", null, { timeout: 60000 });
      if ((await page.title()) !== "drawn") throw new Error(await page.title());
    } catch (error) {
      throw new Error(`${picture}: ${error.message}\n${said.join("\n")}`);
    }
    await page.screenshot({ path: picture, fullPage: true });
    await page.close();
    if (process.env.VERBOSE) console.log(picture, [...new Set(said)].join("\n"));
  }
} finally {
  await browser.close();
  server.close();
}
