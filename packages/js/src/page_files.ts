/** The page as a server offers it: static files at `/`. */

import { readdirSync, readFileSync } from "node:fs";
import { extname } from "node:path";

import type { Authenticate } from "./access.js";
import { type Handler, handlerOf, serveCatalog } from "./service.js";
import type { Standalone } from "./standalone.js";

/**
 * Offers the page of this package at `/`, in front of a handler, to callers who may see the modules.
 *
 * A request names one of the files or none: no path of a request reaches the file system.
 */
export function withPage(
  handler: Handler,
  authenticate: Authenticate,
  standalone: Standalone,
): Handler {
  const files = pageFiles();
  const empty = standalone.parse("[]");
  return handlerOf(async (received) => {
    const { method, target, headers } = received;
    const [path] = target.replace(/^https?:\/\/[^/?]*/, "").split("?", 1);
    const file = files.get(path!);
    if (file === undefined) {
      return handler.handle(received);
    }

    // A caller who is refused the list of modules is refused the page, by the same response.
    const lists = serveCatalog(() => empty, () => authenticate(headers));
    const list = await lists.handle({ method, target: "/v1/modules", headers: [] });
    if (list.status !== 200) {
      return list;
    }

    const length = `${file.content.length}`;
    return {
      status: 200,
      headers: [["content-type", file.contentType], ["content-length", length], ...HEADERS],
      body: method === "HEAD" ? "" : file.content,
    };
  });
}

interface PageFile {
  contentType: string;
  content: Uint8Array;
}

/** The files of the page, by the paths of their URLs. */
function pageFiles(): Map<string, PageFile> {
  const here = import.meta.url; // Not in the line below: a bundler would look for one file.
  const folder = new URL("page/", here);
  const files = new Map<string, PageFile>();
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    const contentType = CONTENT_TYPES[extname(name)];
    if (contentType !== undefined) {
      files.set(`/${name}`, { contentType, content: readFileSync(new URL(name, folder)) });
    }
  }
  return files.set("/", files.get("/index.html")!);
}

const CONTENT_TYPES: Record<string, string> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
};

/**
 * The header fields of every file. The policy is the one of `index.html`, which does not apply to its
 * worker, and in addition keeps the page out of frames.
 */
const HEADERS: [string, string][] = [
  ["cache-control", "private, no-cache"],
  [
    "content-security-policy",
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; " +
      "connect-src 'self' https: http:; style-src 'self'; img-src 'self'; base-uri 'none'; " +
      "form-action 'none'; frame-ancestors 'none'",
  ],
  ["referrer-policy", "no-referrer"],
  ["x-content-type-options", "nosniff"],
];
