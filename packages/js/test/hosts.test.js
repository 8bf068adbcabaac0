// Hosts and stores: what the case list does not cover.

import assert from "node:assert/strict";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { format } from "node:util";

import { CatalogError, Documents, Service, StoreError, withStore } from "ccs-modules";
import { jsonFile, load, loadStandalone } from "ccs-modules/node";

const plugin = load();
const standalone = loadStandalone();
const everybody = standalone.authenticate('{"anonymous":["db_viewer"]}');

test("a file is read again when it has changed", async (t) => {
  const path = join(await folder(t), "modules.json");
  const service = new Service(plugin, jsonFile(path), everybody);
  assert.equal((await get(service)).status, 503);
  await replace(path, "[]");
  assert.equal((await get(service)).text, "[]\n");
  await replace(path, '[ {"uid":"a"} ]\n');
  assert.equal((await get(service)).text, '[{"uid":"a"}]\n');
});

test("a file that is no list of modules is named, with the place", async (t) => {
  for (const text of ["", "{}", "[{}", '[{"uid":"a"} 1]', "[{},]", "[] x", "[1]"]) {
    const path = join(await folder(t), "modules.json");
    await writeFile(path, text);
    const { status, text: answer } = await get(new Service(plugin, jsonFile(path), everybody));
    assert.equal(status, 500, text);
    assert.ok(answer.includes("modules.json: "), answer);
  }
});

test("brackets and quotes in strings end no document", () => {
  const text = String.raw`[{"uid":"}]\"\\"},{"a":[{"b":"["}]}]`;
  const { documents } = Documents.parse(new TextEncoder().encode(text));
  const texts = documents.map((document) => new TextDecoder().decode(document));
  assert.deepEqual(texts, [String.raw`{"uid":"}]\"\\"}`, '{"a":[{"b":"["}]}']);
});

test("the first document of a uid is found", () => {
  const text = '[{"uid":"a","n":1},{"uid":"a","n":2},{"n":3},{"uid":"b"}]';
  const documents = Documents.parse(new TextEncoder().encode(text));
  const found = (uid) => new TextDecoder().decode(documents.getDocument(uid));
  assert.equal(found("a"), '{"uid":"a","n":1}');
  assert.equal(found("b"), '{"uid":"b"}');
  assert.equal(documents.getDocument("undefined"), undefined);
});

test("a caller who may not see modules costs no read", async () => {
  const fail = async () => assert.fail("the store is read");
  const unread = { listDocuments: fail, getDocument: fail };
  assert.equal((await get(new Service(plugin, unread, standalone.authenticate(undefined)))).status, 401);
  assert.equal((await get(new Service(plugin, unread, () => ["none"]))).status, 403);
});

test("an exception of a store is logged, and not shown to clients", async () => {
  const { logged, restore } = errorLog();
  const fail = () => Promise.reject(new Error("a secret"));
  const broken = { listDocuments: fail, getDocument: fail };
  const { status, text } = await get(new Service(plugin, broken, everybody));
  restore();
  assert.equal(status, 500);
  assert.ok(!text.includes("secret"), text);
  assert.match(logged.join(), /the store failed.*a secret/s);
});

test("a failure is logged once with its reason, of a HEAD too", async () => {
  const { logged, restore } = errorLog();
  const fail = () => Promise.reject(new StoreError("unavailable", "down"));
  const service = new Service(plugin, { listDocuments: fail, getDocument: fail }, everybody);
  for (const method of ["HEAD", "GET", "HEAD"]) {
    const { status, body } = await service.handle({ method, target: "/v1/modules", headers: [] });
    assert.equal(status, 503);
    assert.equal(body.length === 0, method === "HEAD");
  }
  restore();
  assert.deepEqual(logged, ["ccs-modules: answered 503: the store is unavailable: down"]);
});

test("a store is asked for one module where one is asked for", async () => {
  const asked = [];
  const store = {
    listDocuments: async () => assert.fail("the list is read"),
    getDocument: async (uid) => {
      asked.push(uid);
      return new TextEncoder().encode('{"uid":"a b"}');
    },
  };
  const service = new Service(plugin, store, everybody);
  assert.equal((await get(service, "/v1/modules/a%20b")).text, '{"uid":"a b"}\n');
  const getModule = (ccs) => plugin.getModule(ccs, ["admin"], "a b");
  assert.equal((await withStore(store, getModule)).uid, "a b");
  assert.deepEqual(asked, ["a b", "a b"]);
});

test("a store that throws in the middle of a call does not spoil the next", () => {
  const broken = { listDocuments: () => assert.fail("broken"), getDocument: () => undefined };
  assert.throws(() => plugin.listModules(broken, ["admin"]), { message: "broken" });
  assert.deepEqual(plugin.listModules(new Documents([]), ["admin"]), []);
});

test("errors are exceptions", () => {
  const down = {
    listDocuments: () => {
      throw new StoreError("unavailable", "down");
    },
    getDocument: () => undefined,
  };
  const unavailable = { kind: "unavailable", message: "the store is unavailable: down" };
  assert.throws(() => plugin.listModules(down, ["admin"]), unavailable);
  assert.throws(() => plugin.getModule(down, ["admin"], "a"), CatalogError);
});

async function get(service, target = "/v1/modules") {
  const response = await service.handle({ method: "GET", target, headers: [] });
  return { status: response.status, text: new TextDecoder().decode(response.body) };
}

/** Keeps what is logged as errors until it is restored. */
function errorLog() {
  const { error } = console;
  const logged = [];
  console.error = (...parts) => logged.push(format(...parts));
  return { logged, restore: () => (console.error = error) };
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
