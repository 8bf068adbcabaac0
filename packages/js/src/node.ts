/** A host for Node.js, and for what runs its programs: Deno, Bun. */

import { readFileSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";

import type { Header } from "./access.js";
import { Snapshot, StoreError } from "./ccs.js";
import { Plugin } from "./plugin.js";
import type { Service, Store } from "./service.js";

/** Loads the plugin from this package. */
export function load(): Plugin {
  const read = (file: string) => readFileSync(new URL(`component/${file}`, import.meta.url));
  return new Plugin((file) => new WebAssembly.Module(read(file)));
}

/**
 * A JSON file that holds the body of `GET /v1/modules`. It is read again when it has changed.
 *
 * Replace the file by renaming a new one over it; one that is written to in place may be read
 * half-written.
 */
export function jsonFile(path: string): Store {
  let known: { stamp: string; snapshot: Snapshot } | undefined;
  return async () => {
    try {
      // The stamp is taken first: if the file changes while it is read, the next call reads again.
      const { mtimeNs, size, ino } = await stat(path, { bigint: true });
      const stamp = `${mtimeNs} ${size} ${ino}`;
      if (known?.stamp !== stamp) {
        known = { stamp, snapshot: Snapshot.parse(await readFile(path)) };
      }
      return known.snapshot;
    } catch (error) {
      throw unreadable(path, error);
    }
  };
}

function unreadable(path: string, error: unknown): StoreError {
  if (error instanceof SyntaxError) {
    return new StoreError("other", `${path}: ${error.message}`);
  }
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  const kind = code === "EACCES" || code === "EPERM" ? "denied" : "unavailable";
  return new StoreError(kind, `cannot read ${path}: ${code}`);
}

/** Serves the modules API: `createServer(listener(service))`. */
export function listener(
  service: Service,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  return async (request, response) => {
    try {
      const { method, url, rawHeaders } = request;
      const headers = pairs(rawHeaders);
      const answer = await service.handle({ method: method ?? "", target: url ?? "", headers });
      response.writeHead(answer.status, answer.headers.flat());
      response.end(answer.body);
    } catch (error) {
      console.error(error);
      response.writeHead(500).end();
    }
  };
}

/** Header fields out of a list of names and values by turns, in which each character is a byte. */
function pairs(raw: string[]): Header[] {
  const headers: Header[] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) {
    headers.push([raw[at]!, Buffer.from(raw[at + 1]!, "latin1")]);
  }
  return headers;
}
