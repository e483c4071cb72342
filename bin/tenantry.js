#!/usr/bin/env node
// Plain JavaScript, because it is what an older Node gets to read first.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import module from "node:module";
import { fileURLToPath } from "node:url";

const script = fileURLToPath(import.meta.url);
const ownNode = fileURLToPath(
  new URL(
    process.platform === "win32"
      ? "../node_modules/node/bin/node.exe"
      : "../node_modules/node/bin/node",
    import.meta.url,
  ),
);

// Before 24, Node reads TypeScript not at all, or with a warning.
const readsTypeScript = Boolean(process.features.typescript);
const quietly = readsTypeScript && Number(process.versions.node.split(".")[0]) >= 24;

if (!quietly && existsSync(ownNode) && ownNode !== process.execPath) {
  runWith(ownNode);
} else if (readsTypeScript) {
  // Half of what a short command takes is compiling. Not in the temporary folder, where others may write.
  module.enableCompileCache(
    fileURLToPath(new URL("../node_modules/.cache/compiled", import.meta.url)),
  );
  resolveWithoutProbing();
  const { tenantry } = await import("../src/cli/tenantry.ts");
  await tenantry(process.argv);
} else {
  process.stderr.write(
    `Tenantry needs Node 22.18 or newer; this is ${process.version}. Run npm ci, which brings one along.\n`,
  );
  process.exitCode = 2;
}

/**
 * Takes a relative import that names a file for that file. Node looks each of thousands up on the disk, which
 * is an eighth of what a short command takes.
 */
function resolveWithoutProbing() {
  module.registerHooks({
    resolve(specifier, context, next) {
      const { parentURL, conditions } = context;
      const isFile = /^\.{1,2}\/.*\.(ts|mjs|js)$/.test(specifier);
      if (!isFile || !parentURL?.startsWith("file:") || conditions.includes("require"))
        return next(specifier, context);
      return { url: new URL(specifier, parentURL).href, shortCircuit: true };
    },
  });
}

/** Runs this script again with another Node, and is no more than its shadow: signals in, exit code out. */
function runWith(node) {
  const child = spawn(node, [script, ...process.argv.slice(2)], { stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => child.kill(signal));
  }
  child.on("error", (error) => {
    process.stderr.write(`${node} cannot be started: ${error.message}\n`);
    process.exitCode = 2;
  });
  child.on("exit", (code, signal) => {
    if (signal === null) {
      process.exitCode = code ?? 1;
      return;
    }
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}
