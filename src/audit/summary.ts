import { z } from "zod";
import { type Described, describedObject } from "../kernel/described.ts";
import { AuditEventType } from "./events.ts";

export const AuditChange = describedObject("AuditChange", "One value that was changed.", {
  field: z.string().describe("What was changed: the name of the field."),
  from: z.string().nullable().describe("What it was before, as a text; null where it was empty."),
  to: z.string().nullable().describe("What it has been since, as a text; null where it is empty."),
});

type Detail = Readonly<Record<string, unknown>>;

const List = z.array(AuditChange);

/** What was changed, by facts that tell one value before and after. */
const CHANGED: Partial<Record<string, string>> = {
  DB_SERVER_STATUS_SET: "status",
  PLATFORM_USER_ROLE_SET: "role",
  TENANT_CREDENTIALS_ROTATED: "appRole",
};

/** What a fact tells of values that were changed; none where it tells of none. */
export function changesOf(type: string, detail: object): Described<typeof AuditChange>[] {
  const { changes, from, to } = detail as Detail;
  const field = CHANGED[type];
  if (field !== undefined) return [{ field, from: textOf(from), to: textOf(to) }];
  const listed = List.safeParse(changes);
  return listed.success ? listed.data : [];
}

/** A fact in a sentence for people: what its type means, and what is told beside it. */
export function summaryOf(type: string, detail: object): string {
  const { values = {} } = AuditEventType.meta() ?? {};
  const { changes: _, ...all } = detail as Detail;
  const { from: __, to: ___, ...beside } = all;
  const others = type in CHANGED ? beside : all;
  const told = [
    ...changesOf(type, detail).map(
      ({ field, from, to }) => `${wordsOf(field)} from ${from} to ${to}`,
    ),
    ...Object.entries(others).flatMap(([key, value]) => {
      const text = textOf(value);
      return text === null ? [] : [`${wordsOf(key)} ${text}`];
    }),
  ];
  const sentence = (values[type] ?? type).replace(/\.$/, "");
  return told.length === 0 ? `${sentence}.` : `${sentence}: ${told.join(", ")}.`;
}

/** `dbServer` is `db server`. */
const wordsOf = (key: string): string =>
  key.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

function textOf(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
