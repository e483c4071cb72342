import { updateTenant } from "../../operations/update-tenant.ts";
import { TIERS } from "../../tenants/tenant.entity.ts";
import { runOnPlatform } from "../session.ts";
import { EXIT, UsageError } from "../terminal/exit-codes.ts";
import { givenFields, oneOf } from "../terminal/flag-values.ts";

/** The flags of `tenant update`. */
export interface UpdateFlags {
  readonly slug: string;
  readonly name?: string;
  readonly tier?: string;
  readonly vertical?: string;
  readonly supportEmail?: string;
  readonly supportPhone?: string;
  readonly json?: boolean;
}

/** `tenantry tenant update`: an empty text clears a field that can be empty. */
export async function update(flags: UpdateFlags): Promise<void> {
  const { slug, name, json } = flags;
  const changes = givenFields({
    name,
    tier: oneOf("--tier", flags.tier, TIERS),
    vertical: clearable(flags.vertical),
    supportEmail: clearable(flags.supportEmail),
    supportPhone: clearable(flags.supportPhone),
  });
  if (Object.keys(changes).length === 0) throw new UsageError("Nothing to change was given");
  return await runOnPlatform(flags, async ({ platform, actor, out }) => {
    const tenant = await updateTenant(platform, actor, { slug, ...changes });
    if (json) {
      const { id, tier, vertical, supportEmail, supportPhone } = tenant;
      const shown = { name: tenant.name, tier, vertical, supportEmail, supportPhone };
      out.json({ type: "RESULT", tenantId: id, slug, ...shown });
    } else out.line(`${out.style("green", "✔")} Tenant '${slug}' is changed`);
    return EXIT.ok;
  });
}

const clearable = (text: string | undefined): string | null | undefined =>
  text === "" ? null : text;
