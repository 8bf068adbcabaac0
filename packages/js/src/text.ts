/** Requests and responses as texts, which is how the standalone component takes and gives them. */

import type { Header } from "./access.js";
import type { Request, Response } from "./catalog.js";
import type * as texts from "./component/interfaces/ccs-modules-snapshot.js";

/** UTF-8 whose byte order mark is kept. Anything that is not UTF-8 throws. */
export const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The header fields as texts, with U+FFFD for what is not UTF-8. */
export function headersAsText(headers: Header[]): [string, string][] {
  return headers.map(([name, value]) => [name, lossy.decode(value)]);
}

/** A request whose header values are texts. */
export function asText(request: Request): texts.Request {
  return { ...request, headers: headersAsText(request.headers) };
}

/** A response whose body is bytes. */
export function asBytes(response: texts.Response): Response {
  return { ...response, body: encoder.encode(response.body) };
}

const lossy = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();
