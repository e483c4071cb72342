// Preloaded into a command: writes the packages that it loads, one a line, to standard error as it ends.
import { writeSync } from "node:fs";
import { registerHooks } from "node:module";

const loaded = new Set<string>();

registerHooks({
  load: (url, context, next) => {
    const [, name] = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url) ?? [];
    if (name !== undefined) loaded.add(name);
    return next(url, context);
  },
});

process.on("exit", () => writeSync(process.stderr.fd, `\n${[...loaded].join("\n")}\n`));
