/** Texts in UTF-8. A byte order mark is part of a text like any other character. */

/** The text of a text or bytes. Bytes that are not UTF-8 throw the error that `refused` makes. */
export function textOf(content: string | Uint8Array, refused: () => Error): string {
  if (typeof content === "string") {
    return content;
  }
  if (!(content instanceof Uint8Array)) {
    throw new TypeError("expected a text or bytes");
  }
  try {
    return decoder().decode(content);
  } catch {
    throw refused();
  }
}

/** A decoder that refuses what is not UTF-8. */
export function decoder(): TextDecoder {
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
}

/** The message of an error. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : `${error}`;
}
