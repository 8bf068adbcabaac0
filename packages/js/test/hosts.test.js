// Stores of one's own, files, and requests of callers who have to be authenticated.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

import { serveCatalog, StoreError } from "ccs-modules";
import { jsonFile, listener, load, snapshotFile } from "ccs-modules/node";

import { errorLog, PACKAGE, silenced, until } from "./tools.js";

const standalone = load();
const everybody = standalone.authenticate('{"anonymous":["db_viewer"]}');

test("a store returns a body or documents, as texts or as bytes", async () => {
  const bytes = (text) => new TextEncoder().encode(text);
  for (const content of [
    '[ {"uid":"é"} ]',
    bytes('[ {"uid":"é"} ]'),
    ['{"uid":"é"}'],
    [bytes('{"uid":"é"}')],
  ]) {
    for (const store of [() => content, async () => content, () => ({ content, version: "1" })]) {
      const mirror = standalone.mirrorStore(store);
      await mirror.refresh();
      assert.equal((await get(mirror)).text, '[{"uid":"é"}]\n');
    }
  }
});

test("a store that has not changed returns no content", async () => {
  const asked = [];
  const store = (known) => {
    asked.push(known);
    return known === "1" ? undefined : { content: "[]", version: "1" };
  };
  const mirror = standalone.mirrorStore(store, { refreshMs: 1 });
  await until(async () => (await mirror.refresh(), mirror.status.unchanged > 0));
  assert.deepEqual(asked.slice(0, 2), [undefined, "1"]);
  assert.equal(mirror.status.changed, 1);
});

test("the response of a store that fails has the reason", async () => {
  const refuse = () => {
    throw new StoreError("it is down");
  };
  for (const [store, expected] of [
    [refuse, /it is down/],
    [async () => refuse(), /it is down/],
    [() => Promise.reject(new Error("a secret")), /the store failed/],
    [() => new Promise(() => {}), /no response in 50 ms/],
    [() => [Uint8Array.of(0xff)], /document at index 0 is not UTF-8/],
    [() => Uint8Array.of(0xff), /the body is not UTF-8/],
    [() => undefined, /the store failed/],
    [() => [1], /the store failed/],
    [() => null, /the store failed/],
    [() => '[{"uid":"a"} x]', /line 1, column 14/],
  ]) {
    const mirror = standalone.mirrorStore(store, { timeoutMs: 50 });
    const lines = await silenced(() => mirror.refresh());
    const { status, text } = await get(mirror);
    assert.equal(status, /line/.test(String(expected)) ? 500 : 503);
    assert.match(JSON.parse(text).description, expected);
    assert.doesNotMatch(text, /secret/);
    assert.equal(/the store failed:/.test(lines.join()), /the store failed/.test(String(expected)));
  }
});

test("a file is read again when it has changed", async (t) => {
  const path = join(await folder(t), "modules.json");
  const mirror = standalone.mirrorStore(jsonFile(path), { refreshMs: 1 });
  const shows = (text) => until(async () => (await mirror.refresh(), (await get(mirror)).text === text));
  await silenced(() => mirror.refresh());
  assert.match((await get(mirror)).text, /cannot read .*modules.json: there is no such file/);
  await replace(path, "[]");
  await shows("[]\n");
  await replace(path, '[ {"uid":"a"} ]\n');
  await shows('[{"uid":"a"}]\n');
  await until(async () => (await mirror.refresh(), mirror.status.unchanged > 0));
});

test("a failure is logged once with its cause, of a HEAD too", async () => {
  const mirror = standalone.mirrorStore(() => Promise.reject(new StoreError("down")));
  await silenced(() => mirror.refresh());
  const handler = serveCatalog(() => mirror, everybody);
  const lines = await silenced(async () => {
    for (const method of ["HEAD", "GET", "HEAD"]) {
      const { status, body } = await handler.handle({ method, target: "/v1/modules", headers: [] });
      assert.equal(status, 503);
      assert.equal(body === "", method === "HEAD");
    }
  });
  assert.equal(lines.length, 1, lines.join("\n"));
  assert.match(lines[0], /^ccs-modules: answered 503: the store is unavailable: .*down$/);
});

test("an authenticate that fails is a 500 with a body, and logged", async (t) => {
  const catalog = standalone.parse("[]");
  const fail = async () => {
    throw new Error("LDAP is down");
  };
  const server = createServer(listener(serveCatalog(() => catalog, fail)));
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const log = errorLog();
  for (const method of ["GET", "HEAD"]) {
    const url = `http://127.0.0.1:${server.address().port}/v1/modules`;
    const response = await fetch(url, { method, headers: { connection: "close" } });
    assert.equal(response.status, 500);
    const body = '{"description":"the request failed","error_code":"failed"}\n';
    assert.equal(response.headers.get("content-length"), `${body.length}`);
    assert.equal(await response.text(), method === "GET" ? body : "");
  }
  log.restore();
  assert.match(log.lines.join("\n"), /LDAP is down/);
});

test("authenticate gets the names of header fields in lower case, and may choose the challenge", async (t) => {
  const seen = [];
  const challenge = (headers) => {
    seen.push(...headers);
    return { tag: "unauthenticated", val: 'Bearer realm="x"' };
  };
  const server = createServer(listener(serveCatalog(() => standalone.parse("[]"), challenge)));
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const headers = { "X-Token": "é", connection: "close" };
  const url = `http://127.0.0.1:${server.address().port}/v1/modules`;
  const response = await fetch(url, { headers });
  assert.deepEqual([response.status, response.headers.get("www-authenticate")], [401, 'Bearer realm="x"']);
  // A byte that is not UTF-8.
  assert.deepEqual(seen.find(([name]) => name === "x-token"), ["x-token", "\ufffd"]);
});

test("a disk that is full keeps the file of before and no other one", async (t) => {
  const path = join(await folder(t), "snapshot.json");
  await snapshotFile(path).save("before");
  const program = `
    import { snapshotFile } from "ccs-modules/node";
    await snapshotFile(process.argv[1]).save("x".repeat(1 << 20)).catch(({ code }) => console.log(code));
  `;
  // In place of a full disk, files have a greatest size.
  const words = ["-c", 'ulimit -f 1 && exec "$@"', "sh", process.execPath, "--input-type=module", "--eval", program, path];
  const { stdout } = await promisify(execFile)("sh", words, { cwd: PACKAGE });
  assert.equal(stdout, "EFBIG\n");
  assert.equal(await readFile(path, "utf8"), "before");
  assert.deepEqual(await readdir(dirname(path)), ["snapshot.json"]);
});

test("each of 3000 requests of 16 users gets its own answer", async (t) => {
  const count = 3000;
  const documents = Array.from({ length: count / 2 }, (_, at) => `{"uid":"${2 * at}"}`);
  const catalog = standalone.fromDocuments(documents);
  const authenticate = async (headers) => {
    await new Promise(setImmediate);
    return headers.filter(([name]) => name === "x-roles").map(([, value]) => value);
  };
  const server = createServer(listener(serveCatalog(() => catalog, authenticate)));
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close().closeAllConnections());
  const user = async (first) => {
    for (let at = first; at < count; at += 16) {
      const url = `http://127.0.0.1:${server.address().port}/v1/modules/${at}`;
      const roles = ["none", "db_viewer", "admin"][at % 3];
      const response = await fetch(url, { headers: { "x-roles": roles } });
      const text = await response.text();
      assert.equal(response.status, roles === "none" ? 403 : at % 2 ? 404 : 200, text);
      assert.equal(text === `{"uid":"${at}"}\n`, response.status === 200, text);
    }
  };
  await Promise.all(Array.from({ length: 16 }, (_, first) => user(first)));
});

test("a program ends although its mirror goes on in the background", async () => {
  const program = `
    import { load } from "ccs-modules/node";
    let count = 0;
    const store = () => (count++ === 0 ? "[]" : new Promise(() => {}));
    const mirror = load().mirrorStore(store, { refreshMs: 1, timeoutMs: 60000 });
    await mirror.start();
    setTimeout(() => console.log(count), 100);
  `;
  const words = ["--input-type=module", "--eval", program];
  const { stdout } = await promisify(execFile)(process.execPath, words, { cwd: PACKAGE, timeout: 30_000 });
  assert.equal(stdout, "2\n");
});

async function get(mirror) {
  const handler = serveCatalog(() => mirror, everybody);
  const log = errorLog();
  const { status, body } = await handler.handle({ method: "GET", target: "/v1/modules", headers: [] });
  log.restore();
  return { status, text: body };
}

async function folder(t) {
  const path = await mkdtemp(join(tmpdir(), "ccs-modules-"));
  t.after(() => rm(path, { recursive: true }));
  return path;
}

async function replace(path, text) {
  await writeFile(`${path}.new`, text);
  await rename(`${path}.new`, path);
}
