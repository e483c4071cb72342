import { z } from "zod";

// Text that callers choose is cut where it is recorded, so that nobody can fill the trail with it.
export const words = z.string().max(500);
export const email = z.string().max(254);
export const role = z.string().max(40);
/** How many: 0 and more. */
export const count = z.int().min(0);

const Subject = z.strictObject({ id: z.uuid().nullable(), slug: z.string().max(63) });

const shapeOf = <Type extends string, Detail extends z.ZodRawShape>(type: Type, detail: Detail) =>
  z.strictObject({
    type: z.literal(type),
    /** Absent where the fact is about no tenant. */
    tenant: Subject.optional(),
    /** The operation that the fact belongs to; absent where there is none. */
    operationId: z.uuid().optional(),
    detail: z.strictObject(detail),
  });

/**
 * One type of fact.
 *
 * @param description what happened, in a sentence for people who read the trail
 * @param detail what is kept beside actor, tenant and operation: never a secret, and of numbers only
 *   whole ones, which every language writes alike
 */
export const fact = <Type extends string, Detail extends z.ZodRawShape>(
  type: Type,
  description: string,
  detail: Detail,
) => shapeOf(type, detail).describe(description);

/** A fact that is about one tenant. */
export const tenantFact = <Type extends string, Detail extends z.ZodRawShape>(
  type: Type,
  description: string,
  detail: Detail,
) => shapeOf(type, detail).required({ tenant: true }).describe(description);

/** A fact that is about one tenant and one operation. */
export const operationFact = <Type extends string, Detail extends z.ZodRawShape>(
  type: Type,
  description: string,
  detail: Detail,
) => shapeOf(type, detail).required({ tenant: true, operationId: true }).describe(description);
