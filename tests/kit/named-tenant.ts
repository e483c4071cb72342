/** Inputs in which a slug is not the name of a tenant that exists. */
const OWN_SLUG = ["provisionTenant", "cleanupFailedTenants"];

/** The input of a mutation as the API takes it: a tenant that exists is named by `tenant`. */
export const inputNaming = (
  mutation: string,
  { slug, ...more }: Readonly<Record<string, unknown>>,
): Record<string, unknown> =>
  slug === undefined || OWN_SLUG.includes(mutation)
    ? { ...more, ...(slug === undefined ? {} : { slug }) }
    : { tenant: { slug }, ...more };
