/** The senders of requests. The component decides what a role may do. */

import type { Caller } from "./catalog.js";

/** A header field: its name in lower case, and its value, with U+FFFD for what is not UTF-8. */
export type Header = [name: string, value: string];

/**
 * The sender of a request. Management roles stand for an authenticated caller, undefined for one that
 * is not authenticated: the response has the challenge `Bearer realm="ccs-modules"`.
 * `{ tag: "unauthenticated", val: 'Basic realm="x"' }` is answered with a challenge of your own.
 * `{ tag: "anonymous", val: roles }` gives every request the same roles, so that shared caches may
 * keep the responses.
 */
export type Sender = string[] | undefined | Caller;

/** Finds the sender of a request. */
export type Authenticate = (headers: Header[]) => Sender | Promise<Sender>;

/** The sender as the component takes it. */
export function callerOf(sender: Sender): Caller {
  if (sender === undefined) {
    return { tag: "unauthenticated", val: undefined };
  }
  return Array.isArray(sender) ? { tag: "authenticated", val: sender } : sender;
}
