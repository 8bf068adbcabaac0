/** The page's worker. It has the catalogs, so that the page stays responsive while a long one is read. */

import { load } from "./ccs-modules/browser.js";
import { MalformedError } from "./ccs-modules/snapshot.js";
import { Catalogs } from "./catalogs.js";
import type { Call, Reply } from "./remote.js";

const catalogs = load().then((standalone) => new Catalogs(standalone, MalformedError));

addEventListener("message", async ({ data }: MessageEvent<Call>) => {
  const { id, method, parameters } = data;
  let reply: Reply;
  try {
    const held = await catalogs;
    const call = held[method] as (...parameters: unknown[]) => unknown;
    reply = { id, value: await call.apply(held, parameters) };
  } catch (error) {
    reply = { id, failure: error instanceof Error ? error.message : `${error}` };
  }
  postMessage(reply);
});
