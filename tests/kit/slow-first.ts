import { BaseSequencer, type TestSpecification } from "vitest/node";

/** The files that take longest, the longest first: one that began last would end the run alone. */
const SLOW = [
  "cli/tenant-operations",
  "operations/unwinding",
  "operations/crash",
  "operations/rotate-credentials",
  "database/embedded",
  "operations/offboard-tenant",
  "operations/offboard-purge",
  "operations/suspend-tenant",
  "iam/sign-in-limit",
  "cli/commands",
  "iam/signing-keys",
];

/** Starts the slow files first, also where no earlier run has left its figures. */
export default class SlowFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) => {
      const found = SLOW.findIndex((name) => moduleId.endsWith(`/tests/${name}.test.ts`));
      return found === -1 ? SLOW.length : found;
    };
    return (await super.sort(files)).toSorted((one, other) => place(one) - place(other));
  }
}
