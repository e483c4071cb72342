import { expect, test } from "vitest";
import { Slots } from "../../src/kernel/slots.ts";

test("so many works run at once, the others in the order they came, also after one that failed", async () => {
  const slots = new Slots(2);
  const begun: number[] = [];
  const ends: (() => void)[] = [];
  const works = [0, 1, 2, 3].map((index) =>
    slots.run(async () => {
      begun.push(index);
      await new Promise<void>((resolve) => ends.push(resolve));
      if (index === 0) throw new Error("failed");
      return index;
    }),
  );
  expect(begun).toEqual([0, 1]);
  expect(slots.waiting).toBe(2);
  ends[0]?.();
  await expect(works[0]).rejects.toThrow("failed");
  expect(begun).toEqual([0, 1, 2]);
  ends[1]?.();
  await works[1];
  expect(begun).toEqual([0, 1, 2, 3]);
  expect(slots.waiting).toBe(0);
  for (const end of ends.slice(2)) end();
  expect(await Promise.all(works.slice(1))).toEqual([1, 2, 3]);
  expect(await slots.run(async () => "free again")).toBe("free again");
});
