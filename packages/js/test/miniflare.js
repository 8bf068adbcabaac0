// Runs the ready worker in workerd, its store filled from a file. Takes what the package's command takes.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { Miniflare } from "miniflare";

const { values } = parseArgs({
  options: { access: { type: "string" }, file: { type: "string" }, port: { type: "string" } },
});
const root = fileURLToPath(new URL("../dist", import.meta.url));
const access = values.access && JSON.parse(readFileSync(values.access, "utf8"));

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
  bindings: access ? { CCS_ACCESS: access } : {},
  host: "127.0.0.1",
  port: Number(values.port),
});
process.once("SIGTERM", () => miniflare.dispose());

const store = await miniflare.getKVNamespace("CCS");
await store.put("modules", new Uint8Array(readFileSync(values.file)).buffer);
console.log("filled");
