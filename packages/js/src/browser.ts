/** The host for browsers. */

import type { CoreModules } from "./catalog.js";
import type { Plugin } from "./plugin.js";
import { Standalone } from "./standalone.js";

/** Loads the plugin component of this package. */
export async function load(): Promise<Plugin> {
  // A page that holds its catalogs in memory does without this component and its code.
  const { Plugin } = await import("./plugin.js");
  return new Plugin(await coreModules("plugin"));
}

/** Loads the standalone component of this package. */
export async function loadStandalone(): Promise<Standalone> {
  return new Standalone(await coreModules("standalone"));
}

/** Fetches and compiles the core modules of a component, which lie beside this file. */
async function coreModules(component: string): Promise<CoreModules> {
  const files = ["core", "core2", "core3"].map((core) => `${component}.${core}.wasm`);
  const compiled = new Map(await Promise.all(files.map(compile)));
  return (file) => compiled.get(file)!;
}

async function compile(file: string): Promise<[string, WebAssembly.Module]> {
  const response = await fetch(new URL(`component/${file}`, import.meta.url));
  if (!response.ok) {
    throw new Error(`cannot fetch ${response.url}: the server answered ${response.status}`);
  }
  // Not `compileStreaming`: it insists on a content type that not every web server sends.
  return [file, await WebAssembly.compile(await response.arrayBuffer())];
}
