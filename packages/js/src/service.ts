/** HTTP requests of callers who have to be authenticated. */

import { type Authenticate, callerOf, type Header } from "./access.js";
import type { Catalog, CatalogRequest, CatalogResponse } from "./catalog.js";
import { consoleLog, type Log } from "./log.js";

/** A request whose sender is not known yet. */
export type Received = Omit<CatalogRequest, "caller">;

/** A response to send. */
export type Served = Omit<CatalogResponse, "body"> & { body: string | Uint8Array };

/** An object that answers HTTP requests and finds their senders. */
export interface Handler {
  /**
   * Answers a request of a runtime that has the types of the web: `Deno.serve(handler.fetch)`,
   * `Bun.serve(handler)`, `export default handler`.
   */
  fetch(this: void, request: Request): Promise<Response>;
  /** Answers a request as it was received. A `Request` has a parsed URL, and its header fields joined. */
  handle(received: Received): Promise<Served>;
}

/**
 * Serves the catalog that `current` returns, a snapshot or a mirror: each request is answered from one.
 *
 * The cause of a 5xx or a 403 is logged once, until another request does not fail. If `authenticate` or the
 * component fails, the error is logged and the response is 500.
 */
export function serveCatalog(
  current: () => Catalog,
  authenticate: Authenticate,
  { log = consoleLog }: { log?: Log } = {},
): Handler {
  let logged: string | undefined;
  const logCause = ({ status, cause }: CatalogResponse): void => {
    const reason = cause === undefined ? undefined : `answered ${status}: ${cause}`;
    if (reason !== undefined && reason !== logged) {
      log(reason);
    }
    if (reason !== undefined || status < 400) {
      logged = reason;
    }
  };

  return handlerOf(async (received) => {
    try {
      const caller = callerOf(await authenticate(received.headers));
      const response = current().handle({ ...received, caller });
      logCause(response);
      return response;
    } catch (error) {
      log("a request failed:", error);
      return failure(received.method, "failed", "the request failed");
    }
  });
}

/** The handler that answers each request by a function. */
export function handlerOf(handle: Handler["handle"]): Handler {
  return {
    handle,
    fetch: async ({ method, url, headers }) => {
      const served = await handle({ method, target: url, headers: Array.from(headers) as Header[] });
      const { status, body } = served;
      const content = typeof body === "string" ? body : new Uint8Array(body);
      return new Response(body.length === 0 ? null : content, { status, headers: served.headers });
    },
  };
}

/** The response 500 with this reason. */
export function failure(method: string, error_code: string, description: string): CatalogResponse {
  const body = `${JSON.stringify({ description, error_code })}\n`;
  const length = new TextEncoder().encode(body).length;
  return {
    status: 500,
    headers: [
      ["content-type", "application/json"],
      ["content-length", `${length}`],
    ],
    body: method === "HEAD" ? "" : body,
  };
}
