import { z } from "zod";
import { slugField } from "./slug.ts";

/**
 * The fields by which an input names a tenant that exists: the API takes them as one `TenantBy`. Whoever names
 * it by its id expects it to be that one still, since a slug is free again after a purge.
 */
export const namedTenant = {
  slug: slugField.meta({ namesTenant: "SLUG" }),
  tenantId: z.uuid().optional().meta({ namesTenant: "ID" }),
};
