// Mirrors of an upstream in this process: what a host has to do for the component.

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { format } from "node:util";

import { CatalogError, ConfigurationError, MalformedError, serveCatalog } from "ccs-modules";
import { loadStandalone, snapshotFile } from "ccs-modules/node";

const standalone = loadStandalone();
const ROLES = ["db_viewer"];
const LIST = '[{"uid":"a"}]\n';
const CREDENTIALS = { user: "ann", password: "secret" };
const FIELD = "Basic YW5uOnNlY3JldA==";
const MIB = 1 << 20;

test("a list is fetched, with credentials, and answers", async (t) => {
  const upstream = await serving(t, (_, response) => response.end(LIST));
  const mirror = standalone.mirror({ nodes: [upstream.url], credentials: CREDENTIALS });
  assert.equal(get(mirror).status, 503);
  await mirror.start();
  mirror.stop();
  assert.equal(get(mirror).text, LIST);
  assert.equal(get(mirror).headers.age, "0");
  assert.match(get(mirror).headers["cache-status"], /^ccs-modules; hit/);
  assert.deepEqual(mirror.listModules(ROLES).map(({ uid }) => uid), ["a"]);
  assert.equal(mirror.getModule(ROLES, "a").document, '{"uid":"a"}');
  const [{ method, url, headers }] = upstream.requests;
  assert.deepEqual([method, url, headers.authorization], ["GET", "/v1/modules", FIELD]);
  const { freshness, reason, changed } = mirror.status;
  assert.deepEqual({ freshness, reason, changed }, { freshness: "fresh", reason: undefined, changed: 1 });
});

test("an unchanged list is confirmed by its entity tag, in the background", async (t) => {
  let confirmed;
  const isConfirmed = new Promise((resolve) => (confirmed = resolve));
  const upstream = await serving(t, (request, response) => {
    if (request.headers["if-none-match"] === '"x"') {
      response.writeHead(304).end();
      confirmed();
    } else {
      response.writeHead(200, { etag: '"x"' }).end(LIST);
    }
  });
  const mirror = standalone.mirror({ nodes: [upstream.url], refresh_ms: 1 });
  await mirror.start();
  await isConfirmed;
  await until(() => mirror.status.unchanged > 0);
  mirror.stop();
  assert.equal(mirror.status.changed, 1);
  assert.equal(mirror.status.failed, 0);
});

test("two refreshes send one request, and both wait for it", async (t) => {
  const upstream = await serving(t, (_, response) => setImmediate(() => response.end(LIST)));
  const mirror = standalone.mirror({ nodes: [upstream.url] });
  await Promise.all([mirror.refresh(), mirror.refresh()]);
  assert.equal(upstream.requests.length, 1);
  assert.equal(mirror.status.freshness, "fresh");
});

test("the old list answers whatever the upstream does, and the reason is told", async (t) => {
  // Of a connection that ends early, each runtime has words of its own.
  const broken = "broke off|reset|error reading a body";
  const faults = {
    "answered 500": (_, response) => response.writeHead(500).end("<html>"),
    "answered 401": (_, response) => response.writeHead(401).end(),
    "the list is refused": (_, response) => response.end('[{"uid":"b"'),
    "a body that is not UTF-8": (_, response) => response.end(Buffer.of(0x5b, 0xff, 0x5d)),
    "more than 8388608 bytes": (_, response) => response.end(`[{"uid":"${"é".repeat(5 * MIB)}`),
    [broken]: (_, response) => {
      response.writeHead(200, { "content-length": 100 }).write("[{");
      setImmediate(() => response.destroy());
    },
    [`${broken}|closed`]: (request) => request.socket.resetAndDestroy(),
    "no response in 50 ms": () => {},
    "a redirect to http://127.0.0.1:1, which is no configured node": (_, response) => {
      response.writeHead(307, { location: "http://127.0.0.1:1/v1/modules" }).end();
    },
  };
  for (const [reason, fault] of Object.entries(faults)) {
    const upstream = await serving(t, (_, response) => response.end(LIST));
    const timeout_ms = reason.includes(" 50 ms") ? 50 : 60_000;
    const options = { nodes: [upstream.url], refresh_ms: 1, timeout_ms, credentials: CREDENTIALS };
    const mirror = standalone.mirror(options);
    await mirror.refresh();
    upstream.answer = fault;
    const log = errorLog();
    await until(async () => (await mirror.refresh(), mirror.status.failed > 0));
    await until(() => mirror.status.freshness === "stale");
    await until(async () => (await mirror.refresh(), log.lines.length > 0));
    log.restore();
    const { text, headers } = get(mirror);
    assert.equal(text, LIST, reason);
    const [found] = log.lines;
    assert.equal(log.lines.length, 1, log.lines.join("\n"));
    for (const shown of [mirror.status.reason, headers["cache-status"], found]) {
      assert.match(shown, new RegExp(reason));
      assert.doesNotMatch(shown, /secret|YW5u/);
    }
  }
});

test("an upstream that is down is a 503 with the reason, logged once", async (t) => {
  const upstream = await serving(t, () => {});
  await upstream.close();
  const mirror = standalone.mirror({ nodes: [upstream.url], refresh_ms: 1, credentials: CREDENTIALS });
  const handler = serveCatalog(() => mirror, standalone.authenticate('{"anonymous":["db_viewer"]}'));
  const log = errorLog();
  for (let round = 0; round < 5; round++) {
    await until(async () => (await mirror.refresh(), mirror.status.failed > round));
    const { status, body } = await handler.handle({ method: "GET", target: "/v1/modules", headers: [] });
    assert.equal(status, 503);
    const { description } = JSON.parse(new TextDecoder().decode(body));
    assert.match(description, /^the store is unavailable: nothing has been fetched yet; http.*: .*refused/i);
  }
  log.restore();
  assert.equal(log.lines.length, 2, log.lines.join("\n"));
  assert.match(log.lines[0], /^ccs-modules: the mirror has no catalog that may answer: .*refused/i);
  assert.match(log.lines[1], /^ccs-modules: answered 503: .*refused/i);
  const unavailable = (error) => error instanceof CatalogError && error.kind === "unavailable";
  assert.throws(() => mirror.listModules(ROLES), unavailable);
  assert.throws(() => mirror.getModule(ROLES, "a"), unavailable);
});

test("credentials go to configured nodes alone", async (t) => {
  const foreign = await serving(t, (_, response) => response.end('[{"uid":"foreign"}]'));
  const redirect = (_, response) => response.writeHead(307, { location: `${foreign.url}/v1/modules` }).end();
  const node = await serving(t, redirect);
  const alone = standalone.mirror({ nodes: [node.url], credentials: CREDENTIALS });
  await silenced(() => alone.refresh());
  assert.equal(foreign.requests.length, 0);
  assert.match(alone.status.reason, /a redirect to http:\/\/127\.0\.0\.1:\d+, which is no configured node$/);
  const both = standalone.mirror({ nodes: [node.url, foreign.url], credentials: CREDENTIALS });
  await both.refresh();
  assert.equal(foreign.requests[0].headers.authorization, FIELD);
  assert.equal(both.listModules(ROLES)[0].uid, "foreign");
  assert.equal(both.status.redirected, 1);
});

test("an error that repeats a credential is not shown", async () => {
  const options = { fetch: () => Promise.reject(new Error(`bad header ${FIELD}`)) };
  const mirror = standalone.mirror({ nodes: ["https://node1"], credentials: CREDENTIALS }, options);
  const lines = await silenced(() => mirror.refresh());
  assert.equal(mirror.status.reason, "the store is unavailable: nothing has been fetched yet; https://node1: the request failed");
  assert.doesNotMatch(lines.join(), /YW5u/);
});

test("a catalog is stored, and answers after a restart while the upstream is down", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "ccs-modules-"));
  t.after(() => rm(folder, { recursive: true }));
  const storage = snapshotFile(join(folder, "snapshot.json"));
  const upstream = await serving(t, (_, response) => response.writeHead(200, { etag: '"x"' }).end(LIST));
  const configuration = { nodes: [upstream.url], refresh_ms: 1, credentials: CREDENTIALS };
  await standalone.mirror(configuration, { storage }).refresh();
  const text = await readFile(join(folder, "snapshot.json"), "utf8");
  assert.doesNotMatch(text, /secret|YW5u/);
  assert.equal(JSON.parse(text).validator, `${upstream.url}/v1/modules "x"`);
  await upstream.close();
  const restarted = standalone.mirror(configuration, { storage });
  await silenced(() => restarted.refresh());
  assert.equal(get(restarted).text, LIST);
  // The time while nothing ran counts.
  const saved = { nodes: [], body: LIST, madeAt: Date.now() - 3_600_000 };
  const old = standalone.mirror({ nodes: [upstream.url], stale_if_error_ms: 3_500_000 });
  old.restore(saved);
  assert.ok(old.status.age >= 3_600_000, `${old.status.age}`);
  assert.equal(get(old).status, 503);
  assert.throws(() => standalone.mirror(configuration).restore({ nodes: [], body: "[", madeAt: 0 }), MalformedError);
});

test("a stored catalog that cannot be read is logged, and the upstream is asked", async (t) => {
  const upstream = await serving(t, (_, response) => response.end(LIST));
  const nodes = [upstream.url];
  const broken = [
    [{ load: async () => ({ nodes, body: "[1]", madeAt: 0 }), save: async () => {} }, /cannot be read: line 1, column 2/],
    [{ load: async () => ({ nodes: ["http://other"], body: "[]", madeAt: Date.now() }), save: async () => {} }, /is of another cluster, and is not used/],
    [{ load: () => Promise.reject(new Error("no such key")), save: async () => {} }, /cannot be read: no such key/],
    [{ load: async () => undefined, save: () => Promise.reject(new Error("full")) }, /cannot be stored: full/],
  ];
  for (const [storage, expected] of broken) {
    const mirror = standalone.mirror({ nodes }, { storage });
    const lines = await silenced(() => mirror.refresh());
    assert.match(lines.join("\n"), expected);
    assert.equal(get(mirror).text, LIST);
  }
});

test("a wrong option is named, and its value is not shown", () => {
  for (const [configuration, expected] of [
    [{ nodes: ["https://ann:secret@node1"] }, /nodes\[0\]: a URL with credentials/],
    [{ nodes: [] }, /nodes: empty/],
    [{ nodes: ["https://node1"], refresh: 5 }, /refresh: unknown field, /],
    ['{"nodes":["https://node1"],"credentials":"secret"}', /credentials: a string, expected an object/],
  ]) {
    assert.throws(
      () => standalone.mirror(configuration),
      (error) => error instanceof ConfigurationError && expected.test(error.message) && !/secret/.test(error.message),
    );
  }
});

/** An upstream that answers as `answer` says, and keeps the requests. */
async function serving(t, answer) {
  const upstream = { answer, requests: [] };
  const server = createServer((request, response) => {
    upstream.requests.push(request);
    upstream.answer(request, response);
  });
  upstream.close = () => new Promise((resolve) => server.close(resolve).closeAllConnections());
  t.after(() => server.listening && upstream.close());
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  upstream.url = `http://127.0.0.1:${server.address().port}`;
  return upstream;
}

function get(mirror) {
  const caller = { tag: "authenticated", val: ROLES };
  const { status, headers, body } = mirror.handle({ method: "GET", target: "/v1/modules", headers: [], caller });
  return { status, headers: Object.fromEntries(headers), text: new TextDecoder().decode(body) };
}

async function until(holds) {
  while (!(await holds())) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** Keeps what is logged as errors until it is restored. */
function errorLog() {
  const { error } = console;
  const lines = [];
  console.error = (...parts) => lines.push(format(...parts));
  return { lines, restore: () => (console.error = error) };
}

/** Awaits work, and returns what it logs. */
async function silenced(work) {
  const log = errorLog();
  try {
    await work();
  } finally {
    log.restore();
  }
  return log.lines;
}
