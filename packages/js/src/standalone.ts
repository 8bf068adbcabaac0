/** The component, transpiled to JavaScript: the modules API over catalogs in memory. */

import type { Authenticate } from "./access.js";
import { answered, type CoreModules } from "./catalog.js";
import type { Mirror as InnerMirror } from "./component/interfaces/ccs-modules-mirror.js";
import type { Snapshot as Inner } from "./component/interfaces/ccs-modules-snapshot.js";
import { instantiate, type Root } from "./component/standalone.js";
import {
  type ClusterConfiguration,
  type ClusterOptions,
  ConfigurationError,
  Mirror,
  type MirrorConfiguration,
  type MirrorOptions,
} from "./mirror.js";
import { MalformedError, Snapshot } from "./snapshot.js";
import type { Store } from "./store.js";
import { textOf } from "./text.js";

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
    const text = checked("the body", body);
    return this.#snapshot(({ snapshot }) => snapshot.Snapshot.parse(text));
  }

  /**
   * Checks a catalog that is given as its documents, each a JSON object, in the order of the list.
   *
   * @throws {MalformedError} if the catalog breaks the rules
   */
  fromDocuments(documents: (string | Uint8Array)[]): Snapshot {
    const texts = documents.map((document, index) => checked(`document at index ${index}`, document));
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
      return () => undefined;
    }
    const { access } = this.#instantiate();
    const parsed = answered(PolicyError, () => access.Policy.parse(policy));
    return (headers) => parsed.caller(headers);
  }

  /**
   * Makes a mirror of a cluster's catalog. The configuration may be JSON text, whose names are in snake
   * case as in every host.
   *
   * @throws {ConfigurationError} if an option is wrong
   */
  mirror(configuration: ClusterConfiguration | string, options: ClusterOptions = {}): Mirror {
    const text = textual(configuration);
    // A runtime's `fetch` is called as a function, not as a method of an object.
    const send: typeof fetch = options.fetch ?? ((...request) => fetch(...request));
    const source = () => ({ nodes: JSON.parse(text).nodes, fetch: send });
    return new Mirror(this.#opening("open", text), source, options);
  }

  /**
   * Makes a mirror of a store of your own. The configuration may be JSON text.
   *
   * @throws {ConfigurationError} if an option is wrong
   */
  mirrorStore(
    store: Store,
    configuration: MirrorConfiguration | string = {},
    options: MirrorOptions = {},
  ): Mirror {
    return new Mirror(this.#opening("openStore", textual(configuration)), () => ({ store }), options);
  }

  #snapshot(make: (root: Root) => Inner): Snapshot {
    // Each snapshot has an instance of its own, whose memory is free when the snapshot is.
    const inner = answered(MalformedError, () => make(this.#instantiate()));
    return new Snapshot(inner, () => {
      const { snapshot } = this.#instantiate();
      return (body) => snapshot.Snapshot.parse(body);
    });
  }

  /** A function that makes a mirror in a new instance. */
  #opening(open: "open" | "openStore", configuration: string): () => InnerMirror {
    return () => {
      const { mirror } = this.#instantiate();
      const [seed] = crypto.getRandomValues(new BigUint64Array(1));
      return answered(ConfigurationError, () => mirror.Mirror[open](configuration, seed!));
    };
  }

  #instantiate(): Root {
    return instantiate(this.#modules as (file: string) => WebAssembly.Module, {});
  }
}

/** The reason why a text is not an access policy. The message names the field and shows no value. */
export class PolicyError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "PolicyError";
  }
}

/** A configuration as the component reads it: JSON, with names in snake case. */
function textual(configuration: MirrorConfiguration | string): string {
  if (typeof configuration === "string") {
    return configuration;
  }
  const { limits, ...options } = configuration;
  return JSON.stringify(limits === undefined ? renamed(options) : renamed({ ...options, limits: renamed(limits) }));
}

/** An object with the names of its fields in snake case. */
function renamed(object: object): object {
  const snake = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [snake(name), value]));
}

function checked(what: string, content: string | Uint8Array): string {
  const reason = "not UTF-8";
  return textOf(content, () => new MalformedError({ reason, message: `${what}: ${reason}` }));
}
