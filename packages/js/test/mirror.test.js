// Mirrors of an upstream in this process: what a host has to do for the component.

import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { CatalogError, ConfigurationError, MalformedError, serveCatalog } from "ccs-modules";
import { load, snapshotFile } from "ccs-modules/node";

import { errorLog, silenced, until, withMemory } from "./tools.js";

const standalone = load();
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
  assert.throws(() => mirror.getModule(ROLES, "b"), { message: 'there is no module with the uid "b"' });
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
  const mirror = standalone.mirror({ nodes: [upstream.url], refreshMs: 1 });
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
    const timeoutMs = reason.includes(" 50 ms") ? 50 : 60_000;
    const options = { nodes: [upstream.url], refreshMs: 1, timeoutMs, credentials: CREDENTIALS };
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

test("an upstream that refuses the credentials is asked once", async (t) => {
  const upstream = await serving(t, (_, response) => response.writeHead(401).end());
  const mirror = standalone.mirror({ nodes: [upstream.url], refreshMs: 1, credentials: CREDENTIALS });
  await silenced(async () => {
    await mirror.start();
    await new Promise((resolve) => setTimeout(resolve, 200));
  });
  mirror.stop();
  assert.match(mirror.status.failure, /answered 401$/);
  assert.equal(upstream.requests.length, 1);
});

test("an upstream that is down is a 503 with the reason, logged once", async (t) => {
  const upstream = await serving(t, () => {});
  await upstream.close();
  const mirror = standalone.mirror({ nodes: [upstream.url], refreshMs: 1, credentials: CREDENTIALS });
  const handler = serveCatalog(() => mirror, standalone.authenticate('{"anonymous":["db_viewer"]}'));
  const log = errorLog();
  for (let round = 0; round < 5; round++) {
    await until(async () => (await mirror.refresh(), mirror.status.failed > round));
    const { status, body } = await handler.handle({ method: "GET", target: "/v1/modules", headers: [] });
    assert.equal(status, 503);
    const { description } = JSON.parse(body);
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
  const folder = await temporary(t);
  const storage = snapshotFile(join(folder, "snapshot.json"));
  const upstream = await serving(t, (_, response) => response.writeHead(200, { etag: '"x"' }).end(LIST));
  const configuration = { nodes: [upstream.url], refreshMs: 1, credentials: CREDENTIALS };
  await standalone.mirror(configuration, { storage }).refresh();
  const text = await readFile(join(folder, "snapshot.json"), "utf8");
  assert.doesNotMatch(text, /secret|YW5u/);
  const fields = ["nodes", "as_of_unix_ms", "validated_unix_ms", "stale", "validator", "modules"];
  assert.deepEqual(Object.keys(JSON.parse(text)), fields);
  assert.equal((await stat(join(folder, "snapshot.json"))).mode & 0o777, 0o600);
  await upstream.close();
  const restarted = standalone.mirror(configuration, { storage });
  await silenced(() => restarted.refresh());
  assert.equal(get(restarted).text, LIST);
  // The time while nothing ran counts.
  const old = standalone.mirror({ nodes: [upstream.url], staleIfErrorMs: 3_500_000 });
  old.restore(saved([], LIST, Date.now() - 3_600_000));
  assert.ok(old.status.age >= 3_600_000, `${old.status.age}`);
  assert.equal(get(old).status, 503);
  assert.throws(() => standalone.mirror(configuration).restore(saved([], "[")), MalformedError);
});

test("a file that a mirror wrote is used or replaced, and any other one is never overwritten", async (t) => {
  const path = join(await temporary(t), "snapshot.json");
  const upstream = await serving(t, (_, response) => response.end(LIST));
  const logged = {
    catalog: /^$/,
    damaged: /^ccs-modules: the stored catalog is damaged and is not used: /,
    foreign: /^ccs-modules: the stored catalog is not used, and none is stored: it was not written by a mirror$/,
  };
  const table = JSON.parse(await readFile(new URL("../../../host-tests/snapshot-files.json", import.meta.url), "utf8"));
  for (const { found, text: row } of table.files) {
    const text = row.replaceAll("NODE", upstream.url).replaceAll("NOW", `${Date.now()}`);
    await writeFile(path, text);
    const mirror = standalone.mirror({ nodes: [upstream.url], refreshMs: 1 }, { storage: snapshotFile(path) });
    const lines = await silenced(() => until(async () => (await mirror.refresh(), mirror.status.unchanged > 0)));
    assert.match(lines.join("\n"), logged[found], text);
    assert.equal(get(mirror).text, LIST);
    const stored = await readFile(path, "utf8");
    assert.ok(found === "foreign" ? stored === text : stored.includes(LIST.trimEnd()), stored);
  }
});

test("a catalog of the future is stale and has no age", () => {
  const mirror = standalone.mirror({ nodes: ["http://node1"] });
  mirror.restore(saved([], LIST, Date.now() + 3_600_000));
  assert.equal(get(mirror).text, LIST);
  assert.equal(mirror.status.age, undefined);
  assert.equal(mirror.status.freshness, "stale");
  assert.match(mirror.status.reason, /dated in the future$/);
  assert.equal(mirror.save(), undefined);
});

test("a mirror of a stale catalog is stale after a restart", async (t) => {
  const headers = { "cache-status": 'a; hit; ttl=-1; detail="late"' };
  const upstream = await serving(t, (_, response) => response.writeHead(200, headers).end(LIST));
  const mirror = standalone.mirror({ nodes: [upstream.url] });
  await mirror.refresh();
  const restarted = standalone.mirror({ nodes: [upstream.url] });
  restarted.restore(mirror.save());
  for (const { status } of [mirror, restarted]) {
    assert.match(status.reason, /the list was stale when it came: late$/);
  }
});

test("a file that cannot be replaced leaves no other one behind", async (t) => {
  const folder = await temporary(t);
  const storage = snapshotFile(folder);
  await assert.rejects(storage.save("text"));
  assert.deepEqual(await readdir(join(folder, "..")).then((names) => names.filter((name) => name.endsWith(".new"))), []);
});

test("a stored catalog that cannot be read is logged, and the upstream is asked", async (t) => {
  const upstream = await serving(t, (_, response) => response.end(LIST));
  const nodes = [upstream.url];
  const kept = { save: async () => {} };
  const broken = [
    [{ ...kept, load: async () => saved(nodes, "[1]") }, /is damaged and is not used: line 1, column 2/],
    [{ ...kept, load: async () => saved(["http://other"], "[]") }, /is of another cluster, and is not used/],
    [{ ...kept, load: () => Promise.reject(new Error("no such key")) }, /is not used, and none is stored: no such key/],
    [{ load: async () => undefined, save: () => Promise.reject(new Error("full")) }, /cannot be stored: full/],
  ];
  for (const [storage, expected] of broken) {
    const mirror = standalone.mirror({ nodes }, { storage });
    const lines = await silenced(() => mirror.refresh());
    assert.match(lines.join("\n"), expected);
    assert.equal(get(mirror).text, LIST);
  }
});

test("after a trap a mirror goes on with the catalog before", async (t) => {
  const document = (index) => JSON.stringify({ uid: `${index}`, description: "x".repeat(1000) });
  const list = (length) => `[${Array.from({ length }, (_, index) => document(index)).join(",")}]`;
  const upstream = await serving(t, (_, response) => response.end(list(10)));
  const mirror = withMemory(64).mirror({ nodes: [upstream.url], refreshMs: 1 });
  await mirror.refresh();
  upstream.answer = (_, response) => response.end(list(5000));
  const lines = await silenced(() => until(async () => (await mirror.refresh(), mirror.status.failed > 0)));
  assert.match(lines[0], /^ccs-modules: the component failed, and the mirror starts again: .*unreachable/i);
  assert.equal(mirror.listModules(ROLES).length, 10);
  upstream.answer = (_, response) => response.end(list(20));
  await silenced(() => until(async () => (await mirror.refresh(), mirror.listModules(ROLES).length === 20)));
});

test("after an exception a mirror goes on, with a catalog or without one", async () => {
  let headers = [["age", 5]];
  const fetch = async () => ({ status: 200, headers, body: new Response(LIST).body });
  const mirror = standalone.mirror({ nodes: ["https://node1"], refreshMs: 1 }, { fetch });
  const lines = await silenced(() => mirror.start());
  assert.match(lines[0], /^ccs-modules: the component failed, and the mirror starts again: /);
  assert.match(lines[1], /has no catalog that may answer: .*the component failed$/);
  headers = [];
  await silenced(() => until(() => mirror.status.freshness === "fresh"));
  mirror.stop();
  assert.throws(() => mirror.listModules(undefined));
  assert.equal(get(mirror).text, LIST);
});

test("stop ends a request that is open", async (t) => {
  const upstream = await serving(t, () => {});
  const mirror = standalone.mirror({ nodes: [upstream.url], timeoutMs: 60_000 });
  const started = mirror.start();
  await until(() => upstream.requests.length > 0);
  mirror.stop();
  await silenced(() => started);
  assert.match(mirror.status.failure, /the mirror was stopped$/);
});

test("the reason is told where each address of a host fails", async () => {
  const refused = Object.assign(new Error(), { code: "ENETUNREACH" });
  const cause = new AggregateError([refused, refused], "");
  const options = { fetch: () => Promise.reject(new TypeError("fetch failed", { cause })) };
  const mirror = standalone.mirror({ nodes: ["https://node1"] }, options);
  await silenced(() => mirror.refresh());
  assert.match(mirror.status.failure, /https:\/\/node1: the network cannot be reached$/);
});

test("a mirror and a snapshot can be disposed", () => {
  for (const catalog of [standalone.mirror({ nodes: ["https://node1"] }), standalone.parse("[]")]) {
    catalog[Symbol.dispose]();
    assert.throws(() => catalog.listModules(ROLES));
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
  return { status, headers: Object.fromEntries(headers), text: body };
}

/** A saved catalog. */
function saved(nodes, body, as_of_unix_ms = Date.now()) {
  return `${JSON.stringify({ nodes, as_of_unix_ms, validator: null }).slice(0, -1)},"modules":${body}}`;
}

async function temporary(t) {
  const folder = await mkdtemp(join(tmpdir(), "ccs-modules-"));
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}
