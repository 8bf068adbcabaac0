/** The host for Node.js, Deno and Bun. */

import { readFileSync } from "node:fs";
import { readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";

import type { Header } from "./access.js";
import urls from "./component/urls.js";
import { consoleLog } from "./log.js";
import type { SnapshotStorage } from "./mirror.js";
import type { Handler } from "./service.js";
import { Standalone } from "./standalone.js";
import { StoreError } from "./store.js";

export { withPage } from "./page_files.js";

/** Loads the component of this package. */
export function load(): Standalone {
  const compiled = new Map<string, WebAssembly.Module>();
  return new Standalone((file) => {
    const module = compiled.get(file) ?? compile(file);
    compiled.set(file, module);
    return module;
  });
}

function compile(file: string): WebAssembly.Module {
  return new WebAssembly.Module(readFileSync(urls[file]!));
}

/**
 * A store in a JSON file, which contains the body of `GET /v1/modules`. A mirror reads the file again
 * when it has changed.
 *
 * To change the file, rename a new one over it: a file that is written in place may be read
 * half-written.
 */
export function jsonFile(path: string): FileStore {
  return async (known) => {
    try {
      // The version is taken first: if the file changes while it is read, it is read again.
      const { mtimeNs, ctimeNs, size, ino } = await stat(path, { bigint: true });
      const version = `${mtimeNs} ${ctimeNs} ${size} ${ino}`;
      return version === known ? undefined : { content: await readFile(path), version };
    } catch (error) {
      throw new StoreError(unread(path, error));
    }
  };
}

/** The store in a file. */
export type FileStore = (
  known?: string,
) => Promise<{ content: Uint8Array; version: string } | undefined>;

/** The message for a file that cannot be read. */
function unread(path: string, error: unknown): string {
  const code = codeOf(error);
  return `cannot read ${path}: ${REASONS[code] ?? code}`;
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? `${error.code}` : `${error}`;
}

const REASONS: Record<string, string> = {
  EACCES: "permission denied",
  EISDIR: "it is a directory",
  ENOENT: "there is no such file",
  EPERM: "permission denied",
};

/** Keeps the catalog of a mirror in a file. The file is replaced as a whole. */
export function snapshotFile(path: string): SnapshotStorage {
  return {
    async load() {
      try {
        return await readFile(path, "utf8");
      } catch (error) {
        if (codeOf(error) === "ENOENT") {
          return undefined;
        }
        throw new Error(unread(path, error));
      }
    },
    async save(text) {
      const partial = `${path}.${process.pid}.new`;
      try {
        await writeFile(partial, text, { mode: 0o600 });
        await rename(partial, path);
      } catch (error) {
        await rm(partial, { force: true });
        throw error;
      }
    },
  };
}

/** Makes a listener that serves the modules API: `createServer(listener(handler))`. */
export function listener(
  handler: Handler,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  return async (request, response) => {
    try {
      const { method, url, rawHeaders } = request;
      const headers = pairs(rawHeaders);
      const answer = await handler.handle({ method: method ?? "", target: url ?? "", headers });
      response.writeHead(answer.status, answer.headers.flat());
      response.end(answer.body);
    } catch (error) {
      consoleLog("a request failed:", error);
      response.writeHead(500).end();
    }
  };
}

/** The header fields of a list in which names and values take turns and each character is a byte. */
function pairs(raw: string[]): Header[] {
  const headers: Header[] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) {
    headers.push([raw[at]!.toLowerCase(), Buffer.from(raw[at + 1]!, "latin1").toString()]);
  }
  return headers;
}
