// The package, and the programs that are installed with its tools.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const PACKAGE = fileURLToPath(new URL("..", import.meta.url));
export const DENO = tool("@deno", "deno");
export const BUN = tool("@oven", "bin/bun");

function tool(scope, path) {
  const scoped = join(PACKAGE, "node_modules", scope);
  return join(scoped, readdirSync(scoped)[0], path);
}
