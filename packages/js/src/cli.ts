#!/usr/bin/env node
/** The command `ccs-modules`: serves the modules of a JSON file. */

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { parseArgs } from "node:util";

import type { Authenticate } from "./access.js";
import { jsonFile, listener, load, loadStandalone } from "./node.js";
import { Service } from "./service.js";

const USAGE = `usage: ccs-modules --file FILE [--access FILE] [--host HOST] [--port PORT]

Serves GET /v1/modules and GET /v1/modules/{uid} from a file.

  --file FILE    the modules: a body of GET /v1/modules; read again when it changes
  --access FILE  the access policy: {"users":[...]}, {"trusted_header":"x-roles"} or
                 {"anonymous":["db_viewer"]}; without one every request is answered with 401
  --host HOST    the address to listen on (default 127.0.0.1)
  --port PORT    the port to listen on (default 8080); 0 takes a free one
  --help         shows this text
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
  const { file, access, host, port, help } = options();
  if (help) {
    process.stdout.write(USAGE);
    return;
  }
  if (file === undefined) {
    throw new UserError("--file is missing (--help shows the options)");
  }
  const store = jsonFile(file);
  await store.listDocuments(); // A file that cannot be read is an error now, and not at each request.
  const service = new Service(load(), store, policy(access));
  const server = createServer({ maxHeaderSize: MAX_HEADER_BYTES }, listener(service));
  server.on("error", (error) => fail(listenError(error, host, port)));
  server.listen(portNumber(port), host, () => {
    const { address, family, port } = server.address() as AddressInfo;
    const authority = `${family === "IPv6" ? `[${address}]` : address}:${port}`;
    console.log(`ccs-modules: serving ${file} at http://${authority}/v1/modules`);
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
        help: { type: "boolean", short: "h" },
        host: { type: "string", default: "127.0.0.1" },
        port: { type: "string", default: "8080" },
      },
    }).values;
  } catch (error) {
    throw new UserError(`${message(error)} (--help shows the options)`);
  }
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
