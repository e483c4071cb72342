import type { EntityManager } from "../database/orm.ts";
import { isDomainError } from "../kernel/domain-error.ts";
import type { ErrorCode } from "../kernel/error-codes.ts";
import { parseSlug } from "./slug.ts";
import { TenantEntity } from "./tenant.entity.ts";

/** Whether a slug can be given to a new tenant. */
export interface SlugAvailability {
  readonly slug: string;
  /** Why not; null where it can. */
  readonly code: ErrorCode | null;
  /** The same for a person. */
  readonly message: string | null;
  /** A slug like it that can be given; null where it can itself, or none was found. */
  readonly suggestion: string | null;
}

/** How many numbers are tried behind a slug that is taken. */
const NUMBERS = 20;
const LONGEST = 40;

/**
 * Tells whether a slug can be given to a new tenant, and suggests one that can. What it says holds for this
 * moment: provisioning decides.
 *
 * @param slug any text, such as a name that somebody types
 */
export async function slugAvailability(em: EntityManager, slug: string): Promise<SlugAvailability> {
  const asked = slug.slice(0, 200);
  const fault = faultOf(asked);
  const stem = normalised(asked);
  const candidates = [stem, ...numbered(stem)].filter((each) => faultOf(each) === null);
  const taken = await takenAmong(em, [...(fault === null ? [asked] : []), ...candidates]);
  const free = candidates.find((each) => !taken.has(each)) ?? null;
  if (fault !== null) return { slug: asked, ...fault, suggestion: free };
  if (!taken.has(asked)) return { slug: asked, code: null, message: null, suggestion: null };
  const message = `Tenant '${asked}' exists already`;
  return { slug: asked, code: "E_ALREADY_PROVISIONED", message, suggestion: free };
}

function faultOf(slug: string): Pick<SlugAvailability, "code" | "message"> | null {
  try {
    parseSlug(slug);
    return null;
  } catch (error) {
    if (isDomainError(error)) return { code: error.code, message: error.message };
    throw error;
  }
}

/** The slug that a name comes closest to: `Müller & Söhne` is `muller-sohne`. */
const normalised = (text: string): string =>
  text
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^[^a-z]+|-+$/g, "")
    .slice(0, LONGEST)
    .replace(/-+$/, "");

const numbered = (stem: string): string[] =>
  Array.from({ length: NUMBERS }, (_, index) => {
    const end = `-${index + 2}`;
    return `${stem.slice(0, LONGEST - end.length).replace(/-+$/, "")}${end}`;
  });

async function takenAmong(em: EntityManager, slugs: readonly string[]): Promise<Set<string>> {
  const where = { slug: { $in: [...slugs] }, status: { $ne: "PURGED" as const } };
  const found = await em.find(TenantEntity, where, { fields: ["slug"] });
  return new Set(found.map(({ slug }) => slug));
}
