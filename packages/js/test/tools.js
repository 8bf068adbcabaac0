// The package, and the programs that are installed with its tools.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { format } from "node:util";

import { Standalone } from "ccs-modules";

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

/** Waits until something is so. */
export async function until(holds) {
  while (!(await holds())) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** Keeps what is logged as errors until it is restored. */
export function errorLog() {
  const { error } = console;
  const lines = [];
  console.error = (...parts) => lines.push(format(...parts));
  return { lines, restore: () => (console.error = error) };
}

/** Awaits work, and returns what it logs. */
export async function silenced(work) {
  const log = errorLog();
  try {
    await work();
  } finally {
    log.restore();
  }
  return log.lines;
}

/** The component of the package, whose memory cannot grow beyond this many pages of 64 KiB. */
export function withMemory(pages) {
  const compiled = new Map();
  return new Standalone((file) => {
    if (!compiled.has(file)) {
      const bytes = readFileSync(join(PACKAGE, "dist/component", file));
      compiled.set(file, new WebAssembly.Module(bounded(bytes, pages)));
    }
    return compiled.get(file);
  });
}

/** A core module with a maximum for its memory, if it defines one. */
function bounded(bytes, pages) {
  for (let at = 8; at < bytes.length; ) {
    const [length, start] = leb128(bytes, at + 1);
    if (bytes[at] === MEMORY_SECTION) {
      const [, end] = leb128(bytes, start + 2);
      const memory = [1, 1, ...bytes.subarray(start + 2, end), 0x80 | (pages & 0x7f), pages >> 7];
      const section = [MEMORY_SECTION, memory.length, ...memory];
      return Buffer.concat([bytes.subarray(0, at), Uint8Array.from(section), bytes.subarray(start + length)]);
    }
    at = start + length;
  }
  return bytes;
}

const MEMORY_SECTION = 5;

/** The number at a position, and the position after it. */
function leb128(bytes, at) {
  let number = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++];
    number |= (byte & 0x7f) << shift;
    if (byte < 0x80) {
      return [number, at];
    }
  }
}
