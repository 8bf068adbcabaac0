#!/usr/bin/env node
/** The command `ccs-modules`: serves the modules of a JSON file or of a cluster. */

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { parseArgs } from "node:util";

import type { Authenticate, Header } from "./access.js";
import type {
  ClusterConfiguration,
  Mirror,
  MirrorConfiguration,
  MirrorOptions,
  SnapshotStorage,
} from "./mirror.js";
import { jsonFile, listener, load, snapshotFile, withPage } from "./node.js";
import { savedIn } from "./saved.js";
import { type Handler, handlerOf, serveCatalog } from "./service.js";
import { messageOf } from "./text.js";

const USAGE = `usage: ccs-modules (--file FILE | --upstream URLS) [--access FILE] [--page] [--host HOST] [--port PORT]

Serves GET /v1/modules and GET /v1/modules/{uid} from a file, or as a mirror of a cluster. At /healthz it
answers while it runs.

  --file FILE            the modules: a body of GET /v1/modules; read again when it changes
  --upstream URLS        the nodes of a cluster, comma separated, such as https://node1:9443; the
                         credentials are in REDIS_ENTERPRISE_USER and REDIS_ENTERPRISE_PASSWORD
  --refresh TIME         the time between two requests to the cluster (default 30s), or two looks at the
                         file (default 1s)
  --stale-if-error TIME  the age up to which a catalog is served while its source fails (default 24h)
  --snapshot-file FILE   keeps the catalog, to start while the cluster is down
  --access FILE          the access policy: {"users":[...]}, {"trusted_header":"x-roles"} or
                         {"anonymous":["db_viewer"]}; without one every request is answered with 401
  --page                 offers a page to read catalogs on at /, for those who may see the modules
  --host HOST            the address to listen on (default 127.0.0.1)
  --port PORT            the port to listen on (default 8080); 0 takes a free one
  --version              shows the version of this package
  --help                 shows this text
`;

/** The longest request line and header fields, in bytes: more than the component takes. */
const MAX_HEADER_BYTES = 64 * 1024;

/** The refresh interval of a file. */
const FILE_REFRESH_MS = 1000;

const standalone = load();

/** An error that the user of the command can mend, shown in one line. */
class UserError extends Error {}

try {
  await main();
} catch (error) {
  fail(error);
}

async function main(): Promise<void> {
  const values = options();
  const { access, host, page, port } = values;
  if (values.help) {
    process.stdout.write(USAGE);
    return;
  }
  if (values.version) {
    console.log(`ccs-modules ${version()} of npm. The program with list, get and serve is another one.`);
    return;
  }

  const authenticate = policy(access);
  const listenOn = portNumber(port);
  const { source, mirror } = await started(values);
  const catalog = withHealth(serveCatalog(() => mirror, authenticate));
  const handler = page ? withPage(catalog, authenticate, standalone) : catalog;

  const server = createServer({ maxHeaderSize: MAX_HEADER_BYTES }, listener(handler));
  server.on("error", (error) => fail(listenError(error, host, port)));
  server.listen(listenOn, host, () => {
    const { address, family, port } = server.address() as AddressInfo;
    const authority = `${family === "IPv6" ? `[${address}]` : address}:${port}`;
    console.log(`ccs-modules: serving ${source} at http://${authority}/v1/modules`);
    if (page) {
      console.log(`ccs-modules: the page is at http://${authority}/`);
    }
    if (access === undefined) {
      console.log("ccs-modules: no --access is given: every request is answered with 401");
    }
  });

  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    // A second signal ends the process at once.
    process.once(signal, () => {
      server.close();
      mirror.stop();
    });
  }
}

function options() {
  try {
    return parseArgs({
      options: {
        access: { type: "string" },
        file: { type: "string" },
        refresh: { type: "string" },
        "snapshot-file": { type: "string" },
        "stale-if-error": { type: "string" },
        upstream: { type: "string" },
        help: { type: "boolean", short: "h" },
        version: { type: "boolean" },
        page: { type: "boolean", default: false },
        host: { type: "string", default: "127.0.0.1" },
        port: { type: "string", default: "8080" },
      },
    }).values;
  } catch (error) {
    throw new UserError(`${messageOf(error)} (--help shows the options)`);
  }
}

type Options = ReturnType<typeof options>;

/** The mirror that the options describe, and the name of its source. The mirror has been started. */
async function started(options: Options): Promise<{ source: string; mirror: Mirror }> {
  const { file, upstream, "snapshot-file": kept } = options;
  const source = file ?? upstream;
  if (source === undefined || (file !== undefined && upstream !== undefined)) {
    throw new UserError("expected one of --file and --upstream (--help shows the options)");
  }

  const mirror = mirrorOf(options, kept === undefined ? {} : { storage: await storageIn(kept) });
  if (file !== undefined) {
    await check(file);
  }
  await mirror.start();
  return { source, mirror };
}

/** Checks a file, so that one that cannot be read is an error now, and not at each request. */
async function check(file: string): Promise<void> {
  const found = await jsonFile(file)();
  try {
    standalone.parse(found!.content)[Symbol.dispose]();
  } catch (error) {
    throw new UserError(`${file}: ${messageOf(error)}`);
  }
}

function mirrorOf(options: Options, more: MirrorOptions): Mirror {
  const { file, upstream = "", refresh, "stale-if-error": stale } = options;
  const times: MirrorConfiguration = {};
  if (refresh !== undefined) {
    times.refreshMs = milliseconds("refresh", refresh);
  }
  if (stale !== undefined) {
    times.staleIfErrorMs = milliseconds("stale-if-error", stale);
  }
  try {
    return file === undefined
      ? standalone.mirror({ ...cluster(upstream), ...times }, more)
      : standalone.mirrorStore(jsonFile(file), { refreshMs: FILE_REFRESH_MS, ...times }, more);
  } catch (error) {
    throw new UserError(`${file === undefined ? "--upstream" : "--file"}: ${messageOf(error)}`);
  }
}

function cluster(urls: string): ClusterConfiguration {
  const { REDIS_ENTERPRISE_USER: user, REDIS_ENTERPRISE_PASSWORD: password = "" } = process.env;
  const nodes = urls.split(",");
  return user === undefined ? { nodes } : { nodes, credentials: { user, password } };
}

/** The storage in a file. A file with anything else in it is an error now, before it could be lost. */
async function storageIn(path: string): Promise<SnapshotStorage> {
  const storage = snapshotFile(path);
  try {
    const text = await storage.load();
    if (text) {
      savedIn(text);
    }
  } catch (error) {
    throw new UserError(`--snapshot-file ${path}: ${messageOf(error)}`);
  }
  return storage;
}

/** Answers `/healthz`, for probes that check whether the process runs. */
function withHealth(handler: Handler): Handler {
  const body = "ok\n";
  const headers: Header[] = [
    ["content-type", "text/plain; charset=utf-8"],
    ["content-length", `${body.length}`],
  ];
  return handlerOf(async (received) => {
    const { method, target } = received;
    if (target !== "/healthz" || !["GET", "HEAD"].includes(method)) {
      return handler.handle(received);
    }
    return { status: 200, headers, body: method === "HEAD" ? "" : body };
  });
}

function version(): string {
  return JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")).version;
}

function milliseconds(option: string, text: string): number {
  const [, number, unit] = /^(\d+)(ms|s|m|h)$/.exec(text) ?? [];
  const units: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
  if (unit === undefined) {
    throw new UserError(`--${option} ${text}: expected a time such as 500ms, 30s or 24h`);
  }
  return Number(number) * units[unit]!;
}

function policy(path: string | undefined): Authenticate {
  try {
    return standalone.authenticate(path && readFileSync(path, "utf8"));
  } catch (error) {
    throw new UserError(`--access ${path}: ${messageOf(error)}`);
  }
}

function portNumber(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65535) {
    throw new UserError(`--port ${text}: expected a number from 0 to 65535`);
  }
  return port;
}

function listenError(error: Error & { code?: string }, host: string, port: string): Error {
  const reasons: Record<string, string> = {
    EACCES: "permission denied",
    EADDRINUSE: "the port is in use; choose another one with --port",
    EADDRNOTAVAIL: "this machine does not have the address",
    ENOTFOUND: "the host name is not known",
  };
  const reason = reasons[error.code ?? ""] ?? messageOf(error);
  return new UserError(`cannot listen on ${host}, port ${port}: ${reason}`);
}

function fail(error: unknown): void {
  console.error(`ccs-modules: ${messageOf(error)}`);
  process.exitCode = error instanceof UserError ? 2 : 1;
}
