/** Saved catalogs: texts, by which a mirror starts while its source is down. `serve` has the same ones. */

/** The content of a saved catalog. It has no credentials in it. */
export interface Saved {
  /** The nodes that were configured; empty for a store. */
  nodes: string[];
  /** The moment of the catalog, in milliseconds since 1970. */
  madeAt: number;
  /** The moment at which the source was asked for it last, in milliseconds since 1970. */
  validatedAt: number;
  /** The reason why the catalog was stale when it came, if it was. */
  stale: string | undefined;
  /** The text by which the source can be asked whether the catalog is unchanged. */
  validator: string | undefined;
  /** The body of the list. */
  body: string;
}

/** Writes a saved catalog. The body comes last, as it is. */
export function written({ nodes, madeAt, validatedAt, stale, validator, body }: Saved): string {
  const fields = {
    nodes,
    as_of_unix_ms: Math.round(madeAt),
    validated_unix_ms: Math.round(validatedAt),
    stale: stale ?? null,
    validator: validator ?? null,
  };
  return `${JSON.stringify(fields).slice(0, -1)},"modules":${body.trimEnd()}}\n`;
}

/**
 * Reads a saved catalog, whose body is not checked: the text may have been cut off in it. Returns
 * undefined if it was cut off before. Throws if a mirror did not write the text.
 */
export function savedIn(text: string): Saved | undefined {
  const name = BODY.exec(text);
  if (name === null && isCutOff(text.trim())) {
    return undefined;
  }
  try {
    const { nodes, as_of_unix_ms, validated_unix_ms, stale, validator } = JSON.parse(`${text.slice(0, name?.index)}}`);
    if (name && Array.isArray(nodes) && typeof as_of_unix_ms === "number") {
      const body = text.slice(name.index + name[0].length, text.lastIndexOf("}"));
      return {
        nodes,
        madeAt: as_of_unix_ms,
        validatedAt: validated_unix_ms ?? as_of_unix_ms,
        stale: stale ?? undefined,
        validator: validator ?? undefined,
        body,
      };
    }
  } catch {
    // It is not JSON.
  }
  throw new Error("it was not written by a mirror");
}

/** Whether a text begins as one of a mirror does, or is full of zeros, as after a loss of power. */
function isCutOff(text: string): boolean {
  if (/^\0*$/.test(text) || BEGIN.startsWith(text)) {
    return true;
  }
  try {
    JSON.parse(text);
    return false;
  } catch {
    return text.startsWith(BEGIN);
  }
}

const BEGIN = '{"nodes":[';

/** The name of the last field, which no string can contain, because its quotes would be escaped there. */
const BODY = /,\s*"modules"\s*:/;
