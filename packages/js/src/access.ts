/** Who is calling. The host finds that out; what a caller may do is the plugin's to say. */

/** A header field: its name, and its value as received. */
export type Header = [name: string, value: Uint8Array];

/** The caller's management roles; undefined for a caller who is not authenticated. */
export type Authenticate = (
  headers: Header[],
) => string[] | undefined | Promise<string[] | undefined>;

/**
 * An access policy: the roles, comma separated, are in a header that an authenticating proxy in
 * front sets, and removes from what clients send; or everybody has these roles.
 *
 * Anything else, such as passwords or tokens, is an {@link Authenticate} of your own.
 */
export type Policy = { trusted_header: string } | { anonymous: string[] };

/** Authenticates by a policy. Without one, nobody is let in. */
export function authenticate(policy: Policy | undefined): Authenticate {
  if (policy === undefined) {
    return () => undefined;
  }
  if ("trusted_header" in policy && typeof policy.trusted_header === "string") {
    return trustedHeader(policy.trusted_header.toLowerCase());
  }
  if ("anonymous" in policy && Array.isArray(policy.anonymous)) {
    return () => policy.anonymous;
  }
  throw new TypeError('expected the field "trusted_header" or "anonymous" in the access policy');
}

function trustedHeader(trusted: string): Authenticate {
  return (headers) => {
    const [header, second] = headers.filter(([name]) => name.toLowerCase() === trusted);
    if (header === undefined || second !== undefined) {
      return undefined; // A second one is somebody else's.
    }
    const roles = new TextDecoder().decode(header[1]).split(",");
    return roles.map((role) => role.trim()).filter((role) => role !== "");
  };
}
