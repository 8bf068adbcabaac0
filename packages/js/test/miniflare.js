// Runs the ready worker in workerd. Takes what the package's command takes: the modules are put into
// Workers KV, or are those of an upstream.

import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";

import { Miniflare } from "miniflare";

import { WORKER } from "./tools.js";

const { values } = parseArgs({
  options: {
    access: { type: "string" },
    binding: { type: "string", multiple: true, default: [] },
    file: { type: "string" },
    port: { type: "string" },
    upstream: { type: "string" },
  },
});
const bindings = Object.fromEntries(values.binding.map((binding) => binding.split("=", 2)));
if (values.access) {
  bindings.CCS_ACCESS = readFileSync(values.access, "utf8");
}
if (values.upstream) {
  bindings.CCS_HTTP_URL = values.upstream;
}

const miniflare = new Miniflare({
  ...WORKER,
  kvNamespaces: ["CCS"],
  bindings,
  host: "127.0.0.1",
  port: Number(values.port),
});
process.once("SIGTERM", () => miniflare.dispose());

if (values.file) {
  const store = await miniflare.getKVNamespace("CCS");
  await store.put("modules", new Uint8Array(readFileSync(values.file)).buffer);
}
await miniflare.ready;
console.log("ready");
