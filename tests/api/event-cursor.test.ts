import { describe, expect, test } from "vitest";
import { encodeEventCursor, sequenceOf } from "../../src/api/operations/event-cursor.ts";
import { newId } from "../../src/kernel/ids.ts";

const operation = { id: newId(), lastSequence: 12 };
const raw = (text: string) => Buffer.from(text).toString("base64url");

describe("an event's cursor", () => {
  test("leads back to the event", () => {
    const cursor = encodeEventCursor({ operationId: operation.id, sequence: 12 });
    expect(sequenceOf(cursor, operation)).toBe(12);
  });

  test("stands for the beginning when it is left out", () => {
    expect(sequenceOf(undefined, operation)).toBe(0);
    expect(sequenceOf(null, operation)).toBe(0);
  });

  test.each([
    ["of another operation", encodeEventCursor({ operationId: newId(), sequence: 1 })],
    ["beyond the newest event", encodeEventCursor({ operationId: operation.id, sequence: 13 })],
    ["of no event", raw(`${operation.id}:0`)],
    ["with a sign", raw(`${operation.id}:-1`)],
    ["with a fraction", raw(`${operation.id}:1.5`)],
    ["with something behind", raw(`${operation.id}:1:2`)],
    ["that is empty", ""],
    ["that is garbage", "%%%"],
  ])("is refused %s", (_what, cursor) => {
    expect(() => sequenceOf(cursor, operation)).toThrow(
      expect.objectContaining({ code: "E_INVALID_CURSOR" }),
    );
  });
});
