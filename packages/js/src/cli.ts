#!/usr/bin/env node
/** The command `ccs-modules`: serves the modules of a JSON file or of a cluster. */

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { parseArgs } from "node:util";

import type { Authenticate } from "./access.js";
import type { Mirror, MirrorConfiguration } from "./mirror.js";
import { jsonFile, listener, load, loadStandalone, snapshotFile } from "./node.js";
import { withPage } from "./page_files.js";
import { type Handler, serveCatalog, Service } from "./service.js";

const USAGE = `usage: ccs-modules (--file FILE | --upstream URLS) [--access FILE] [--page] [--host HOST] [--port PORT]

Serves GET /v1/modules and GET /v1/modules/{uid} from a file, or as a mirror of a cluster.

  --file FILE            the modules: a body of GET /v1/modules; read again when it changes
  --upstream URLS        the nodes of a cluster, comma separated, such as https://node1:9443; the
                         credentials are in REDIS_ENTERPRISE_USER and REDIS_ENTERPRISE_PASSWORD
  --refresh TIME         the time between two requests to the cluster (default 30s)
  --stale-if-error TIME  the age up to which a catalog is served while the cluster fails (default 24h)
  --snapshot-file FILE   keeps the catalog of the cluster, to start while the cluster is down
  --access FILE          the access policy: {"users":[...]}, {"trusted_header":"x-roles"} or
                         {"anonymous":["db_viewer"]}; without one every request is answered with 401
  --page                 offers a page to read catalogs on at /, for those who may see the modules
  --host HOST            the address to listen on (default 127.0.0.1)
  --port PORT            the port to listen on (default 8080); 0 takes a free one
  --help                 shows this text
`;

/** The longest request line and header fields, in bytes: more than the component takes. */
const MAX_HEADER_BYTES = 64 * 1024;

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
  const authenticate = policy(access);
  const listenOn = portNumber(port);
  const { source, handler } = await service(values, authenticate);
  const served = page ? withPage(handler, authenticate, loadStandalone()) : handler;
  const server = createServer({ maxHeaderSize: MAX_HEADER_BYTES }, listener(served));
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
    process.once(signal, () => server.close()); // A second signal ends the process at once.
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
        page: { type: "boolean", default: false },
        host: { type: "string", default: "127.0.0.1" },
        port: { type: "string", default: "8080" },
      },
    }).values;
  } catch (error) {
    throw new UserError(`${message(error)} (--help shows the options)`);
  }
}

type Options = ReturnType<typeof options>;

/** The service that the options describe, and the name of its source. */
async function service(
  options: Options,
  authenticate: Authenticate,
): Promise<{ source: string; handler: Handler }> {
  const { file, upstream } = options;
  if (upstream !== undefined && file === undefined) {
    const mirror = mirrorOf(upstream, options);
    await mirror.start();
    return { source: upstream, handler: serveCatalog(() => mirror, authenticate) };
  }
  if (file === undefined || upstream !== undefined) {
    throw new UserError("expected one of --file and --upstream (--help shows the options)");
  }
  for (const name of ["refresh", "snapshot-file", "stale-if-error"] as const) {
    if (options[name] !== undefined) {
      throw new UserError(`--${name} is for --upstream, and not for --file`);
    }
  }
  const store = jsonFile(file);
  await store.listDocuments(); // A file that cannot be read is an error now, and not at each request.
  return { source: file, handler: new Service(load(), store, authenticate) };
}

function mirrorOf(urls: string, options: Options): Mirror {
  const configuration: MirrorConfiguration = { nodes: urls.split(",") };
  const { REDIS_ENTERPRISE_USER: user, REDIS_ENTERPRISE_PASSWORD: password = "" } = process.env;
  if (user !== undefined) {
    configuration.credentials = { user, password };
  }
  if (options.refresh !== undefined) {
    configuration.refresh_ms = milliseconds("refresh", options.refresh);
  }
  if (options["stale-if-error"] !== undefined) {
    configuration.stale_if_error_ms = milliseconds("stale-if-error", options["stale-if-error"]);
  }
  const file = options["snapshot-file"];
  try {
    return loadStandalone().mirror(configuration, file === undefined ? {} : { storage: snapshotFile(file) });
  } catch (error) {
    throw new UserError(`--upstream: ${message(error)}`);
  }
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
    return loadStandalone().authenticate(path && readFileSync(path, "utf8"));
  } catch (error) {
    throw new UserError(`--access ${path}: ${message(error)}`);
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
  const reason = reasons[error.code ?? ""] ?? message(error);
  return new UserError(`cannot listen on ${host}, port ${port}: ${reason}`);
}

function fail(error: unknown): void {
  console.error(`ccs-modules: ${message(error)}`);
  process.exitCode = error instanceof UserError ? 2 : 1;
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : `${error}`;
}
