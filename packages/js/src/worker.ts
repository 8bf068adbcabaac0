/** A worker to deploy as it is. Its bindings configure it. */

import { authenticate, type Policy } from "./access.js";
import { Service } from "./service.js";
import { type KeyValue, keyValue, load, respond } from "./workerd.js";

/** The worker's bindings. */
export interface Env {
  /** The Workers KV namespace that holds the modules. */
  CCS: KeyValue;
  /** The key of that namespace; `modules` by default. */
  CCS_KEY?: string;
  /** The access policy, as JSON. Without one no caller is authenticated. */
  CCS_ACCESS?: Policy;
}

const plugin = load();

export default {
  fetch(request: Request, env: Env): Promise<Response> {
    const service = new Service(
      plugin,
      keyValue(env.CCS, env.CCS_KEY),
      authenticate(env.CCS_ACCESS),
    );
    return respond(service, request);
  },
};
