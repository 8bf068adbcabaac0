#!/usr/bin/env node
/** `ccs-modules`: serves the modules of a JSON file. */

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { parseArgs } from "node:util";

import { authenticate } from "./access.js";
import { jsonFile, listener, load } from "./node.js";
import { Service } from "./service.js";

const USAGE = `usage: ccs-modules --file FILE [--access FILE] [--port PORT]

  --file FILE    the modules: the body of GET /v1/modules, read again when it changes
  --access FILE  {"trusted_header":"x-..."} or {"anonymous":["db_viewer"]}; none lets nobody in
  --port PORT    of 127.0.0.1 (default 8080)`;

try {
  const { values } = parseArgs({
    options: {
      access: { type: "string" },
      file: { type: "string" },
      port: { type: "string", default: "8080" },
    },
  });
  if (values.file === undefined) {
    throw new TypeError("--file is missing");
  }
  const policy = values.access && JSON.parse(readFileSync(values.access, "utf8"));
  const service = new Service(load(), jsonFile(values.file), authenticate(policy || undefined));
  // The plugin says what is too long, up to what it takes and the headers besides.
  createServer({ maxHeaderSize: 64 * 1024 }, listener(service)).listen(
    Number(values.port),
    "127.0.0.1",
  );
} catch (error) {
  console.error(`ccs-modules: ${error instanceof Error ? error.message : error}\n\n${USAGE}`);
  process.exitCode = 2;
}
