import { refusedLine } from "./refusal.ts";

type Values = Readonly<Record<string, string>>;

const NAME = /^\w[\w.:-]*$/;
const literal = (text: string): string => text.replace(/[.*+?^${}()|[\]\\/-]/g, "\\$&");

/** Puts in the values that are given: for `${name}`, or for a key that is no name itself. */
export function fillGiven(text: string, values: Values): string {
  const byNeedle = new Map(
    Object.entries(values).map(([key, value]) => [NAME.test(key) ? `\${${key}}` : key, value]),
  );
  byNeedle.delete("");
  if (byNeedle.size === 0) return text;
  const longestFirst = [...byNeedle.keys()].sort((a, b) => b.length - a.length);
  const needles = new RegExp(longestFirst.map(literal).join("|"), "g");
  return text.replace(needles, (needle) => byNeedle.get(needle) ?? needle);
}

/** Puts in all values, as Flyway does: also in comments and texts. */
export function fillAll(file: string, text: string, values: Values): string {
  for (const { 1: name = "", index } of text.matchAll(/\$\{([^}\n]*)\}/g)) {
    if (!Object.hasOwn(values, name)) throw missing(file, lineAt(text, index), name);
  }
  return fillGiven(text, values);
}

const ENV =
  /\\\\|\\\$|\$\$|\$\(|\$\{(?<braced>[A-Za-z]\w*)(?:(?<unless>:?-)(?<fallback>[^}]*)|:?\?[^}]*)?\}|\$(?<bare>[A-Za-z]\w*)/g;

/** Puts values into one line as goose's ENVSUB does, where `$$` and `\$` are a dollar. */
export function fillEnvironment(file: string, line: number, text: string, values: Values): string {
  return text.replace(ENV, (match: string, ...rest) => {
    const groups = rest.at(-1) as Record<string, string | undefined>;
    const name = groups.braced ?? groups.bare;
    if (name === undefined) return match === "$$" || match === "\\$" ? "$" : match;
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    if (value !== undefined && !(value === "" && groups.unless === ":-")) return value;
    if (groups.unless === undefined) throw missing(file, line, name);
    return groups.fallback ?? "";
  });
}

const lineAt = (text: string, index: number): number => text.slice(0, index).split("\n").length;

const missing = (file: string, line: number, name: string) =>
  refusedLine(file, line, `no value for \${${name}}: give one in TENANT_MIGRATIONS_PLACEHOLDERS`);
