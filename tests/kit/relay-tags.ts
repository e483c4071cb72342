import type { Plugin } from "vitest/config";

/**
 * Puts the artefact that relay-compiler made into the place of each of Relay's `graphql` tags: what
 * babel-plugin-relay does in a frontend's build.
 */
export const relayTags: Plugin = {
  name: "relay-tags",
  enforce: "pre",
  transform: (code, id) => {
    if (!/\/tests\/clients\/[\w.-]+$/.test(id)) return;
    const names: string[] = [];
    const untagged = code.replace(/graphql`\s*\w+ (\w+)[^`]*`/g, (tag, name: string) => {
      names.push(name);
      return name + "\n".repeat(tag.split("\n").length - 1);
    });
    const load = (name: string) => `import ${name} from "./generated/relay/${name}.graphql.ts";`;
    return names.length === 0 ? undefined : [untagged, ...names.map(load)].join("\n");
  },
};
