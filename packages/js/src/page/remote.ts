/** The catalogs in the worker, asked from the page. */

import type { Catalogs } from "./catalogs.js";

/** A call of the worker. */
export interface Call {
  id: number;
  method: keyof Catalogs;
  parameters: unknown[];
}

/** The reply to the call with this id. */
export type Reply = { id: number; value: unknown } | { id: number; failure: string };

/** A call that has no reply yet. */
interface Waiting {
  resolve(value: unknown): void;
  reject(failure: Error): void;
}

/** An object whose methods are called in the worker. */
export type Remote<T> = {
  [Method in keyof T]: T[Method] extends (...parameters: infer P) => infer R
    ? (...parameters: P) => Promise<Awaited<R>>
    : never;
};

/** Starts the worker. */
export function startCatalogs(): Remote<Catalogs> {
  const worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
  const waiting = new Map<number, Waiting>();
  let calls = 0;
  /** The reason why the worker answers no call; undefined while it answers. */
  let broken: Error | undefined;
  worker.addEventListener("message", ({ data }: MessageEvent<Reply>) => {
    const call = waiting.get(data.id);
    waiting.delete(data.id);
    if ("failure" in data) {
      call?.reject(new Error(data.failure));
    } else {
      call?.resolve(data.value);
    }
  });
  worker.addEventListener("error", ({ message }) => {
    broken = new Error(message || "the page's worker cannot be loaded: reload the page");
    for (const call of waiting.values()) {
      call.reject(broken);
    }
    waiting.clear();
  });
  const send = (method: keyof Catalogs, parameters: unknown[]): Promise<unknown> => {
    const id = calls++;
    return new Promise((resolve, reject) => {
      if (broken !== undefined) {
        reject(broken);
        return;
      }
      waiting.set(id, { resolve, reject });
      worker.postMessage({ id, method, parameters } satisfies Call);
    });
  };
  return new Proxy({} as Remote<Catalogs>, {
    get: (_, method: keyof Catalogs) => (...parameters: unknown[]) => send(method, parameters),
  });
}
