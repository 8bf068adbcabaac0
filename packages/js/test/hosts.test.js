// What the hosts do where the case list, which knows no files and no keys, has nothing to say.

import assert from "node:assert/strict";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { authenticate, CatalogError, Service, Snapshot, StoreError } from "ccs-modules";
import { jsonFile, load } from "ccs-modules/node";

const plugin = load();
const everybody = authenticate({ anonymous: ["db_viewer"] });

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
  const { documents } = Snapshot.parse(new TextEncoder().encode(text));
  const texts = documents.map((document) => new TextDecoder().decode(document));
  assert.deepEqual(texts, [String.raw`{"uid":"}]\"\\"}`, '{"a":[{"b":"["}]}']);
});

test("a caller who may not see modules costs no read", async () => {
  const unread = () => assert.fail("the store is read");
  assert.equal((await get(new Service(plugin, unread, authenticate(undefined)))).status, 401);
  assert.equal((await get(new Service(plugin, unread, () => ["none"]))).status, 403);
});

test("what breaks in a store is not shown to clients", async () => {
  const broken = () => Promise.reject(new Error("a secret"));
  const { status, text } = await get(new Service(plugin, broken, everybody));
  assert.equal(status, 500);
  assert.ok(!text.includes("secret"), text);
});

test("a store that throws in the middle of a call does not spoil the next", () => {
  const broken = { listDocuments: () => assert.fail("broken"), getDocument: () => undefined };
  assert.throws(() => plugin.listModules(broken, ["admin"]), { message: "broken" });
  assert.deepEqual(plugin.listModules(new Snapshot([]), ["admin"]), []);
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

test("a policy of another form is refused", () => {
  assert.throws(() => authenticate({ users: [] }), TypeError);
});

async function get(service) {
  const response = await service.handle({ method: "GET", target: "/v1/modules", headers: [] });
  return { status: response.status, text: new TextDecoder().decode(response.body) };
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
