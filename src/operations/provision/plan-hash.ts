import { DomainError } from "../../kernel/domain-error.ts";
import { versionOf } from "../../kernel/version-of.ts";
import { fingerprintOf } from "../health/fingerprint.ts";
import type { TenantPorts } from "../tenant-ports.ts";
import type { ProvisionInput } from "./input.ts";

// A plan's hash has two parts: of the files, which are read before the transaction that begins the
// operation, and of the request with its place, which is chosen within it.

/** Identifies the migrations and seeds that would be applied. */
export const filesPart = async ({ migrations, seeds }: TenantPorts): Promise<string> =>
  versionOf({ folder: await fingerprintOf({ tenantMigrations: migrations, tenantSeeds: seeds }) });

const placePart = ({ planHash: _, ...input }: ProvisionInput, dbServer: string): string =>
  versionOf({ ...input, dbServer });

/** The hash of a plan: sent back with the request, it is carried out as it was shown or not at all. */
export const planHashOf = (files: string, input: ProvisionInput, dbServer: string): string =>
  `${files}.${placePart(input, dbServer)}`;

/** @throws DomainError E_PLAN_STALE where other files would be applied than were planned */
export async function expectPlannedFiles(ports: TenantPorts, input: ProvisionInput): Promise<void> {
  if (input.planHash === undefined) return;
  const [files] = input.planHash.split(".");
  if (files !== (await filesPart(ports)))
    throw new DomainError("E_PLAN_STALE", {
      message: "The migrations or seeds have changed since the plan was made",
    });
}

/** @throws DomainError E_PLAN_STALE where the request or its place is not the planned one */
export function expectPlannedPlace(input: ProvisionInput, dbServer: string): void {
  const [, place] = input.planHash?.split(".") ?? [];
  if (input.planHash === undefined || place === placePart(input, dbServer)) return;
  throw new DomainError("E_PLAN_STALE", {
    message: `The request is not the planned one, or its db server would be '${dbServer}' now`,
  });
}
