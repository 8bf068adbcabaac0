// Runs the ready worker in workerd. Takes what the package's command takes: the modules are put into
// Workers KV, or are those of an upstream.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { Miniflare } from "miniflare";

const { values } = parseArgs({
  options: {
    access: { type: "string" },
    binding: { type: "string", multiple: true, default: [] },
    file: { type: "string" },
    port: { type: "string" },
    upstream: { type: "string" },
  },
});
const root = fileURLToPath(new URL("../dist", import.meta.url));
const bindings = Object.fromEntries(values.binding.map((binding) => binding.split("=", 2)));
if (values.access) {
  bindings.CCS_ACCESS = readFileSync(values.access, "utf8");
}
if (values.upstream) {
  bindings.CCS_HTTP_URL = values.upstream;
}

const miniflare = new Miniflare({
  modules: true,
  rootPath: root,
  modulesRoot: root,
  scriptPath: "worker.js",
  modulesRules: [
    { type: "ESModule", include: ["**/*.js"] },
    { type: "CompiledWasm", include: ["**/*.wasm"] },
  ],
  compatibilityDate: "2026-01-01",
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
