/** The host for Node.js, Deno and Bun. */

import { readFileSync } from "node:fs";
import { readFile, rename, stat, writeFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";

import type { Header } from "./access.js";
import { type Store, StoreError } from "./ccs.js";
import { Documents } from "./documents.js";
import { Plugin } from "./plugin.js";
import type { SavedSnapshot, SnapshotStorage } from "./mirror.js";
import type { Handler } from "./service.js";
import { Standalone } from "./standalone.js";

export { withPage } from "./page_files.js";

/** Loads the plugin component of this package. */
export function load(): Plugin {
  return new Plugin(compile);
}

/** Loads the standalone component of this package. */
export function loadStandalone(): Standalone {
  const compiled = new Map<string, WebAssembly.Module>();
  return new Standalone((file) => {
    const module = compiled.get(file) ?? compile(file);
    compiled.set(file, module);
    return module;
  });
}

function compile(file: string): WebAssembly.Module {
  return new WebAssembly.Module(readFileSync(new URL(`component/${file}`, import.meta.url)));
}

/**
 * A store in a JSON file, which holds the body of `GET /v1/modules`. The file is read again when it
 * has changed.
 *
 * To change the file, rename a new one over it: a file that is written in place may be read
 * half-written.
 */
export function jsonFile(path: string): Store {
  let known: { stamp: string; documents: Documents } | undefined;
  const read = async (): Promise<Documents> => {
    try {
      // The stamp is taken first: if the file changes while it is read, the next call reads again.
      const { mtimeNs, ctimeNs, size, ino } = await stat(path, { bigint: true });
      const stamp = `${mtimeNs} ${ctimeNs} ${size} ${ino}`;
      if (known?.stamp !== stamp) {
        known = { stamp, documents: Documents.parse(await readFile(path)) };
      }
      return known.documents;
    } catch (error) {
      throw unreadable(path, error);
    }
  };
  return {
    listDocuments: async () => (await read()).listDocuments(),
    getDocument: async (uid) => (await read()).getDocument(uid),
  };
}

function unreadable(path: string, error: unknown): StoreError {
  if (error instanceof SyntaxError) {
    return new StoreError("other", `${path}: ${error.message}`);
  }
  const isDenied = ["EACCES", "EPERM"].includes(codeOf(error));
  return new StoreError(isDenied ? "denied" : "unavailable", unread(path, error));
}

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
    async load(): Promise<SavedSnapshot | undefined> {
      try {
        return JSON.parse(await readFile(path, "utf8"));
      } catch (error) {
        if (codeOf(error) === "ENOENT") {
          return undefined;
        }
        throw new Error(error instanceof SyntaxError ? `${path}: ${error.message}` : unread(path, error));
      }
    },
    async save(saved: SavedSnapshot): Promise<void> {
      const partial = `${path}.${process.pid}.new`;
      await writeFile(partial, JSON.stringify(saved), { mode: 0o600 });
      await rename(partial, path);
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
      console.error(error);
      response.writeHead(500).end();
    }
  };
}

/** The header fields of a list in which names and values take turns and each character is a byte. */
function pairs(raw: string[]): Header[] {
  const headers: Header[] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) {
    headers.push([raw[at]!, Buffer.from(raw[at + 1]!, "latin1")]);
  }
  return headers;
}
