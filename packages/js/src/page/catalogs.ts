/**
 * The catalogs that the page shows. Every answer comes from the component. This file asks, keeps the answers,
 * and gives the page the part that is on the screen.
 */

import type { Differences, Fitting, Module } from "./ccs-modules/catalog.js";
import type { MalformedError, Snapshot } from "./ccs-modules/snapshot.js";
import type { Standalone } from "./ccs-modules/standalone.js";

/** The facts about a catalog that was opened. */
export interface Opened {
  modules: number;
  names: number;
  entityTag: string;
}

/** The modules of one name, or those without a name. */
export interface Group {
  /** The key for {@link Catalogs.versions}. */
  key: number;
  /** The name; undefined for the modules without one. */
  name: string | undefined;
  /** The newest module of the name. */
  newest: Module;
  /** The first versions, newest first. */
  versions: { uid: string; text: string }[];
  /** The number of modules. */
  count: number;
  /** The module that a database gets, if a Redis version is given. */
  fit: Fit | undefined;
}

/** A rule by which a module is chosen. */
export type FittingRule = NonNullable<Fitting["chosen"]>["rule"];

/** The answer to the question which module of a name a database gets. */
export interface Fit {
  uid: string | undefined;
  version: string;
  /** The rule by which it was chosen; undefined if no module was chosen. */
  rule: FittingRule | undefined;
  reason: string;
}

/** One module of a name. */
export interface Version {
  module: Module;
  /** Whether a database gets it, and why, if a Redis version is given. */
  fit: { chosen: boolean; rule: FittingRule | undefined; reason: string } | undefined;
}

/** A part of a list. */
export interface Part<Row> {
  rows: Row[];
  /** The length of the whole list. */
  total: number;
}

/** A document and its fields. */
export interface Described {
  module: Module;
  /** The fields but `uid`, each with its value as compact JSON. */
  fields: { name: string; value: string }[];
}

/** The lists of {@link Differences}. */
export type Kind = keyof Differences;
export type Added = Differences["added"][number];
export type Changed = Differences["changed"][number];

/** The numbers of {@link Differences}. */
export type Counts = Record<Kind, number>;

/** The reason why a file is not opened. */
export interface Refused {
  message: string;
  excerpt: Excerpt | undefined;
}

/** The text around a position, on its line. */
interface Excerpt {
  before: string;
  /** The field at fault, or the byte at the position. */
  at: string;
  after: string;
}

/** The catalog that is shown, another one to compare it with, and what was asked of them. */
export class Catalogs {
  #standalone: Standalone;
  #malformed: typeof MalformedError;
  #shown: Catalog | undefined;
  #other: Snapshot | undefined;
  #differences: Differences = { added: [], removed: [], changed: [] };

  constructor(standalone: Standalone, malformed: typeof MalformedError) {
    this.#standalone = standalone;
    this.#malformed = malformed;
  }

  /** Opens the catalog to show. */
  async open(file: Blob): Promise<Opened | Refused> {
    const snapshot = await this.#parse(file);
    if ("message" in snapshot) {
      return snapshot;
    }
    this.#shown = new Catalog(snapshot);
    this.#other = undefined;
    return { modules: snapshot.length, names: this.#shown.names, entityTag: snapshot.entityTag };
  }

  /** Opens the catalog to compare with. */
  async openOther(file: Blob): Promise<Opened | Refused> {
    const snapshot = await this.#parse(file);
    if ("message" in snapshot) {
      return snapshot;
    }
    this.#other = snapshot;
    return { modules: snapshot.length, names: 0, entityTag: snapshot.entityTag };
  }

  /** Chooses the Redis version of the database; undefined for none. Returns the number of names that fit. */
  chooseRedisVersion(version: string | undefined): number {
    return this.#catalog.chooseRedisVersion(version);
  }

  /** The groups whose names contain a text. */
  groups(text: string, from: number, to: number): Part<Group> {
    return this.#catalog.groups(text, from, to);
  }

  /** The modules of a group, newest first. */
  versions(key: number, from: number, to: number): Part<Version> {
    return this.#catalog.versions(key, from, to);
  }

  /** The modules of a name and a version, newest first. */
  find(name: string, version: string, from: number, to: number): Part<Version> {
    return this.#catalog.find(name, version, from, to);
  }

  /** Compares the two catalogs. The one that is shown is the older one unless `reverse` is set. */
  compare(reverse: boolean): Counts {
    const shown = this.#catalog.snapshot;
    const other = this.#other!;
    this.#differences = reverse ? other.differences(shown) : shown.differences(other);
    const { added, removed, changed } = this.#differences;
    return { added: added.length, removed: removed.length, changed: changed.length };
  }

  /** The modules that only one of the two catalogs has. */
  only(kind: "added" | "removed", from: number, to: number): Part<Added> {
    return part(this.#differences[kind], from, to);
  }

  /** The modules whose documents differ. */
  changed(from: number, to: number): Part<Changed> {
    return part(this.#differences.changed, from, to);
  }

  /** Splits a document into its fields. */
  describe(document: string): Described {
    const whole = this.#standalone.fromDocuments([document]);
    const [module] = whole.listModules(ROLES) as [Module];
    // Compared with a document that has nothing but this uid, each field is a difference.
    const bare = this.#standalone.fromDocuments([JSON.stringify({ uid: module.uid })]);
    const fields = bare.differences(whole).changed[0]?.fields ?? [];
    return { module, fields: fields.map(({ name, after }) => ({ name, value: after ?? "" })) };
  }

  async #parse(file: Blob): Promise<Snapshot | Refused> {
    const bytes = new Uint8Array(await file.arrayBuffer());
    try {
      return this.#standalone.parse(bytes);
    } catch (error) {
      if (!(error instanceof this.#malformed)) {
        throw error;
      }
      const { message, position, field } = error;
      return { message, excerpt: position && excerpt(bytes, position, field) };
    }
  }

  get #catalog(): Catalog {
    return this.#shown!;
  }
}

/** The roles of every call. The permission is not in question, because the reader of the page has the file already. */
const ROLES = ["cluster_viewer"];

/** A Redis version that no module is made for. So no module fits it, and the answer groups all modules by name. */
const NO_REDIS_VERSION = "0.0";

/** The number of versions that are shown of a closed group. */
const FIRST_VERSIONS = 6;

/** A catalog, grouped by name. */
class Catalog {
  readonly snapshot: Snapshot;
  /** The modules of each name, newest first. */
  #groups: Fitting[];
  /** The module that a database gets of each group, in the order of the groups. */
  #fits: Fitting[] | undefined;
  #unnamed: Module[];

  constructor(snapshot: Snapshot) {
    this.snapshot = snapshot;
    this.#groups = snapshot.fittingModules(ROLES, NO_REDIS_VERSION);
    const named = this.#groups.reduce((sum, group) => sum + members(group).length, 0);
    this.#unnamed =
      named === snapshot.length
        ? []
        : snapshot.listModules(ROLES).filter(({ moduleName }) => moduleName === undefined);
  }

  get names(): number {
    return this.#groups.length;
  }

  chooseRedisVersion(version: string | undefined): number {
    this.#fits =
      version === undefined ? undefined : this.snapshot.fittingModules(ROLES, version);
    return this.#fits?.filter(({ chosen }) => chosen !== undefined).length ?? 0;
  }

  groups(text: string, from: number, to: number): Part<Group> {
    const wanted = text.toLowerCase();
    const keys = [...this.#groups.keys()].filter((key) =>
      this.#groups[key]!.moduleName.toLowerCase().includes(wanted),
    );
    if (wanted === "" && this.#unnamed.length > 0) {
      keys.push(UNNAMED);
    }
    const { rows, total } = part(keys, from, to);
    return { rows: rows.map((key) => this.#group(key)), total };
  }

  versions(key: number, from: number, to: number): Part<Version> {
    if (key === UNNAMED) {
      const { rows, total } = part(this.#unnamed, from, to);
      return { rows: rows.map((module) => ({ module, fit: undefined })), total };
    }
    const { rows, total } = part(members(this.#groups[key]!), from, to);
    const modules = rows.map(({ uid }) => this.snapshot.getModule(ROLES, uid));
    return { rows: this.#withFits(modules, this.#fits?.[key]), total };
  }

  find(name: string, version: string, from: number, to: number): Part<Version> {
    const found = this.snapshot.findModules(ROLES, name, version === "" ? undefined : version);
    const { rows, total } = part(found, from, to);
    const fitting = this.#fits?.find((fits) =>
      members(fits).some(({ uid }) => uid === rows[0]?.uid),
    );
    return { rows: this.#withFits(rows, fitting), total };
  }

  #group(key: number): Group {
    if (key === UNNAMED) {
      const [newest] = this.#unnamed as [Module];
      const count = this.#unnamed.length;
      return { key, name: undefined, newest, versions: [], count, fit: undefined };
    }
    const group = this.#groups[key]!;
    const all = members(group);
    const first = all.slice(0, FIRST_VERSIONS).map(({ uid }) => this.snapshot.getModule(ROLES, uid));
    return {
      key,
      name: group.moduleName,
      newest: first[0]!,
      versions: first.map((module) => ({ uid: module.uid, text: versionOf(module) })),
      count: all.length,
      fit: this.#fits && fitOf(this.#fits[key]!),
    };
  }

  #withFits(modules: Module[], fitting: Fitting | undefined): Version[] {
    if (fitting === undefined) {
      return modules.map((module) => ({ module, fit: undefined }));
    }
    const { chosen, others } = fitting;
    const reasons = new Map(others.map(({ uid, reason }) => [uid, reason]));
    return modules.map((module) => ({
      module,
      fit:
        chosen?.module.uid === module.uid
          ? { chosen: true, rule: chosen.rule, reason: chosen.reason }
          : { chosen: false, rule: undefined, reason: reasons.get(module.uid) ?? "" },
    }));
  }
}

/** The key of the group of modules without a name. */
const UNNAMED = -1;

/** The modules of a group, newest first where none is chosen. */
function members({ chosen, others }: Fitting): { uid: string }[] {
  return chosen === undefined ? others : [chosen.module, ...others];
}

function fitOf({ chosen, others }: Fitting): Fit {
  return chosen === undefined
    ? { uid: undefined, version: "", rule: undefined, reason: others[0]?.reason ?? "" }
    : {
        uid: chosen.module.uid,
        version: versionOf(chosen.module),
        rule: chosen.rule,
        reason: chosen.reason,
      };
}

/** The version of a module as people write it. */
export function versionOf({ semanticVersion, version }: Module): string {
  return semanticVersion ?? (version === undefined ? "no version" : `${version}`);
}

function part<Row>(list: Row[], from: number, to: number): Part<Row> {
  return { rows: list.slice(from, to), total: list.length };
}

function excerpt(
  bytes: Uint8Array,
  { line, column }: { line: number; column: number },
  field: string | undefined,
): Excerpt {
  let start = 0;
  for (let before = 1; before < line; before++) {
    start = bytes.indexOf(LINE_END, start) + 1;
  }
  const at = start + column - 1;
  const [from, to] = (field && memberOf(bytes, at, field)) || [at, at + 1];

  start = bytes.lastIndexOf(LINE_END, from) + 1;
  const lineEnd = bytes.indexOf(LINE_END, from);
  const end = Math.min(lineEnd < 0 ? bytes.length : lineEnd, to + EXCERPT_BYTES);
  const text = (from: number, to: number) => lossy.decode(bytes.subarray(from, to));
  return {
    before: text(Math.max(start, from - EXCERPT_BYTES), from),
    at: text(from, Math.min(to, end)),
    after: text(Math.min(to, end), end),
  };
}

/**
 * Finds a member of the object that begins at a position, and returns where its name begins and its value
 * ends; undefined if the object has no such member.
 */
function memberOf(bytes: Uint8Array, at: number, name: string): [number, number] | undefined {
  const text = latin1.decode(bytes.subarray(at, at + LONGEST_OBJECT));
  let depth = 0;
  let found: number | undefined;
  for (const { 0: token, index } of text.matchAll(/"(?:[^"\\]|\\.)*"|[[\]{},]/gs)) {
    if (found !== undefined && depth === 1 && /[,}]/.test(token)) {
      const value = text.slice(found, index).trimEnd();
      return [at + found, at + found + value.length];
    }
    depth += /[[{]/.test(token) && token.length === 1 ? 1 : 0;
    depth -= /[\]}]/.test(token) && token.length === 1 ? 1 : 0;
    if (depth === 0) {
      return undefined;
    }
    const isName = depth === 1 && token.length > 1 && /^\s*:/.test(text.slice(index + token.length));
    if (isName && token === JSON.stringify(name)) {
      found = index;
    }
  }
  return undefined;
}

const lossy = new TextDecoder();
/** Makes a character of each byte, so that both are counted alike. */
const latin1 = new TextDecoder("latin1");
/** The number of bytes of an object that are read. */
const LONGEST_OBJECT = 100_000;
const LINE_END = 0x0a;
const EXCERPT_BYTES = 60;
