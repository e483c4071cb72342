import { randomUUID } from "node:crypto";
import type { ProgressView } from "../cli/operation/progress-view.ts";
import { PlainFailure } from "../cli/terminal/exit-codes.ts";
import type { Client } from "../client/client.ts";
import type { OperationProgressSubscription } from "../client/generated/graphql.ts";
import { OperationProgress } from "../client/operation-progress.ts";
import type { EventBody } from "../operations/engine/operation.entity.ts";
import * as documents from "./documents.ts";

/** Everything the demo does as a client of the API: it knows a URL, and nothing of the inside. */

const STEM = "acme";
const TRIES = 5;

/** Signs the platform's administrator in; answers the access token. */
export async function signIn(client: Client, admin: { email: string; password: string }) {
  const { signIn: answer } = await client.execute(documents.SignIn, { input: admin });
  if (answer.__typename !== "Session") throw refused("signIn", answer);
  return { token: answer.accessToken, user: answer.user };
}

/** A tenant that is being provisioned. */
export interface Begun {
  readonly slug: string;
  readonly adminEmail: string;
  readonly operationId: string;
}

/** Starts provisioning the next tenant: `acme`, or `acme-2` where that exists, and so on. */
export async function provisionNext(client: Client): Promise<Begun> {
  const taken = await takenSlugs(client);
  for (let number = 1, tries = 0; tries < TRIES; number++) {
    const slug = number === 1 ? STEM : `${STEM}-${number}`;
    if (taken.has(slug)) continue;
    const adminEmail = `ada@${slug}.example`;
    const { provisionTenant: answer } = await client.execute(documents.ProvisionTenant, {
      input: {
        slug,
        adminEmail,
        name: "Acme Laboratories",
        adminName: "Ada Lovelace",
        initialLaboratory: "Main laboratory",
        states: ["CA", "NY"],
        timeZone: "America/New_York",
        idempotencyKey: randomUUID(),
      },
    });
    if (answer.__typename === "ProvisionTenantPayload")
      return { slug, adminEmail, operationId: answer.operation.id };
    tries += 1; // another demo may have been faster
    if (answer.__typename !== "SlugTakenError" && answer.__typename !== "OperationInProgressError")
      throw refused("provisionTenant", answer);
  }
  throw new PlainFailure("Every slug that was tried is taken: other demos are running");
}

async function takenSlugs(client: Client): Promise<Set<string>> {
  const slugs = new Set<string>();
  for (let after: string | null = null, more = true; more; ) {
    const variables: { text: string; after: string | null } = { text: STEM, after };
    const { tenants } = await client.execute(documents.Tenants, variables);
    for (const { slug } of tenants.nodes) slugs.add(slug);
    after = tenants.pageInfo.endCursor ?? null;
    more = tenants.pageInfo.hasNextPage;
  }
  return slugs;
}

/** Shows the operation's events as the subscription brings them, until the last one. */
export async function follow(client: Client, operationId: string, view: ProgressView) {
  const events = client.subscribe(
    OperationProgress,
    { operationId },
    (data) => data.operationEvents.cursor,
  );
  for await (const { operationEvents: event } of events) {
    view.show({ at: new Date(event.at), body: bodyOf(event) });
  }
}

type ApiEvent = OperationProgressSubscription["operationEvents"];

/** The API's event in the words of the journal, which the view speaks. */
function bodyOf(event: ApiEvent): EventBody {
  switch (event.__typename) {
    case "OperationStateChanged":
      return { type: "OPERATION_STATE", state: event.operationState, error: errorOf(event.error) };
    case "PhaseStateChanged": {
      const { phase, phaseState: state, attempt } = event;
      const told = { note: event.note ?? null, error: errorOf(event.error) };
      return { type: "PHASE_STATE", phase, state, attempt, ...told };
    }
    case "PhaseProgressed": {
      const { phase, completed } = event;
      const told = { total: event.total ?? null, message: event.message ?? null };
      return { type: "PHASE_PROGRESS", phase, completed, ...told };
    }
  }
}

const errorOf = (error: Extract<ApiEvent, { __typename: "PhaseStateChanged" }>["error"]) =>
  error ? { ...error, phase: error.phase ?? null } : null;

/** What the ended operation has made. */
export async function resultOf(client: Client, operationId: string) {
  const { operation } = await client.execute(documents.OperationResult, { id: operationId });
  const summary = operation?.result;
  if (operation?.state !== "SUCCEEDED" || summary?.__typename !== "ProvisionSummary") {
    const { code, message } = operation?.error ?? { code: "E_INTERNAL", message: "no result" };
    throw new PlainFailure(`Provisioning ended as ${operation?.state}: ${code}: ${message}`);
  }
  return { ...summary, schemaVersion: summary.schemaVersion ?? null };
}

/** Accepts the invitation with a password. */
export async function acceptInvitation(client: Client, token: string, newPassword: string) {
  const { acceptInvitation: answer } = await client.execute(documents.AcceptInvitation, {
    input: { token, newPassword },
  });
  if (answer.__typename !== "TenantSession") throw refused("acceptInvitation", answer);
}

/** Signs the tenant's first admin in; answers the role that it has there. */
export async function tenantSignIn(client: Client, { slug, adminEmail }: Begun, password: string) {
  const { tenantSignIn: answer } = await client.execute(documents.TenantSignIn, {
    input: { slug, email: adminEmail, password },
  });
  if (answer.__typename !== "TenantSession") throw refused("tenantSignIn", answer);
  return answer.role;
}

const refused = (what: string, { code, message }: { code: string; message: string }) =>
  new PlainFailure(`${what} was refused: ${code}: ${message}`);
