import { expect, test } from "vitest";
import { withSessionLock } from "../../src/database/locks.ts";
import { scramVerifier } from "../../src/database/sql.ts";
import { perFile } from "../kit/lifetime.ts";
import { openTenantDatabase } from "../kit/tenant-schemas.ts";

const world = perFile(openTenantDatabase);

test("a SCRAM verifier is the one of RFC 7677's example", () => {
  const salt = Buffer.from("W22ZaJ0SNY7soEsUEjb6gQ==", "base64");
  expect(scramVerifier("pencil", salt)).toBe(
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
  );
});

test("a verifier is made of printable ASCII only", () => {
  expect(() => scramVerifier("pässword")).toThrow(RangeError);
});

test("a session lock is given back when the work fails", async () => {
  const other = await world.connect();
  const failing = withSessionLock(world.client, "k", () => Promise.reject(new Error("no")));
  await expect(failing).rejects.toThrow("no");
  expect(await withSessionLock(other, "k", async () => "mine")).toBe("mine");
});
