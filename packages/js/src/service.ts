/** HTTP requests of callers who have to be authenticated. */

import { type Authenticate, callerOf } from "./access.js";
import type { Catalog, Request, Response } from "./catalog.js";

/** A request whose sender is not known yet. */
export type Received = Omit<Request, "caller">;

/** A response to send. */
export type Served = Omit<Response, "body"> & { body: string | Uint8Array };

/** An object that answers HTTP requests and finds their senders. */
export interface Handler {
  handle(received: Received): Promise<Served>;
}

/**
 * Serves the catalog that `current` returns, a snapshot or a mirror: each request is answered from one.
 *
 * The cause of a 5xx is logged once, until another request does not fail. If `authenticate` or the
 * component fails, the error is logged and the response is 500.
 */
export function serveCatalog(current: () => Catalog, authenticate: Authenticate): Handler {
  let logged: string | undefined;
  const log = ({ status, cause }: Response): void => {
    const reason = cause === undefined ? undefined : `answered ${status}: ${cause}`;
    if (reason !== undefined && reason !== logged) {
      console.error(`ccs-modules: ${reason}`);
    }
    if (reason !== undefined || status < 400) {
      logged = reason;
    }
  };
  return {
    async handle(received) {
      try {
        const caller = callerOf(await authenticate(received.headers));
        const response = current().handle({ ...received, caller });
        log(response);
        return response;
      } catch (error) {
        console.error("ccs-modules: a request failed:", error);
        return failure(received.method, "failed", "the request failed");
      }
    },
  };
}

/** The response 500 with this reason. */
export function failure(method: string, error_code: string, description: string): Response {
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
