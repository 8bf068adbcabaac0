/** The host for browsers. */

import urls from "./component/urls.js";
import { Standalone } from "./standalone.js";

/** Loads the component of this package. */
export async function load(): Promise<Standalone> {
  const compiled = new Map(await Promise.all(Object.entries(urls).map(compile)));
  return new Standalone((file) => compiled.get(file)!);
}

/** Fetches and compiles a core module of the component. */
async function compile([file, url]: [string, URL]): Promise<[string, WebAssembly.Module]> {
  const response = await fetch(url);
  if (!response.ok) {
    throw new Error(`cannot fetch ${response.url}: the server answered ${response.status}`);
  }
  // Not `compileStreaming`: it insists on a content type that not every web server sends.
  return [file, await WebAssembly.compile(await response.arrayBuffer())];
}
