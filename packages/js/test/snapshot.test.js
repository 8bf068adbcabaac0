// Snapshots: what the case list does not cover.

import assert from "node:assert/strict";
import { test } from "node:test";

import { CatalogError, MalformedError, serveCatalog } from "ccs-modules";
import { load } from "ccs-modules/node";

import { withMemory } from "./tools.js";

const standalone = load();
const ROLES = ["db_viewer"];

test("a snapshot is asked many times", () => {
  const snapshot = standalone.parse('[ {"uid":"b"}, {"module_name":"bf","uid":"a","version":1.0} ]');
  for (let round = 0; round < 3; round++) {
    const uids = snapshot.listModules(ROLES).map(({ uid }) => uid);
    assert.deepEqual(uids, ["b", "a"]);
    assert.equal(snapshot.getModule(ROLES, "a").version, 1);
  }
  assert.equal(snapshot.length, 2);
  assert.equal(snapshot.body, '[{"uid":"b"},{"module_name":"bf","uid":"a","version":1}]\n');
  assert.match(snapshot.entityTag, /^".+"$/);
});

test("modules are looked up", () => {
  const versions = [
    ["2.10.17", { compatible_redis_version: "7.4" }],
    ["2.8.26", { min_redis_version: "7.1" }],
  ];
  const documents = versions.map(([version, fields]) =>
    JSON.stringify({ uid: version, module_name: "search", semantic_version: version, ...fields }),
  );
  const snapshot = standalone.fromDocuments(documents);
  const uids = (modules) => modules.map(({ uid }) => uid);
  assert.deepEqual(uids(snapshot.findModules(ROLES, "SEARCH")), ["2.10.17", "2.8.26"]);
  assert.deepEqual(uids(snapshot.findModules(ROLES, "search", "2.8")), ["2.8.26"]);
  assert.deepEqual(uids(snapshot.latestModules(ROLES)), ["2.10.17"]);
  const [fitting] = snapshot.fittingModules(ROLES, "7.2");
  assert.equal(fitting.moduleName, "search");
  assert.equal(fitting.chosen.module.uid, "2.8.26");
  assert.equal(fitting.chosen.rule, "min-redis-version");
  assert.deepEqual(uids(fitting.others), ["2.10.17"]);
  const invalid = (error) => error instanceof CatalogError && /such as 7\.4/.test(error.message);
  assert.throws(() => snapshot.fittingModules(ROLES, "7"), invalid);

  const newer = standalone.fromDocuments([documents[0].replace("7.4", "7.6"), '{"uid":"b"}']);
  const { added, removed, changed } = snapshot.differences(newer);
  assert.deepEqual([uids(added), uids(removed)], [["b"], ["2.8.26"]]);
  assert.deepEqual(changed[0].fields, [
    { name: "compatible_redis_version", before: '"7.4"', after: '"7.6"' },
  ]);
});

test("errors are exceptions", () => {
  const snapshot = standalone.parse("[]");
  const notFound = (error) => error instanceof CatalogError && error.kind === "not-found";
  assert.throws(() => snapshot.getModule(ROLES, "a"), notFound);
  assert.throws(() => snapshot.getModule(ROLES, 'a "b"'), { message: 'there is no module with the uid "a \\"b\\""' });
  const message = "none of the roles has the permission view_cluster_modules";
  assert.throws(() => snapshot.listModules([]), { name: "CatalogError", kind: "forbidden", message });
});

test("a malformed catalog is refused, with the place", () => {
  const refused = (make) => {
    try {
      make();
    } catch (error) {
      assert.ok(error instanceof MalformedError, error);
      return error;
    }
    assert.fail("not refused");
  };
  const field = refused(() => standalone.parse('[\n {"uid":"a","version":"x"}]'));
  assert.equal(field.document, "a");
  assert.equal(field.field, "version");
  assert.equal(field.position.line, 2);
  const syntax = refused(() => standalone.parse("[\n{]"));
  assert.equal(syntax.position.line, 2);
  assert.match(syntax.message, /line 2/);
  assert.equal(refused(() => standalone.fromDocuments(['{"uid":"a"}', "{}"])).index, 1);
  const bytes = Uint8Array.of(0x5b, 0xff, 0x5d);
  assert.match(refused(() => standalone.parse(bytes)).message, /the body: not UTF-8/);
  assert.match(refused(() => standalone.fromDocuments([bytes])).message, /index 0: not UTF-8/);
});

test("a new snapshot leaves an old one as it was", () => {
  const old = standalone.parse('[{"uid":"old"}]');
  const fresh = standalone.parse('[{"uid":"new"}]');
  assert.equal(old.listModules(ROLES)[0].uid, "old");
  assert.equal(fresh.listModules(ROLES)[0].uid, "new");
});

test("the current snapshot is served", async () => {
  let current = standalone.parse("[]");
  const handler = serveCatalog(() => current, standalone.authenticate('{"anonymous":["db_viewer"]}'));
  const get = async () => {
    const request = { method: "GET", target: "/v1/modules", headers: [["accept", "*/*"]] };
    const { status, body } = await handler.handle(request);
    return [status, body];
  };
  assert.deepEqual(await get(), [200, "[]\n"]);
  current = standalone.parse('[{"uid":"é"}]');
  assert.deepEqual(await get(), [200, '[{"uid":"é"}]\n']);
  const nobody = serveCatalog(() => current, standalone.authenticate(undefined));
  const request = { method: "GET", target: "/v1/modules", headers: [] };
  assert.equal((await nobody.handle(request)).status, 401);
});

test("a comparison that runs out of memory leaves both snapshots as they were", () => {
  const document = (index) => JSON.stringify({ uid: `${index}`, description: "x".repeat(1000) });
  const list = (length) => `[${Array.from({ length }, (_, index) => document(index)).join(",")}]`;
  const small = withMemory(64);
  const [older, newer] = [small.parse(list(10)), standalone.parse(list(5000))];
  assert.throws(() => older.differences(newer), WebAssembly.RuntimeError);
  assert.deepEqual([older.length, newer.length], [10, 5000]);
});

test("comparisons keep no memory", () => {
  const list = (last) => `[${Array.from({ length: 1000 }, (_, uid) => `{"uid":"${uid}"}`)},{"uid":"${last}"}]`;
  const [older, newer] = [standalone.parse(list("a")), standalone.parse(list("b"))];
  older.differences(newer);
  const before = process.memoryUsage().rss;
  for (let round = 0; round < 200; round++) {
    assert.equal(older.differences(newer).added.length, 1);
  }
  const grown = process.memoryUsage().rss - before;
  assert.ok(grown < 64 << 20, `${grown}`);
});
