// Parse each AsyncAPI document that is named; one JSON line each: what the parser found, and how much it saw.
import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";

const parser = new Parser();
for (const path of process.argv.slice(2)) {
  const { document, diagnostics } = await parser.parse(readFileSync(path, "utf8"));
  const faults = diagnostics.map(({ code, path, message }) => `${code} at ${path.join(".")}: ${message}`);
  console.log(JSON.stringify({ faults, version: document?.version(), channels: document?.allChannels().length }));
}
