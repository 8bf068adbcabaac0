/** The host for browsers. */

import { Standalone } from "./standalone.js";

/** Loads the component of this package. */
export async function load(): Promise<Standalone> {
  const files = ["core", "core2", "core3"].map((core) => `standalone.${core}.wasm`);
  const compiled = new Map(await Promise.all(files.map(compile)));
  return new Standalone((file) => compiled.get(file)!);
}

/** Fetches and compiles a core module of the component, which lies beside this file. */
async function compile(file: string): Promise<[string, WebAssembly.Module]> {
  const response = await fetch(new URL(`component/${file}`, import.meta.url));
  if (!response.ok) {
    throw new Error(`cannot fetch ${response.url}: the server answered ${response.status}`);
  }
  // Not `compileStreaming`: it insists on a content type that not every web server sends.
  return [file, await WebAssembly.compile(await response.arrayBuffer())];
}
