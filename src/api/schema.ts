import type { GraphQLSchema } from "graphql";
import { builder } from "./builder.ts";
import "./audit.ts";
import "./db-servers.ts";
import "./events.ts";
import "./health.ts";
import "./iam.ts";
import "./invitations.ts";
import "./node.ts";
import "./operation-starts.ts";
import "./operations.ts";
import "./people-mutations.ts";
import "./placement.ts";
import "./platform-user-acts.ts";
import "./platform-users.ts";
import "./provisioning.ts";
import "./service-tokens.ts";
import "./signing-keys.ts";
import "./tenant-cleanup.ts";
import "./tenant-credentials.ts";
import "./tenant-lock.ts";
import "./tenant-operations.ts";
import "./tenant-people.ts";
import "./tenant-removal.ts";
import "./tenant-update.ts";
import "./tenants.ts";

/** The API's schema, assembled from the files named like rooms. */
export const schema: GraphQLSchema = builder.toSchema();
