// The ready worker, in workerd by miniflare: its bindings, and its mirror of an upstream.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";

import { Miniflare } from "miniflare";

import { WORKER } from "./tools.js";

const ANYBODY = '{"anonymous":["db_viewer"]}';
const LIST = '[{"uid":"a"}]\n';

test("a binding that is missing or wrong is named", async (t) => {
  for (const [options, expected] of [
    [{}, /no store: bind a Workers KV namespace as CCS, or set CCS_HTTP_URL/],
    [{ kvNamespaces: ["MODULES"] }, /no store: bind a Workers KV namespace as CCS, or set CCS_HTTP_URL/],
    [{ kvNamespaces: ["CCS"], bindings: { CCS_ACCESS: '{"anonymous":["db_veiwer"]}' } }, /CCS_ACCESS: anonymous\[0\]: expected one of admin, /],
    [{ bindings: { CCS_ACCESS: ANYBODY, CCS_HTTP_URL: "https://u:secret@a" } }, /CCS_HTTP: .*nodes\[0\]: a URL with credentials/],
    [{ bindings: { CCS_HTTP_URL: "https://a", CCS_HTTP_TIMEOUT_MS: "5s" } }, /CCS_HTTP_TIMEOUT_MS: expected a number of milliseconds/],
  ]) {
    const worker = await started(t, options);
    const { status, text } = await get(worker);
    assert.equal(status, 500, text);
    assert.match(JSON.parse(text).description, expected);
    assert.doesNotMatch(text, /secret/);
    await worker.logs(expected);
  }
});

test("a key that is missing is a store that is unavailable, and logged", async (t) => {
  const worker = await started(t, { kvNamespaces: ["CCS"], bindings: { CCS_ACCESS: ANYBODY } });
  const { status, text } = await get(worker);
  assert.equal(status, 503);
  assert.match(text, /key \\"modules\\" of the Workers KV namespace is missing/);
  await worker.logs(/answered 503: .*is missing/);
});

test("an upstream is mirrored, and asked when a request finds the catalog old", async (t) => {
  const upstream = await serving(t);
  const bindings = { CCS_ACCESS: ANYBODY, CCS_HTTP_URL: upstream.url, CCS_HTTP_REFRESH_MS: "60000" };
  const credentials = { CCS_HTTP_USER: "ann", CCS_HTTP_PASSWORD: "secret" };
  const worker = await started(t, { bindings: { ...bindings, ...credentials } });
  // At first, many at a time: one asks the upstream, and all are answered.
  const answers = await Promise.all(Array.from({ length: 20 }, () => get(worker)));
  for (const { status, text, headers } of answers) {
    assert.deepEqual([status, text], [200, LIST]);
    assert.match(headers.get("cache-status"), /^ccs-modules; hit/);
  }
  assert.deepEqual(upstream.authorizations, ["Basic YW5uOnNlY3JldA=="]);
});

test("a token is sent as it is, and stands alone", async (t) => {
  const upstream = await serving(t);
  const bindings = { CCS_ACCESS: ANYBODY, CCS_HTTP_URL: upstream.url, CCS_HTTP_TOKEN: "a.b" };
  assert.equal((await get(await started(t, { bindings }))).status, 200);
  assert.deepEqual(upstream.authorizations, ["Bearer a.b"]);
  const { status, text } = await get(await started(t, { bindings: { ...bindings, CCS_HTTP_USER: "ann" } }));
  assert.deepEqual([status, text.includes("CCS_HTTP_TOKEN: expected without CCS_HTTP_USER")], [500, true]);
});

test("an old list answers while the upstream is down, and the reason is told", async (t) => {
  const upstream = await serving(t);
  const bindings = { CCS_ACCESS: ANYBODY, CCS_HTTP_URL: upstream.url, CCS_HTTP_REFRESH_MS: "1" };
  const worker = await started(t, { bindings });
  assert.equal((await get(worker)).status, 200);
  await upstream.close();
  for (;;) {
    const { status, text, headers } = await get(worker);
    assert.deepEqual([status, text], [200, LIST]);
    if (headers.get("cache-status").includes("detail=")) {
      break;
    }
  }
  const { status } = await get(await started(t, { bindings }));
  assert.equal(status, 503);
});

test("while the upstream hangs, the list of before answers at once", async (t) => {
  const upstream = await serving(t);
  const bindings = { CCS_ACCESS: ANYBODY, CCS_HTTP_URL: upstream.url, CCS_HTTP_REFRESH_MS: "1", CCS_HTTP_TIMEOUT_MS: "600000" };
  const worker = await started(t, { bindings });
  assert.equal((await get(worker)).status, 200);
  upstream.hangs = true;
  for (let round = 0; round < 20; round++) {
    const { status, text } = await get(worker);
    assert.deepEqual([status, text], [200, LIST]);
  }
  assert.equal(upstream.authorizations.length, 2);
});

test("the catalog lives in Workers KV while no worker runs", async (t) => {
  const upstream = await serving(t);
  const bindings = { CCS_ACCESS: ANYBODY, CCS_HTTP_URL: upstream.url, CCS_HTTP_REFRESH_MS: "1" };
  const first = await started(t, { bindings, kvNamespaces: ["CCS"] });
  assert.equal((await get(first)).status, 200);
  const kept = await (await first.miniflare.getKVNamespace("CCS")).get("mirror");
  assert.deepEqual(JSON.parse(kept).modules, JSON.parse(LIST));
  await upstream.close();
  const second = await started(t, { bindings, kvNamespaces: ["CCS"] });
  await (await second.miniflare.getKVNamespace("CCS")).put("mirror", kept);
  const { status, text } = await get(second);
  assert.deepEqual([status, text], [200, LIST]);
});

async function started(t, options) {
  let log = "";
  /** Waits until the worker has logged this. */
  const logs = async (expected) => {
    while (!expected.test(log)) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  };
  const miniflare = new Miniflare({
    ...WORKER,
    handleRuntimeStdio: (stdout, stderr) => {
      stdout.on("data", (chunk) => (log += chunk));
      stderr.on("data", (chunk) => (log += chunk));
    },
    ...options,
  });
  t.after(() => miniflare.dispose());
  return { miniflare, logs };
}

async function get({ miniflare }) {
  const response = await miniflare.dispatchFetch("http://localhost/v1/modules");
  return { status: response.status, headers: response.headers, text: await response.text() };
}

async function serving(t) {
  const upstream = { authorizations: [], hangs: false };
  const server = createServer((request, response) => {
    upstream.authorizations.push(request.headers.authorization);
    if (!upstream.hangs) {
      response.end(LIST);
    }
  });
  upstream.close = () => new Promise((resolve) => server.close(resolve).closeAllConnections());
  t.after(() => server.listening && upstream.close());
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  upstream.url = `http://127.0.0.1:${server.address().port}`;
  return upstream;
}
