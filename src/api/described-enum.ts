import type { EnumRef } from "@pothos/core";
import { builder } from "./builder.ts";

/** Adds an enum to the schema, each value with what it means. */
export function describedEnum<Value extends string>(
  name: string,
  description: string,
  values: Readonly<Record<Value, string>>,
): EnumRef<never, Value> {
  const described = Object.fromEntries(
    Object.entries<string>(values).map(([value, meaning]) => [value, { description: meaning }]),
  );
  return builder.enumType(name, { description, values: described }) as unknown as EnumRef<
    never,
    Value
  >;
}
