import type { z } from "zod";
import { type Field, fieldsOf } from "../../kernel/described-fields.ts";
import { isDomainError } from "../../kernel/domain-error.ts";
import { faultsError } from "../../kernel/input.ts";
import type { TenantKey } from "../../tenants/registry.ts";
import type { ApiContext } from "../context.ts";
import { namedTenantOf } from "../tenants/tenant-by.ts";

/** What a field of an input is called in the API. */
export const apiNameOf = (key: string, { meta }: Pick<Field, "meta">): string =>
  meta.namesTenant === undefined ? (meta.apiName ?? key) : "tenant";

/** An input as its rules name its fields, of what the API was sent. */
export async function asRulesName(
  schema: z.ZodObject | undefined,
  { tenant, ...sent }: Readonly<Record<string, unknown>>,
  context: ApiContext,
): Promise<Record<string, unknown>> {
  const keys = new Map(
    (schema ? fieldsOf(schema) : []).map(([key, field]) => [apiNameOf(key, field), key]),
  );
  const request = Object.fromEntries(
    Object.entries(sent).map(([name, value]) => [keys.get(name) ?? name, value]),
  );
  if (tenant === undefined) return request;
  return { ...request, ...(await namedTenantOf(context, tenant as TenantKey)) };
}

/** Throws an error on, with the paths of its faults as the API names the fields of the input. */
export function throwAsApiNames(schema: z.ZodObject | undefined, error: unknown): never {
  if (schema === undefined || !isDomainError(error)) throw error;
  const paths = new Map(
    fieldsOf(schema).map(([key, field]) => {
      const name = apiNameOf(key, field);
      return [key, name === "tenant" ? [name, "slug"] : [name]];
    }),
  );
  const isSame = ([key = ""]: readonly string[]) => (paths.get(key) ?? [key]).join() === key;
  if (error.issues.every(({ path }) => isSame(path))) throw error;
  throw faultsError(
    error.issues.map(({ path: [key = "", ...rest], ...issue }) => ({
      ...issue,
      path: [...(paths.get(key) ?? [key]), ...rest],
    })),
  );
}
