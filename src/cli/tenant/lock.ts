import type { TypedDocumentString } from "../../client/generated/graphql.ts";
import { payloadOf } from "../api/api.ts";
import { runAnywhere } from "../session.ts";
import { EXIT } from "../terminal/exit-codes.ts";
import { LockTenant, UnlockTenant } from "./documents.ts";

/** The flags of `tenant lock` and `tenant unlock`. */
export interface LockFlags {
  readonly slug: string;
  readonly reason?: string;
  readonly json?: boolean;
}

/** `tenantry tenant lock`. */
export const lock = ({ slug, reason = "", json }: LockFlags): Promise<void> =>
  change({ json }, LockTenant, { tenant: { slug }, reason });

/** `tenantry tenant unlock`. */
export const unlock = ({ slug, json }: LockFlags): Promise<void> =>
  change({ json }, UnlockTenant, { tenant: { slug } });

type Changed<Document> = Document extends TypedDocumentString<infer Data, infer _> ? Data : never;

async function change<Input>(
  { json }: { readonly json: boolean | undefined },
  document: TypedDocumentString<
    Changed<typeof LockTenant> | Changed<typeof UnlockTenant>,
    { input: Input }
  >,
  input: Input,
): Promise<void> {
  return await runAnywhere({ json }, async ({ api, out }) => {
    const { changed } = await api.execute(document, { input });
    const { id, slug, lockedAt, lockReason } = payloadOf(changed).tenant;
    if (json) out.json({ type: "RESULT", tenantId: id, slug, lockedAt, lockReason });
    else {
      const how = lockedAt === null ? "is not locked" : `is locked against deletion: ${lockReason}`;
      out.line(`${out.style("green", "✔")} Tenant '${slug}' ${how}`);
    }
    return EXIT.ok;
  });
}
