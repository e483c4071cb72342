import type { SeededAdmin } from "../../invitations/first-admin.ts";
import type { Format } from "../../migration-folders/migration-source.ts";
import type { Run } from "../engine/phase.ts";
import type { FilePlace } from "../migration-check/check-migrations.ts";
import type { ProvisionInput } from "./input.ts";

/** What the phases of provisioning find out for those after them and for the result. */
export interface ProvisionFacts {
  readonly dbServerId: string;
  readonly dbServer: string;
  readonly database: string;
  readonly migrations: readonly string[];
  readonly migrationFormat: Format;
  /** Statements of the files that are not carried out: the first of them, and how many there are. */
  readonly passedOver: readonly FilePlace[];
  readonly passedOverCount: number;
  readonly seedSets: readonly string[];
  readonly migrationsApplied: number;
  readonly schemaVersion: string | null;
  readonly seedRows: readonly { readonly set: string; readonly rows: number }[];
  readonly tables: number;
  readonly roleLogin: boolean;
  readonly credential: SeededAdmin["credential"];
}

export type ProvisionRun = Run<ProvisionInput, ProvisionFacts>;
