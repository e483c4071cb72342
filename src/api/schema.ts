import type { GraphQLSchema } from "graphql";
import { builder } from "./builder.ts";
import "./audit.ts";
import "./servers/checks.ts";
import "./servers/clusters.ts";
import "./servers/db-servers.ts";
import "./operations/events.ts";
import "./health.ts";
import "./mending.ts";
import "./access/iam.ts";
import "./tenants/invitations.ts";
import "./migration-check.ts";
import "./generate/operations.ts";
import "./node.ts";
import "./operations/starts.ts";
import "./operations/operations.ts";
import "./operations/workers.ts";
import "./tenants/people-mutations.ts";
import "./servers/placement.ts";
import "./access/platform-user-acts.ts";
import "./access/platform-users.ts";
import "./access/service-tokens.ts";
import "./access/signing-keys.ts";
import "./tenants/all-tenants.ts";
import "./tenants/fields.ts";
import "./tenants/lock.ts";
import "./tenants/password-reset.ts";
import "./tenants/people.ts";
import "./platform.ts";
import "./tenants/allowed-operations.ts";
import "./tenants/new-tenant.ts";
import "./tenants/update.ts";
import "./tenants/tenants.ts";

/**
 * The API's schema, assembled from the files named like rooms. Who shows it to people sorts it; a command,
 * which waits for it, does not.
 */
export const schema: GraphQLSchema = builder.toSchema({ sortSchema: false });
