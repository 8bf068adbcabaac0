// The package, and the programs that are installed with its tools.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const PACKAGE = fileURLToPath(new URL("..", import.meta.url));
export const DENO = tool("@deno", "deno");
export const BUN = tool("@oven", "bin/bun");

/** The ready worker of a built package, for miniflare. */
export function worker(folder) {
  return {
    modules: true,
    rootPath: folder,
    modulesRoot: folder,
    scriptPath: "worker.js",
    modulesRules: [
      { type: "ESModule", include: ["**/*.js"] },
      { type: "CompiledWasm", include: ["**/*.wasm"] },
    ],
    compatibilityDate: "2026-01-01",
  };
}

export const WORKER = worker(join(PACKAGE, "dist"));

function tool(scope, path) {
  const scoped = join(PACKAGE, "node_modules", scope);
  return join(scoped, readdirSync(scoped)[0], path);
}
