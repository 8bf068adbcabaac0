// The package as a stranger has it: installed from its tarball into an empty folder, by the line of its
// README, in which the tarball stands for the name that a registry knows.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { PACKAGE } from "./tools.js";

const README = readFileSync(join(PACKAGE, "README.md"), "utf8");

/** The lines of the shell in the README: a line that ends with a backslash goes on in the next. */
export const SHELL_LINES = blocks("sh").flatMap((block) =>
  block.replaceAll(/\\\n\s*/g, "").split("\n").map((line) => line.replace(/\s+#.*/, "")),
);

/** The programs in the README. */
export const PROGRAMS = blocks("js");

/** Installs the package into an empty folder, and returns the folder. It is not removed. */
export function install() {
  const folder = mkdtempSync(join(tmpdir(), "ccs-modules-"));
  run(PACKAGE, "npm", "pack", "--pack-destination", folder);
  writeFileSync(join(folder, "package.json"), '{"type":"module"}');
  const [line] = SHELL_LINES.filter((line) => line.startsWith("npm install"));
  const [tarball] = readdirSync(folder).filter((name) => name.endsWith(".tgz"));
  const words = line.split(" ").map((word) => (word === "ccs-modules" ? `./${tarball}` : word));
  // Without a network: the package depends on nothing.
  run(folder, ...words, "--offline", "--no-audit", "--no-fund");
  writeFileSync(join(folder, "modules.json"), '[{"module_name":"bf","semantic_version":"2.8.7","compatible_redis_version":"7.4","uid":"a"}]');
  writeFileSync(join(folder, "access.json"), '{"anonymous":["db_viewer"]}');
  return folder;
}

/** Bundles a program in a folder by the lines of the README. The bundle has the same name, in the folder `out`. */
export function bundle(folder, program, ...options) {
  const lines = SHELL_LINES.filter((line) => /^npx esbuild|^cp .*\.wasm/.test(line)).join(" && ");
  const esbuild = [join(PACKAGE, "node_modules/.bin/esbuild"), ...options].join(" ");
  run(folder, "sh", "-ec", lines.replace("npx esbuild", esbuild).replace("program.js", program));
}

/** Runs a program to its end in a folder, and returns what it prints. */
export function run(cwd, program, ...words) {
  return execFileSync(program, words, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

function blocks(language) {
  const found = README.matchAll(new RegExp(`\`\`\`${language}\\n(.*?)\n\`\`\``, "gs"));
  return Array.from(found, ([, block]) => block);
}
