/** The standalone component, transpiled to JavaScript: the modules API over catalogs in memory. */

import type { Authenticate } from "./access.js";
import { answered, type CoreModules } from "./catalog.js";
import type { Snapshot as Held } from "./component/interfaces/ccs-modules-snapshot.js";
import { instantiate, type Root } from "./component/standalone.js";
import {
  ConfigurationError,
  Mirror,
  type MirrorConfiguration,
  type MirrorOptions,
} from "./mirror.js";
import { MalformedError, Snapshot } from "./snapshot.js";
import { headersAsText, utf8 } from "./text.js";

/** The modules API over catalogs in memory. */
export class Standalone {
  #modules: CoreModules;

  constructor(modules: CoreModules) {
    this.#modules = modules;
  }

  /**
   * Checks a catalog that is given as a body of `GET /v1/modules`.
   *
   * @throws {MalformedError} if the catalog breaks the rules
   */
  parse(body: string | Uint8Array): Snapshot {
    const text = typeof body === "string" ? body : textOf("the body", body);
    return this.#snapshot(({ snapshot }) => snapshot.Snapshot.parse(text));
  }

  /**
   * Checks a catalog that is given as its documents, each a JSON object, in the order of the list.
   *
   * @throws {MalformedError} if the catalog breaks the rules
   */
  fromDocuments(documents: (string | Uint8Array)[]): Snapshot {
    const texts = documents.map((document, index) =>
      typeof document === "string" ? document : textOf(`document at index ${index}`, document),
    );
    return this.#snapshot(({ snapshot }) => snapshot.Snapshot.fromDocuments(texts));
  }

  /**
   * Makes an {@link Authenticate} function of an access policy in JSON, one of
   *
   * - `{"users":[{"name":"ann","password_sha256":"<64 hex digits>","roles":["db_viewer"]}]}`: HTTP
   *   Basic, against the SHA-256 digests of the passwords;
   * - `{"trusted_header":"x-roles"}`: the roles, comma separated, in a header field that an
   *   authenticating proxy in front sets, and removes from what clients send;
   * - `{"anonymous":["db_viewer"]}`: every request has these roles.
   *
   * Without a policy no caller is authenticated.
   *
   * @throws {PolicyError} if the text is not an access policy
   */
  authenticate(policy: string | undefined): Authenticate {
    if (policy === undefined) {
      return nobody();
    }
    const { access } = instantiate(this.#modules, {});
    const parsed = answered(PolicyError, () => access.Policy.parse(policy));
    return (headers) => parsed.caller(headersAsText(headers));
  }

  /**
   * Makes a mirror of a cluster's catalog from a configuration, which may be JSON text.
   *
   * @throws {ConfigurationError} if an option is wrong
   */
  mirror(configuration: MirrorConfiguration | string, options: MirrorOptions = {}): Mirror {
    const text = typeof configuration === "string" ? configuration : JSON.stringify(configuration);
    const { mirror } = instantiate(this.#modules, {});
    const [seed] = crypto.getRandomValues(new BigUint64Array(1));
    const held = answered(ConfigurationError, () => mirror.Mirror.open(text, seed!));
    return new Mirror(held, JSON.parse(text).nodes, options);
  }

  #snapshot(make: (root: Root) => Held): Snapshot {
    // Each snapshot has an instance of its own, whose memory is free when the snapshot is.
    const root = instantiate(this.#modules, {});
    const held = answered(MalformedError, () => make(root));
    return new Snapshot(held, (body) => root.snapshot.Snapshot.parse(body));
  }
}

/** The reason why a text is not an access policy. The message names the field and shows no value. */
export class PolicyError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "PolicyError";
  }
}

/** Authenticates no caller, and logs with the first request why. */
function nobody(): Authenticate {
  let logged = false;
  return () => {
    if (!logged) {
      console.error("ccs-modules: there is no access policy: every request is answered with 401");
      logged = true;
    }
    return undefined;
  };
}

function textOf(what: string, bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    const reason = "not UTF-8";
    throw new MalformedError({ reason, message: `${what}: ${reason}` });
  }
}
