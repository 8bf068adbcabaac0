/** Access policies: the roles of a caller. What a role may do is decided by the component. */

import type { Caller } from "./catalog.js";

/** A header field: its name, and its value as received. */
export type Header = [name: string, value: Uint8Array];

/**
 * The sender of a request. Management roles stand for an authenticated caller, undefined for one that
 * is not authenticated; `{ tag: "anonymous", val: roles }` gives every request the same roles, so that
 * shared caches may keep the responses.
 */
export type Sender = string[] | undefined | Caller;

/** Finds the sender of a request. */
export type Authenticate = (headers: Header[]) => Sender | Promise<Sender>;

/** The sender as the component takes it. */
export function callerOf(sender: Sender): Caller {
  if (sender === undefined) {
    return { tag: "unauthenticated" };
  }
  return Array.isArray(sender) ? { tag: "authenticated", val: sender } : sender;
}

/**
 * An access policy, one of two:
 *
 * - `trusted_header`: the name of a header field that holds the roles, comma separated. An
 *   authenticating proxy in front sets it, and removes it from what clients send.
 * - `anonymous`: the roles of every caller.
 *
 * For passwords or tokens, write an {@link Authenticate} function.
 */
export type Policy = { trusted_header: string } | { anonymous: string[] };

/**
 * Makes an {@link Authenticate} function of a policy. Without a policy no caller is authenticated.
 *
 * @throws {TypeError} if the value is not an access policy
 */
export function authenticate(policy: Policy | undefined): Authenticate {
  if (policy === undefined) {
    return () => undefined;
  }
  const [field, value] = onlyField(policy);
  if (field === "trusted_header" && isFieldName(value)) {
    return trustedHeader(value.toLowerCase());
  }
  if (field === "anonymous" && isStrings(value)) {
    return () => ({ tag: "anonymous", val: value });
  }
  throw new TypeError(
    'access policy: expected {"trusted_header": HEADER NAME} or {"anonymous": [ROLES]}',
  );
}

function trustedHeader(trusted: string): Authenticate {
  return (headers) => {
    const [header, second] = headers.filter(([name]) => isSameName(name, trusted));
    if (header === undefined || second !== undefined) {
      return undefined; // The proxy in front sets one field. A second one comes from the client.
    }
    const text = decoded(header[1]);
    return text?.split(",").map(trimmed).filter((role) => role !== "");
  };
}

/** The name and the value of the only field of an object. */
function onlyField(value: unknown): [name?: string, value?: unknown] {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  const fields = isObject ? Object.entries(value) : [];
  return fields.length === 1 ? fields[0]! : [];
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((element) => typeof element === "string");
}

/** Whether the value is a token (RFC 9110, section 5.6.2). */
function isFieldName(value: unknown): value is string {
  return typeof value === "string" && /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(value);
}

/** Whether a name is `trusted`, which is in lower case and ASCII. */
function isSameName(name: string, trusted: string): boolean {
  return name.length === trusted.length && isFieldName(name) && name.toLowerCase() === trusted;
}

/** The text that UTF-8 bytes encode; undefined for other bytes. */
function decoded(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text without the white space around it, as Unicode defines white space. */
function trimmed(text: string): string {
  return text.replace(/^\p{White_Space}+|\p{White_Space}+$/gu, "");
}
