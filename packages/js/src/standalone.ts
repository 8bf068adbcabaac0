/** The standalone component, transpiled to JavaScript: the modules API over catalogs in memory. */

import type { Authenticate, Header } from "./access.js";
import {
  CatalogError,
  type CoreModules,
  type Module,
  payload,
  type Request,
  type Response,
} from "./catalog.js";
import type {
  Error as Payload,
  Malformed,
  Snapshot as Held,
} from "./component/interfaces/ccs-modules-snapshot.js";
import { instantiate, type Root } from "./component/standalone.js";

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
      return () => undefined;
    }
    const { access } = instantiate(this.#modules, {});
    try {
      const parsed = access.Policy.parse(policy);
      return (headers) => parsed.caller(headers.map(decoded));
    } catch (error) {
      const reason = payload<string>(error);
      throw reason === undefined ? error : new PolicyError(reason);
    }
  }

  #snapshot(make: (root: Root) => Held): Snapshot {
    // Each snapshot has an instance of its own, whose memory is free when the snapshot is.
    const root = instantiate(this.#modules, {});
    try {
      return new Snapshot(make(root));
    } catch (error) {
      const malformed = payload<Malformed>(error);
      throw malformed === undefined ? error : new MalformedError(malformed);
    }
  }
}

/**
 * A catalog of one moment, checked whole. It never changes: a new moment is a new snapshot.
 *
 * Made by {@link Standalone}.
 */
export class Snapshot {
  #held: Held;

  /** @internal */
  constructor(held: Held) {
    this.#held = held;
  }

  /**
   * Lists every module, in the order of the list.
   *
   * @throws {CatalogError}
   */
  listModules(roles: string[]): Module[] {
    return answered(() => this.#held.listModules(roles));
  }

  /**
   * Finds the module with this uid.
   *
   * @throws {CatalogError}
   */
  getModule(roles: string[], uid: string): Module {
    return answered(() => this.#held.getModule(roles, uid));
  }

  /** Answers an HTTP request. Every failure is a response. */
  handle(request: Request): Response {
    const response = this.#held.handle({ ...request, headers: request.headers.map(decoded) });
    return { ...response, body: encoder.encode(response.body) };
  }

  /** The body of the list: the canonical documents in one array, and one line end. */
  get body(): string {
    return this.#held.body();
  }

  /** The entity tag of the list, with its quotes. */
  get entityTag(): string {
    return this.#held.entityTag();
  }

  /** The number of modules. */
  get length(): number {
    return this.#held.len();
  }
}

/** The reason why a catalog is refused. The message names the document, the field and the rule. */
export class MalformedError extends Error {
  /** The uid of the document at fault; undefined if it has no sound uid, or for the whole catalog. */
  readonly document: string | undefined;
  /** The index of the document at fault, counted from 0, if it has no sound uid. */
  readonly index: number | undefined;
  /** The field at fault; undefined for the document as a whole. */
  readonly field: string | undefined;
  /** The position in the body, both counted from 1; undefined for a catalog given as documents. */
  readonly position: { line: number; column: number } | undefined;

  constructor(malformed: Malformed) {
    super(malformed.message);
    this.name = "MalformedError";
    this.document = malformed.document;
    this.index = malformed.index;
    this.field = malformed.field;
    this.position = malformed.position;
  }
}

/** The reason why a text is not an access policy. The message names the field and shows no value. */
export class PolicyError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "PolicyError";
  }
}

function answered<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    const found = payload<Payload>(error);
    throw found === undefined ? error : new CatalogError(found);
  }
}

function decoded([name, value]: Header): [string, string] {
  return [name, decoder.decode(value)];
}

function textOf(what: string, bytes: Uint8Array): string {
  try {
    return strict.decode(bytes);
  } catch {
    const reason = "not UTF-8";
    throw new MalformedError({ reason, message: `${what}: ${reason}` });
  }
}

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();
