/** A worker to deploy as it is. Its bindings configure it. */

import { consoleLog } from "./log.js";
import type { ClusterConfiguration, Mirror } from "./mirror.js";
import { failure, type Handler, handlerOf, serveCatalog } from "./service.js";
import { messageOf } from "./text.js";
import * as workerd from "./workerd.js";

/** The worker's bindings. */
export interface Env {
  /** The access policy: JSON, or its value. Without one no caller is authenticated. */
  CCS_ACCESS?: string | object;
  /**
   * The Workers KV namespace that has the modules. With `CCS_HTTP_URL` it keeps the catalog of the
   * mirror, and is optional.
   */
  CCS?: workerd.KeyValue;
  /** The key of that namespace; `modules` by default, or `mirror` with `CCS_HTTP_URL`. */
  CCS_KEY?: string;
  /** The URLs of a cluster's nodes, comma separated, such as `https://node1:9443`: a mirror of it. */
  CCS_HTTP_URL?: string;
  /** The user of the cluster. */
  CCS_HTTP_USER?: string;
  /** The password of that user. */
  CCS_HTTP_PASSWORD?: string;
  /** The refresh interval in milliseconds. */
  CCS_HTTP_REFRESH_MS?: string;
  /** The greatest age in milliseconds of a catalog that answers while refreshing fails. */
  CCS_HTTP_STALE_IF_ERROR_MS?: string;
  /** The timeout of a request in milliseconds. */
  CCS_HTTP_TIMEOUT_MS?: string;
}

const standalone = workerd.load();

export default {
  async fetch(request: Request, env: Env, context?: workerd.Context): Promise<Response> {
    const { handler, mirror } = serving(env);
    if (mirror !== undefined) {
      await workerd.refresh(mirror, context);
    }
    return handler.fetch(request);
  },
};

/** The service that an environment configures. */
interface Serving {
  handler: Handler;
  mirror?: Mirror;
}

/** The service of the environment, which is the same for every request of an isolate. */
let known: { env: Env; serving: Serving } | undefined;

function serving(env: Env): Serving {
  if (known?.env !== env) {
    known = { env, serving: configured(env) };
  }
  return known.serving;
}

function configured(env: Env): Serving {
  const { CCS_ACCESS } = env;
  try {
    if (CCS_ACCESS === undefined) {
      consoleLog("CCS_ACCESS is not set: every request is answered with 401");
    }
    const policy = typeof CCS_ACCESS === "object" ? JSON.stringify(CCS_ACCESS) : CCS_ACCESS;
    const authenticate = named("CCS_ACCESS", () => standalone.authenticate(policy));
    const mirror = mirrorOf(env);
    return { handler: serveCatalog(() => mirror, authenticate), mirror };
  } catch (error) {
    return { handler: misconfigured(messageOf(error)) };
  }
}

function mirrorOf(env: Env): Mirror {
  const { CCS, CCS_KEY, CCS_HTTP_URL } = env;
  if (CCS_HTTP_URL !== undefined) {
    const options = CCS === undefined ? {} : { storage: workerd.keyValueStorage(CCS, CCS_KEY) };
    const configuration = upstream(CCS_HTTP_URL, env);
    return named("CCS_HTTP", () => standalone.mirror(configuration, options));
  }
  if (CCS === undefined) {
    throw new Error("no store: bind a Workers KV namespace as CCS, or set CCS_HTTP_URL");
  }
  return standalone.mirrorStore(workerd.keyValue(CCS, CCS_KEY), { refreshMs: KEY_VALUE_REFRESH_MS });
}

/** The refresh interval of a mirror of Workers KV. */
const KEY_VALUE_REFRESH_MS = 1000;

function upstream(urls: string, env: Env): ClusterConfiguration {
  const user = env.CCS_HTTP_USER;
  const configuration: ClusterConfiguration = { nodes: urls.split(",").map((url) => url.trim()) };
  if (user !== undefined) {
    configuration.credentials = { user, password: env.CCS_HTTP_PASSWORD ?? "" };
  }
  for (const [option, name] of [
    ["refreshMs", "CCS_HTTP_REFRESH_MS"],
    ["staleIfErrorMs", "CCS_HTTP_STALE_IF_ERROR_MS"],
    ["timeoutMs", "CCS_HTTP_TIMEOUT_MS"],
  ] as const) {
    const text = env[name];
    if (text !== undefined) {
      configuration[option] = milliseconds(name, text);
    }
  }
  return configuration;
}

function milliseconds(name: string, text: string): number {
  if (!/^\d+$/.test(text)) {
    throw new Error(`${name}: expected a number of milliseconds`);
  }
  return Number(text);
}

/** Makes something of bindings. An error names them. */
function named<T>(name: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw new Error(`${name}: ${messageOf(error)}`);
  }
}

/** Answers every request with the error of the bindings. */
function misconfigured(message: string): Handler {
  consoleLog(`the worker is misconfigured: ${message}`);
  return handlerOf(async ({ method }) => failure(method, "misconfigured", message));
}
