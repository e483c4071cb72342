import { describe, expect, test } from "vitest";
import {
  compareLedger,
  type Listed,
  pendingOf,
  versionOf,
  wholeCounts,
} from "../../src/tenant-schemas/drift.ts";

/** A folder in Flyway's manner: `B2` stands for `V1` and `V2`, `R__x` is repeatable. */
const folder = (...ids: string[]): Listed[] =>
  ids.map((id) => ({
    id,
    name: `${id}.sql`,
    sha256: `sum of ${id}`,
    repeatable: id.startsWith("R__"),
    replaces: id.startsWith("B")
      ? ids.filter((other) => /^V/.test(other) && other.slice(1) <= id.slice(1))
      : [],
  }));
const ledger = (...ids: string[]) => ids.map((id) => ({ id, sha256: `sum of ${id}` }));
const idsOf = (files: readonly { id: string }[]) => files.map(({ id }) => id);

const FLYWAY = folder("V1", "V2", "B2", "V3", "R__x");

describe("a ledger against its folder", () => {
  test.each([
    { has: [], pending: ["B2", "V3", "R__x"], late: [] },
    { has: ["V1"], pending: ["V2", "V3", "R__x"], late: [] },
    { has: ["B2", "V3", "R__x"], pending: [], late: [] },
    { has: ["V1", "V2", "R__x", "V3"], pending: [], late: [] },
    { has: ["V1", "V3", "R__x"], pending: ["V2"], late: ["V2"] },
    { has: ["B2", "R__x"], pending: ["V3"], late: [] },
  ])("that has $has lacks $pending", ({ has, pending, late }) => {
    const found = compareLedger(FLYWAY, ledger(...has));
    expect({ pending: idsOf(found.pending), late: idsOf(found.late) }).toEqual({ pending, late });
  });

  test("that lacks nothing has as many rows as its beginning makes", () => {
    expect(wholeCounts(FLYWAY)).toEqual([3, 4]);
    expect(wholeCounts(folder("V1", "V2"))).toEqual([2]);
    expect(wholeCounts([])).toEqual([0]);
  });

  test("tells a version by the folder's order, whatever was applied last", () => {
    expect(versionOf(ledger("V1", "V3", "R__x", "V2"), FLYWAY)).toBe("V3");
    expect(versionOf(ledger("V1", "V2", "V9"), FLYWAY)).toBe("V9");
    expect(versionOf(ledger("R__x"), FLYWAY)).toBeNull();
  });

  test("of another folder altogether names some of the files, and counts the rest", () => {
    const others = Array.from({ length: 40 }, (_, at) => `X${at}`);
    expect(() => pendingOf({ migrations: FLYWAY }, ledger(...others))).toThrow(
      /^X0 was applied and is missing .*; X4 was .*folder; and 35 more$/,
    );
  });

  test.each([
    ["changed", [{ id: "V1", sha256: "another" }], /^Restore the files .* `acceptMigration`/],
    ["missing", [...ledger("V1", "V2", "X9")], /^Put the files back .* `acceptMigration`/],
    [
      "renamed",
      [{ id: "V0", sha256: "sum of V1" }],
      /^Give the files their old names .* `acceptMigration`/,
    ],
    ["late", ledger("V2"), /^Apply what comes too late .* `allowOutOfOrder`/],
    ["several", [...ledger("V2"), { id: "X9", sha256: "x" }], /^Restore the named files/],
  ])("says what helps where files are %s", (_, has, next) => {
    expect(() => pendingOf({ migrations: folder("V1", "V2") }, has)).toThrow(
      expect.objectContaining({
        code: "E_MIGRATION_DRIFT",
        nextAction: expect.stringMatching(next),
      }),
    );
  });

  test("takes no file for the renamed one where several have its content", () => {
    const twins = folder("V1", "V2").map((file) => ({ ...file, sha256: "sum of V0" }));
    expect(compareLedger(twins, ledger("V0")).missing).toEqual([{ id: "V0", renamed: null }]);
    const [one] = twins;
    expect(compareLedger(one ? [one] : [], ledger("V0"))).toMatchObject({
      missing: [{ id: "V0", renamed: { id: "V1" } }],
      pending: [],
      late: [],
    });
  });
});
