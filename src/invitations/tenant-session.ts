import type { EntityManager } from "@mikro-orm/postgresql";
import { z } from "zod";
import { tenantAudience } from "../iam/tokens/access-token.ts";
import type { SigningKeys } from "../iam/tokens/signing-keys.ts";
import type { Clock } from "../kernel/clock.ts";
import { type Described, describedObject } from "../kernel/described.ts";
import { DomainError } from "../kernel/domain-error.ts";
import type { Tenant } from "../tenants/tenant.entity.ts";
import { type Identity, Person } from "./identity.entity.ts";
import { TenantRole } from "./membership.entity.ts";

export interface TenantSessionPorts {
  /** Forked for every call. */
  readonly em: EntityManager;
  readonly keys: SigningKeys;
  readonly clock: Clock;
}

export const TenantSession = describedObject(
  "TenantSession",
  "What a signed-in user of a tenant holds.",
  {
    accessToken: z
      .string()
      .describe(
        "A token for the tenant's application, which verifies it with `/.well-known/jwks.json`; its audience is `tenant:<slug>`. This API does not accept it.",
      ),
    accessTokenExpiresAt: z.date().describe("When the access token expires: 15 minutes from now."),
    identity: Person.describe("Who has signed in."),
    tenantSlug: z.string().describe("The slug of the tenant."),
    role: TenantRole.describe("What the identity may do in the tenant."),
  },
);
export type TenantSession = Described<typeof TenantSession>;

/** Issues a session inside the caller's transaction, and notes that the identity has signed in. */
export async function issueTenantSession(
  { keys, clock }: TenantSessionPorts,
  { identity, tenant, role }: { identity: Identity; tenant: Tenant; role: TenantRole },
): Promise<TenantSession> {
  const { id, email, name } = identity;
  const { token, expiresAt } = await keys.sign({
    audience: tenantAudience(tenant.slug),
    subject: id,
    claims: { email, name, role, tenant: tenant.slug, tenant_id: tenant.id },
  });
  identity.lastSignedInAt = clock();
  return {
    accessToken: token,
    accessTokenExpiresAt: expiresAt,
    tenantSlug: tenant.slug,
    role,
    identity: { id, email, name },
  };
}

/** For people of the tenant, who have no part in running it. */
const WAIT = "Wait until it is in use again, which whoever runs this service for you can tell.";

/**
 * Lets a tenant pass that is ACTIVE.
 *
 * @param nextAction what helps whoever asks
 * @throws DomainError E_TENANT_NOT_ACTIVE
 */
export function checkActive({ slug, status }: Tenant, nextAction: string = WAIT): void {
  if (status === "ACTIVE") return;
  const message = `Tenant '${slug}' is not active`;
  throw new DomainError("E_TENANT_NOT_ACTIVE", { message, nextAction });
}
