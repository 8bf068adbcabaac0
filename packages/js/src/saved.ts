/** Saved catalogs: texts, by which a mirror starts while its source is down. `serve` has the same ones. */

/** The content of a saved catalog. It has no credentials in it. */
export interface Saved {
  /** The nodes that were configured; none for a store. */
  nodes: string[];
  /** The moment of the catalog, in milliseconds since 1970. */
  madeAt: number;
  /** The text by which the source can be asked whether the catalog is unchanged. */
  validator: string | undefined;
  /** The body of the list. */
  body: string;
}

/** Writes a saved catalog. The body comes last, as it is. */
export function written({ nodes, madeAt, validator, body }: Saved): string {
  const fields = { nodes, as_of_unix_ms: Math.round(madeAt), validator: validator ?? null };
  return `${JSON.stringify(fields).slice(0, -1)}${BODY}${body.trimEnd()}}\n`;
}

/** Reads a saved catalog. Throws if a mirror did not write the text. */
export function savedIn(text: string): Saved {
  const end = text.indexOf(BODY);
  try {
    const { nodes, as_of_unix_ms, validator } = JSON.parse(`${text.slice(0, end)}}`);
    if (end > 0 && Array.isArray(nodes) && typeof as_of_unix_ms === "number") {
      const body = text.slice(end + BODY.length, text.lastIndexOf("}"));
      return { nodes, madeAt: as_of_unix_ms, validator: validator ?? undefined, body };
    }
  } catch {
    // It is not JSON.
  }
  throw new Error("it was not written by a mirror");
}

/** The name of the last field. In a string its quotes would be escaped. */
const BODY = ',"modules":';
