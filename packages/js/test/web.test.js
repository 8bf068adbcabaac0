// Handlers by the types of the web, and behind the own server of Node, Deno and Bun.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";

import { serveCatalog } from "ccs-modules";
import { listener, load, withPage } from "ccs-modules/node";

const standalone = load();
const everybody = standalone.authenticate('{"anonymous":["db_viewer"]}');
const catalog = standalone.parse('[{"uid":"é"}]');
const URL_OF_LIST = "http://localhost/v1/modules";

test("a Request gets a Response with the bytes of every host", async () => {
  const { fetch } = serveCatalog(() => catalog, everybody);
  const list = await fetch(new Request(URL_OF_LIST));
  assert.deepEqual([list.status, await list.text()], [200, '[{"uid":"é"}]\n']);
  assert.equal(list.headers.get("content-length"), "15");

  const one = await fetch(new Request(`${URL_OF_LIST}/%C3%A9`, { method: "HEAD" }));
  assert.deepEqual([one.status, one.headers.get("content-length"), await one.text()], [200, "13", ""]);
  const known = await fetch(new Request(URL_OF_LIST, { headers: { "if-none-match": list.headers.get("etag") } }));
  assert.deepEqual([known.status, await known.text()], [304, ""]);
});

test("authenticate gets the header fields of a Request", async () => {
  const { fetch } = serveCatalog(() => catalog, (headers) =>
    headers.some(([name, value]) => name === "x-token" && value === "1") ? ["db_viewer"] : undefined,
  );
  assert.equal((await fetch(new Request(URL_OF_LIST, { headers: { "X-Token": "1" } }))).status, 200);
  assert.equal((await fetch(new Request(URL_OF_LIST))).status, 401);
});

test("the page answers a Request too", async () => {
  const { fetch } = withPage(serveCatalog(() => catalog, everybody), everybody, standalone);
  const page = await fetch(new Request("http://localhost/?x=1"));
  assert.match(await page.text(), /^<!doctype html>/);
  assert.equal((await fetch(new Request(URL_OF_LIST))).status, 200);
});

test("the runtime's own server takes the handler", async () => {
  const { port, stop } = await serving(serveCatalog(() => catalog, everybody));
  try {
    const response = await fetch(`http://localhost:${port}/v1/modules`);
    assert.equal(await response.text(), '[{"uid":"é"}]\n');
  } finally {
    await stop();
  }
});

test("what happens is given to a log of one's own", async () => {
  const lines = [];
  const log = (message, error) => lines.push([message, error?.message]);
  const fail = () => {
    throw new Error("gone");
  };
  const mirror = standalone.mirrorStore(fail, {}, { log });
  await mirror.refresh();
  await serveCatalog(() => mirror, everybody, { log }).fetch(new Request(URL_OF_LIST));
  await serveCatalog(() => mirror, fail, { log }).fetch(new Request(URL_OF_LIST));
  const messages = lines.map(([message]) => message).join("\n");
  assert.match(messages, /^the store failed:\nthe mirror has no catalog .*\nanswered 503: .*\na request failed:$/);
  assert.deepEqual([lines[0][1], lines.at(-1)[1]], ["gone", "gone"]);
});

/** Serves by the runtime's own server. */
async function serving(handler) {
  if (globalThis.Bun) {
    const server = Bun.serve({ ...handler, port: 0 });
    return { port: server.port, stop: () => server.stop(true) };
  }
  if (globalThis.Deno) {
    const server = Deno.serve({ port: 0, onListen() {} }, handler.fetch);
    return { port: server.addr.port, stop: () => server.shutdown() };
  }
  const server = createServer(listener(handler));
  await new Promise((resolve) => server.listen(0, resolve));
  return { port: server.address().port, stop: () => server.close().closeAllConnections() };
}
