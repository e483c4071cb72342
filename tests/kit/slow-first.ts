import { BaseSequencer, type TestSpecification } from "vitest/node";

/** The files that take longest, the longest first: one that began last would end the run alone. */
const SLOW = [
  "operations/unwinding",
  "cli/tenant-operations",
  "operations/crash",
  "operations/rotate-credentials",
  "operations/offboard-tenant",
  "database/embedded",
  "cli/commands",
  "cli/migration-check",
  "operations/rotation-crash",
  "operations/offboard-purge",
  "cli/remote",
  "operations/suspend-tenant",
  "operations/reconcile",
  "cli/service",
  "operations/cleanup-tenant",
  "cli/db-server",
  "api/ended-sessions",
  "placement/server-down",
  "refusals/catalogue",
  "cli/tenant-people",
  "cli/user",
  "cli/credentials",
  "cli/demo",
];

/** Starts the slow files first, also where no earlier run has left its figures. */
export default class SlowFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) => {
      const found = SLOW.findIndex((name) => moduleId.includes(`/tests/${name}.`));
      return found === -1 ? SLOW.length : found;
    };
    return (await super.sort(files)).toSorted((one, other) => place(one) - place(other));
  }
}
