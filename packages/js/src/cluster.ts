/** Clusters: the requests of a mirror, by the runtime's `fetch`. */

import type { Fetch, Fetched } from "./component/interfaces/ccs-modules-mirror.js";
import { decoder, messageOf } from "./text.js";

/** Sends a request. Returns the response, or the reason for its absence. */
export async function fetched(
  send: typeof fetch,
  request: Fetch,
  signal: AbortSignal,
): Promise<Fetched | string> {
  const { url, headers, bodyBytes } = request;
  try {
    const response = await send(url, { headers, redirect: "manual", signal });
    const body = await bodyOf(response, Number(bodyBytes) + LONGEST_CHARACTER);
    return { status: response.status, headers: Array.from(response.headers), body };
  } catch (error) {
    return signal.aborted ? messageOf(signal.reason) : failure(error, request);
  }
}

/** The most bytes of a character in UTF-8. A body that is cut this much after the limit is still too long. */
const LONGEST_CHARACTER = 4;

/** The body of a response, cut once it is longer than this. */
async function bodyOf(response: Response, most: number): Promise<string> {
  const reader = response.body?.getReader();
  const utf8 = decoder();
  let text = "";
  for (let length = 0; reader !== undefined && length <= most; ) {
    const { done, value } = await reader.read();
    try {
      text += done ? utf8.decode() : utf8.decode(value, { stream: true });
    } catch {
      throw new Error("a body that is not UTF-8");
    }
    if (done) {
      return text;
    }
    length += value.length;
  }
  await reader?.cancel();
  return text;
}

/** The reason why a request has no response, in words without credentials. */
function failure(error: unknown, { headers }: Fetch): string {
  const root = rootOf(error);
  const text = REASONS[codeOf(root)] ?? messageOf(root);
  const shown = headers.filter(([, value]) => value !== "" && text.includes(value.split(" ").pop()!));
  return shown.length > 0 ? "the request failed" : text;
}

/** Words for the codes of the runtimes' errors. */
const REASONS: Record<string, string> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "the connection was reset",
  EHOSTUNREACH: "the host cannot be reached",
  ENETUNREACH: "the network cannot be reached",
  ENOTFOUND: "the host name is not known",
  UND_ERR_SOCKET: "the connection broke off",
};

/** The innermost cause of an error. If there is one for each address, it is the first one. */
function rootOf(error: unknown): unknown {
  const first = error instanceof AggregateError ? error.errors[0] : undefined;
  const cause = first ?? (error instanceof Error ? error.cause : undefined);
  return cause === undefined ? error : rootOf(cause);
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? `${error.code}` : "";
}
