import type { SeededAdmin } from "../../invitations/first-admin.ts";
import type { Run } from "../engine/phase.ts";
import type { ProvisionInput } from "./input.ts";

/** What the phases of provisioning find out for those after them and for the result. */
export interface ProvisionFacts {
  readonly dbServerId: string;
  readonly dbServer: string;
  readonly database: string;
  readonly migrations: readonly string[];
  readonly seedSets: readonly string[];
  readonly migrationsApplied: number;
  readonly schemaVersion: string | null;
  readonly seedRows: readonly { readonly set: string; readonly rows: number }[];
  readonly tables: number;
  readonly roleLogin: boolean;
  readonly credential: SeededAdmin["credential"];
}

export type ProvisionRun = Run<ProvisionInput, ProvisionFacts>;
