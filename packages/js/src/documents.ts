/** The documents of a store, in memory. */

import type { Ccs } from "./ccs.js";
import { utf8 } from "./text.js";

/** The documents of one moment of a store, held in memory. */
export class Documents implements Ccs {
  readonly documents: Uint8Array[];
  #byUid: Map<unknown, Uint8Array> | undefined;

  constructor(documents: Uint8Array[]) {
    this.documents = documents;
  }

  /**
   * Splits a body of `GET /v1/modules`, a JSON array of objects, into its documents. The component
   * checks the documents; here only brackets and quotes are read.
   *
   * @throws {SyntaxError} if the body is not an array of objects
   */
  static parse(body: Uint8Array): Documents {
    return new Documents(split(body));
  }

  listDocuments(): Uint8Array[] {
    return this.documents;
  }

  getDocument(uid: string): Uint8Array | undefined {
    this.#byUid ??= byUid(this.documents);
    return this.#byUid.get(uid);
  }
}

/** The documents by uid: the first one of each. */
function byUid(documents: Uint8Array[]): Map<unknown, Uint8Array> {
  return new Map(documents.toReversed().map((document) => [uidOf(document), document]));
}

function uidOf(document: Uint8Array): unknown {
  try {
    return JSON.parse(utf8.decode(document)).uid;
  } catch {
    return undefined; // A malformed document has no uid.
  }
}

function split(text: Uint8Array): Uint8Array[] {
  const documents: Uint8Array[] = [];
  let at = skip(text, 0, "[", "an array of module objects");
  if (text[skipSpace(text, at)] === code("]")) {
    at = skip(text, at, "]", "");
  } else {
    for (;;) {
      const start = skip(text, at, "{", "a module object") - 1;
      at = objectEnd(text, start);
      documents.push(text.subarray(start, at));
      if (text[skipSpace(text, at)] !== code(",")) {
        break;
      }
      at = skip(text, at, ",", "");
    }
    at = skip(text, at, "]", "a comma or a closing bracket");
  }
  if (skipSpace(text, at) < text.length) {
    throw new SyntaxError(`expected the end of the text after the array, at byte ${at}`);
  }
  return documents;
}

/** The position after the object that starts at `start`. */
function objectEnd(text: Uint8Array, start: number): number {
  let depth = 0;
  let inString = false;
  for (let at = start; at < text.length; at++) {
    const byte = text[at];
    if (byte === code('"')) {
      inString = !inString;
    } else if (inString) {
      at += byte === code("\\") ? 1 : 0;
    } else if (byte === code("{") || byte === code("[")) {
      depth++;
    } else if ((byte === code("}") || byte === code("]")) && --depth === 0) {
      return at + 1;
    }
  }
  throw new SyntaxError("the text ends inside a module object");
}

/** The position after `character`, which has to come next. */
function skip(text: Uint8Array, at: number, character: string, expected: string): number {
  at = skipSpace(text, at);
  if (text[at] !== code(character)) {
    throw new SyntaxError(`expected ${expected}, at byte ${at}`);
  }
  return at + 1;
}

function skipSpace(text: Uint8Array, at: number): number {
  while (at < text.length && [0x20, 0x0a, 0x0d, 0x09].includes(text[at]!)) {
    at++;
  }
  return at;
}

function code(character: string): number {
  return character.charCodeAt(0);
}
