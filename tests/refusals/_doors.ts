import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { buildSchema, getNamedType, isInputObjectType, isRequiredInputField } from "graphql";
import type { Caller } from "../kit/api.ts";
import { runCommand } from "../kit/commands.ts";
import { inputNaming } from "../kit/named-tenant.ts";

const ROOT = join(import.meta.dirname, "../..");
export const SCHEMA = buildSchema(await readFile(join(ROOT, "schema.graphql"), "utf8"));

type Input = Record<string, unknown>;

/** What a caller is told of a refusal. */
export interface Told {
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
  readonly nextAction: string;
}

/** The fields of a mutation's input, with whether they must be given. */
export function inputFields(mutation: string): Map<string, boolean> {
  const [argument] = SCHEMA.getMutationType()?.getFields()[mutation]?.args ?? [];
  const type = argument && getNamedType(argument.type);
  if (!isInputObjectType(type)) return new Map();
  return new Map(
    Object.entries(type.getFields()).map(([name, field]) => [name, isRequiredInputField(field)]),
  );
}

/** Sends a mutation; answers what it was refused with, null where it was not. */
export async function throughApi(
  caller: Caller,
  mutation: string,
  input: Input,
): Promise<Told | null> {
  const type = `${mutation.charAt(0).toUpperCase()}${mutation.slice(1)}Input`;
  const told = "code message retryable nextAction";
  const each =
    mutation === "cleanupFailedTenants"
      ? `... on CleanupFailedTenantsPayload { results { error { ${told} } } }`
      : "";
  const given = inputFields(mutation).size > 0;
  const document = `mutation ${given ? `($input: ${type}!)` : ""} {
    answer: ${mutation}${given ? "(input: $input)" : ""} {
      __typename ... on UserError { ${told} } ${each}
    }
  }`;
  const { data, errors } = await caller.send(
    document,
    given ? { input: inputNaming(mutation, input) } : {},
  );
  if (errors?.[0]) return topLevel(errors[0]);
  if (data.answer.code !== undefined) return data.answer;
  return data.answer.results?.[0]?.error ?? null;
}

/** Sends a query or anything else whose errors come at the top. */
export async function throughQuery(caller: Caller, document: string): Promise<Told | null> {
  const { errors } = await caller.send(document);
  return errors?.[0] ? topLevel(errors[0]) : null;
}

function topLevel(error: {
  readonly message: string;
  readonly extensions?: Record<string, unknown>;
}): Told {
  return { message: error.message, ...error.extensions } as unknown as Told;
}

/** Runs commands one after the other in one process; answers what each was refused with, in order. */
export async function throughCommand(
  commands: readonly (readonly string[])[],
  environment: Record<string, string>,
): Promise<(Told & { readonly text: string })[]> {
  const told: (Told & { readonly text: string })[] = [];
  for (const words of commands) {
    const { stdout, stderr } = await runCommand(words, environment);
    const text = stdout + stderr;
    const error = text.split("\n").find((each) => each.startsWith('{"type":"ERROR"'));
    told.push({ ...(error ? JSON.parse(error).error : {}), text });
  }
  return told;
}
