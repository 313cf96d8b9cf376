// Draws a dashboard's JSON with Grafana's own components, from a Prometheus' answers. Bundled by shot.mjs.
//
// What Grafana does between the two (variables, transformations, overrides) is done here as far as our dashboards use
// it; variables and durations were filled in before.
// `require`, so that the packages' CommonJS files are taken: in the others, esbuild sees what older packages export as
// Node would, and a component is an object that holds one.
const {
  createTheme, EventBusSrv, FieldType, getDisplayProcessor, renderMarkdown, dateTime, ThemeContext,
} = require("@grafana/data");
const { BarGauge, BigValue, GlobalStyles, PanelChrome, PanelContextProvider, Table, TimeSeries } = require("@grafana/ui");
const { createElement: h, useEffect, useState } = require("react");
const { createRoot } = require("react-dom/client");

const { dashboard, prometheus, from, to } = window.newsmill;
const theme = createTheme({ colors: { mode: "dark" } });
const COLUMN = 66, CELL = 38, GAP = 8, STEP_SECONDS = 1;

const LINE = { drawStyle: "line", lineInterpolation: "linear", lineWidth: 1, fillOpacity: 0, showPoints: "never",
  pointSize: 5, axisPlacement: "auto", scaleDistribution: { type: "linear" }, spanNulls: false, barAlignment: 0,
  hideFrom: { legend: false, tooltip: false, viz: false }, stacking: { mode: "none", group: "A" },
  thresholdsStyle: { mode: "off" }, gradientMode: "none" };

async function ask(target) {
  const asked = { query: target.expr };
  if (target.range) Object.assign(asked, { start: from, end: to, step: STEP_SECONDS });
  else asked.time = to;
  const answer = await fetch(`${prometheus}/api/v1/query${target.range ? "_range" : ""}?${new URLSearchParams(asked)}`);
  const body = await answer.json();
  if (body.status !== "success") throw new Error(`${target.expr}: ${body.error}`);
  return body.data.result;
}

const legendOf = (target, labels) => (target.legendFormat ?? "").replace(/{{(\w+)}}/g, (_, name) => labels[name] ?? "");

function configured(panel, name, field, index) {
  const defaults = panel.fieldConfig?.defaults ?? {};
  const config = { ...defaults, displayName: name, custom: { ...LINE, ...defaults.custom } };
  const steps = defaults.thresholds.steps.map((step) => ({ ...step, value: step.value ?? -Infinity }));
  config.thresholds = { ...defaults.thresholds, steps };
  for (const override of panel.fieldConfig?.overrides ?? []) {
    if (override.matcher.id !== "byName" || override.matcher.options !== name) continue;
    for (const { id, value } of override.properties) {
      if (id.startsWith("custom.")) config.custom[id.slice(7)] = value;
      else config[id] = value;
    }
  }
  const numbers = field.values.filter((each) => typeof each === "number");
  const range = { min: Math.min(...numbers, 0), max: Math.max(...numbers, 0) };
  const state = { seriesIndex: index, displayName: name, range: { ...range, delta: range.max - range.min } };
  const made = { ...field, name, config, state };
  made.display = getDisplayProcessor({ field: made, theme });
  return made;
}

async function series(panel) {
  const found = [];
  for (const target of panel.targets ?? []) {
    for (const one of await ask(target)) {
      found.push({ name: legendOf(target, one.metric), values: one.values ?? [one.value], labels: one.metric });
    }
  }
  return found;
}

const number = (text) => (text === "NaN" ? null : Number(text));

function frameOf(panel, { name, values }, index) {
  const time = { name: "Time", type: FieldType.time, config: {}, values: values.map(([at]) => at * 1000) };
  time.display = getDisplayProcessor({ field: time, theme });
  const value = { type: FieldType.number, values: values.map(([, text]) => number(text)) };
  return { fields: [time, configured(panel, name || panel.title, value, index)], length: values.length };
}

function Stat({ panel, found, width, height }) {
  const frame = found.length ? frameOf(panel, found[0], 0) : null;
  const field = frame?.fields[1];
  const last = field?.values.filter((each) => each !== null).at(-1);
  const value = last === undefined ? { text: panel.fieldConfig.defaults.noValue, numeric: NaN } : field.display(last);
  const { colorMode, graphMode } = panel.options;
  const sparkline = frame && { y: field, x: frame.fields[0] };
  return h(BigValue, { theme, width, height, value: { ...value, title: undefined }, colorMode, graphMode, sparkline,
    justifyMode: "auto", textMode: "auto" });
}

function Lines({ panel, found, width, height }) {
  const frames = found.map((one, index) => frameOf(panel, one, index));
  const timeRange = { from: dateTime(from * 1000), to: dateTime(to * 1000), raw: { from: "", to: "" } };
  if (!frames.length) return h(Nothing);
  return h(TimeSeries, { frames, width, height, timeRange, timeZone: "utc", legend: panel.options.legend, options: {} });
}

function Bars({ panel, found, width, height }) {
  if (!found.length) return h(Nothing);
  const fields = found.map((one, index) => frameOf(panel, one, index).fields[1]);
  const numbers = fields.map((field) => field.values[0] ?? 0);
  const range = { min: Math.min(0, ...numbers), max: Math.max(...numbers, Number.EPSILON) };
  const each = Math.min(34, (height - 4) / fields.length - 4);
  return h("div", { style: { display: "flex", flexDirection: "column", gap: 4 } }, fields.map((field, index) => {
    Object.assign(field.config, range);
    const value = { ...field.display(numbers[index]), title: field.name };
    return h(BarGauge, { key: field.name, theme, width, height: each, value, field: field.config, display: field.display,
      orientation: "horizontal", displayMode: panel.options.displayMode, namePlacement: panel.options.namePlacement, text: { titleSize: 13, valueSize: 14 } });
  }));
}

function Rows({ panel, found, width, height }) {
  const [kept, named] = panel.transformations.map((step) => step.options);
  const rows = found.map(({ labels, values }) => ({ ...labels, Value: number(values.at(-1)[1]) }));
  if (!rows.length) return h(Nothing);
  const fields = kept.include.names.map((name, index) => {
    const type = name === "Value" ? FieldType.number : FieldType.string;
    const made = configured(panel, named.renameByName[name] ?? name, { type, values: rows.map((row) => row[name] ?? "") }, index);
    if (type === FieldType.string) made.display = (text) => ({ text: `${text}`, numeric: NaN });
    made.config = { ...made.config, custom: { align: "auto", cellOptions: { type: "auto" }, width: Math.floor((width * (index ? 1 : 1.5)) / (kept.include.names.length + 0.5)) } };
    made.getLinks = () => [];
    return made;
  });
  return h(Table, { data: { fields, length: rows.length }, width, height, showTypeIcons: false });
}

const Nothing = () => h("div", { style: { color: theme.colors.text.secondary, padding: 8 } }, "nothing");

function Text({ panel }) {
  return h("div", { className: "markdown-html", style: { padding: 4, fontSize: 13 },
    dangerouslySetInnerHTML: { __html: renderMarkdown(panel.options.content) } });
}

const KINDS = { stat: Stat, timeseries: Lines, bargauge: Bars, table: Rows, text: Text };

function Panel({ panel, found }) {
  const { x, y, w, h: rows } = panel.gridPos;
  const place = { position: "absolute", left: x * COLUMN + GAP, top: y * CELL + GAP };
  if (panel.type === "row") {
    return h("div", { style: { ...place, fontSize: 16, fontWeight: 500, paddingTop: 6 } }, panel.title);
  }
  const size = { width: w * COLUMN - GAP, height: rows * CELL - GAP };
  return h("div", { style: place }, h(PanelChrome, { title: panel.title, description: panel.description, ...size },
    (width, height) => h(KINDS[panel.type], { panel, found, width, height })));
}

function Page() {
  const [answers, setAnswers] = useState(null);
  useEffect(() => {
    Promise.all(dashboard.panels.map(series)).then(setAnswers, (error) => { document.title = `failed: ${error.message}`; });
  }, []);
  useEffect(() => { if (answers) setTimeout(() => { document.title = "drawn"; }, 1500); }, [answers]);
  const rows = Math.max(...dashboard.panels.map(({ gridPos }) => gridPos.y + gridPos.h));
  const context = { canAddAnnotations: () => false, canEditAnnotations: () => false, canDeleteAnnotations: () => false,
    eventsScope: "global", eventBus: new EventBusSrv() };
  return h(ThemeContext.Provider, { value: theme }, h(GlobalStyles, { hackNoBackdropBlur: true, isExtensionSidebarOpen: false }),
    h(PanelContextProvider, { value: context },
      h("div", { style: { position: "relative", width: 24 * COLUMN + GAP, height: rows * CELL + GAP } },
        answers && dashboard.panels.map((panel, at) => h(Panel, { key: at, panel, found: answers[at] })))));
}

document.body.style.background = theme.colors.background.canvas;
createRoot(document.getElementById("root")).render(h(Page));
