// The command, run as a user runs it.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const CLI = fileURLToPath(new URL("../dist/cli.js", import.meta.url));

test("--help shows the options", async () => {
  for (const option of ["--help", "-h"]) {
    const { code, stdout, stderr } = await run([option]);
    assert.equal(code, 0);
    assert.match(stdout, /^usage: ccs-modules .*--file FILE.*--upstream URLS.*--access FILE.*--host HOST/s);
    assert.equal(stderr, "");
  }
});

test("--version shows the version of the package", async () => {
  const { code, stdout } = await run(["--version"]);
  assert.equal(code, 0);
  assert.match(stdout, /^ccs-modules \d+\.\d+\.\d+ of npm\./);
});

test("a line at the start says where it serves", async (t) => {
  const file = await written(t, '[{"uid":"a"}]');
  const access = await written(t, '{"anonymous":["db_viewer"]}');
  const server = start(["--file", file, "--access", access, "--port", "0"]);
  t.after(() => server.kill("SIGKILL"));
  const line = await firstLine(server);
  const [, url] = line.match(/^ccs-modules: serving .*modules\.json at (http:\/\/127\.0\.0\.1:\d+\/v1\/modules)$/);
  assert.equal(await (await fetch(url)).text(), '[{"uid":"a"}]\n');
  const health = await fetch(new URL("/healthz", url));
  assert.deepEqual([health.status, await health.text()], [200, "ok\n"]);
  server.kill("SIGTERM");
  assert.equal(await ended(server), 0);
});

test("--page offers the page to those who may see the modules", async (t) => {
  const file = await written(t, '[{"uid":"a"}]');
  const access = await written(t, '{"trusted_header":"x-roles"}');
  const server = start(["--file", file, "--access", access, "--page", "--port", "0"]);
  t.after(() => server.kill("SIGKILL"));
  const [, url] = (await firstLine(server)).match(/at (http:.*)v1\/modules$/);
  const get = (path, roles, method = "GET") =>
    fetch(url + path, { method, ...(roles && { headers: { "x-roles": roles } }) });
  const index = readFileSync(new URL("../src/page/index.html", import.meta.url), "utf8");
  const response = await get("", "db_viewer");
  assert.equal(await response.text(), index);
  const policy = response.headers.get("content-security-policy");
  assert.match(policy, /; frame-ancestors 'none'$/);
  assert.ok(index.includes(`content="${policy.replace("; frame-ancestors 'none'", "")}"`), policy);
  for (const [path, type] of [
    ["page.css", "text/css; charset=utf-8"],
    ["page.js?x", "text/javascript; charset=utf-8"],
    ["ccs-modules/component/standalone.core.wasm", "application/wasm"],
    ["demonstration.json", "application/json"],
    ["icon.svg", "image/svg+xml"],
  ]) {
    const head = await get(path, "db_viewer", "HEAD");
    assert.deepEqual([head.status, head.headers.get("content-type")], [200, type], path);
    assert.equal(await head.text(), "");
    const { byteLength } = await (await get(path, "db_viewer")).arrayBuffer();
    assert.equal(head.headers.get("content-length"), `${byteLength}`);
  }
  for (const path of ["%2e%2e/cli.js", "..%2fcli.js", "ccs-modules", "ccs-modules/", "page.css/", "constructor"]) {
    assert.equal((await get(path, "db_viewer")).status, 404, path);
  }
  for (const [path, roles, method, status] of [
    ["", undefined, "GET", 401],
    ["page.css", "none", "GET", 403],
    ["page.css", "db_viewer", "PUT", 405],
    ["v1/modules", "db_viewer", "GET", 200],
  ]) {
    assert.equal((await get(path, roles, method)).status, status, path);
  }
});

test("it serves a cluster, and after a restart what it kept of it", async (t) => {
  const fields = [];
  const cluster = createServer((request, response) => {
    fields.push(request.headers.authorization);
    response.end('[{"uid":"a"}]');
  });
  await new Promise((resolve) => cluster.listen(0, "127.0.0.1", resolve));
  const kept = join(await folder(t), "kept.json");
  const access = await written(t, '{"anonymous":["db_viewer"]}');
  const url = `http://127.0.0.1:${cluster.address().port}`;
  const options = ["--upstream", url, "--snapshot-file", kept, "--access", access, "--port", "0"];
  for (const isUp of [true, false]) {
    const env = { ...process.env, REDIS_ENTERPRISE_USER: "ann", REDIS_ENTERPRISE_PASSWORD: "secret" };
    const server = start(options, { env });
    t.after(() => server.kill("SIGKILL"));
    const line = await firstLine(server);
    const [, address] = line.match(/^ccs-modules: serving http:\/\/127\.0\.0\.1:\d+ at (http:.*)$/);
    const response = await fetch(address);
    assert.equal(await response.text(), '[{"uid":"a"}]\n');
    assert.match(response.headers.get("age"), /^\d+$/);
    server.kill("SIGTERM");
    assert.equal(await ended(server), 0);
    assert.deepEqual(fields, ["Basic YW5uOnNlY3JldA=="], `the cluster is ${isUp ? "up" : "down"}`);
    await new Promise((resolve) => cluster.close(resolve).closeAllConnections());
  }
});

test("it shows a cluster a token, and takes no user beside it", async (t) => {
  const fields = [];
  const cluster = createServer((request, response) => {
    fields.push(request.headers.authorization);
    response.end("[]");
  });
  await new Promise((resolve) => cluster.listen(0, "127.0.0.1", resolve));
  t.after(() => cluster.close().closeAllConnections());
  const options = ["--upstream", `http://127.0.0.1:${cluster.address().port}`, "--port", "0"];
  const env = { ...process.env, REDIS_ENTERPRISE_TOKEN: "a.b" };
  const server = start(options, { env });
  t.after(() => server.kill("SIGKILL"));
  await firstLine(server);
  assert.deepEqual(fields, ["Bearer a.b"]);
  const { code, stderr } = await run(options, { env: { ...env, REDIS_ENTERPRISE_USER: "ann" } });
  assert.equal(code, 2);
  assert.match(stderr, /REDIS_ENTERPRISE_TOKEN and REDIS_ENTERPRISE_USER are set; set one of them/);
});

test("it listens on the host that is given", async (t) => {
  const file = await written(t, "[]");
  const server = start(["--file", file, "--host", "::1", "--port", "0"]);
  t.after(() => server.kill("SIGKILL"));
  const line = await firstLine(server);
  assert.match(line, / at http:\/\/\[::1\]:\d+\/v1\/modules$|cannot listen on ::1.*does not have the address/);
});

test("a port in use is an error of one line", async (t) => {
  const other = createServer();
  await new Promise((resolve) => other.listen(0, "127.0.0.1", resolve));
  t.after(() => other.close());
  const { port } = other.address();
  const { code, stderr } = await run(["--file", await written(t, "[]"), "--port", `${port}`]);
  assert.equal(code, 2);
  const expected = `cannot listen on 127.0.0.1, port ${port}: the port is in use; choose another one with --port`;
  assert.equal(stderr, `ccs-modules: ${expected}\n`);
});

test("bad files and options are errors of one line", async (t) => {
  const good = await written(t, "[]");
  for (const [options, expected] of [
    [[], /^expected one of --file and --upstream \(--help shows the options\)$/],
    [["--file", good, "--upstream", "http://a"], /^expected one of --file and --upstream \(--help/],
    [["--upstream", "http://a", "--snapshot-file", good], /^--snapshot-file .*modules\.json: it was not written by a mirror$/],
    [["--upstream", "http://a", "--refresh", "30"], /^--refresh 30: expected a time such as 500ms, 30s or 24h$/],
    [["--upstream", "http://a", "--refresh", "0s"], /^--upstream: refresh_ms: expected 1 to/],
    [["--upstream", "http://u:secret@a"], /^--upstream: nodes\[0\]: a URL with credentials in it/],
    [["--file"], /--file.*\(--help shows the options\)$/],
    [["--flie", good], /--flie.*\(--help shows the options\)$/],
    [["--file", "/nowhere/m.json"], /^cannot read \/nowhere\/m\.json: there is no such file$/],
    [["--file", tmpdir()], /^cannot read .*: it is a directory$/],
    [["--file", await written(t, "{}")], /modules\.json: line 1, column 1: /],
    [["--file", good, "--access", "/nowhere/a.json"], /^--access \/nowhere\/a\.json: .*no such file/],
    [["--file", good, "--access", await written(t, "{")], /^--access .*modules\.json: .*line 1, column 1/],
    [["--file", good, "--access", await written(t, "{}")], /^--access .*modules\.json: expected exactly one of /],
    [["--file", good, "--port", "http"], /^--port http: expected a number from 0 to 65535$/],
    [["--file", good, "--port", "65536"], /^--port 65536: expected a number from 0 to 65535$/],
  ]) {
    const { code, stdout, stderr } = await run(options);
    assert.notEqual(code, 0);
    assert.equal(stdout, "");
    const [, line] = stderr.match(/^ccs-modules: (.*)\n$/) ?? assert.fail(`not one line: ${stderr}`);
    assert.match(line, expected);
  }
});

/** Starts the command, which is ended after half a minute at the latest. */
function start(options, more = {}) {
  return spawn(process.execPath, [CLI, ...options], { timeout: 30_000, ...more });
}

async function run(options, more) {
  const child = start(options, more);
  const texts = Promise.all([text(child.stdout), text(child.stderr)]);
  const code = await ended(child);
  const [stdout, stderr] = await texts;
  return { code, stdout, stderr };
}

function ended(child) {
  return new Promise((resolve) => child.once("close", resolve));
}

async function text(stream) {
  let all = "";
  for await (const chunk of stream) {
    all += chunk;
  }
  return all;
}

/** The first line of the output, or the errors of a command that ends. */
async function firstLine(child) {
  const lines = createInterface({ input: child.stdout });
  return Promise.race([once(lines, "line").then(([line]) => line), text(child.stderr)]);
}

async function written(t, content) {
  const path = join(await folder(t), "modules.json");
  await writeFile(path, content);
  return path;
}

async function folder(t) {
  const path = await mkdtemp(join(tmpdir(), "ccs-modules-"));
  t.after(() => rm(path, { recursive: true }));
  return path;
}
