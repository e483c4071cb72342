import { expect, test } from "vitest";
import { judgeOrigins } from "../../src/api/transport/refused-origins.ts";

test("a refused origin is told to the log, ten times a minute at most", () => {
  const told: object[] = [];
  const isAllowed = judgeOrigins({ warn: (fields: object) => void told.push(fields) }, [
    "https://console.test",
  ]);
  expect(isAllowed("https://console.test", "api.test")).toBe(true);
  expect(isAllowed("http://api.test:4000", "api.test:4000")).toBe(true);
  expect(told).toEqual([]);
  for (let sent = 0; sent < 50; sent += 1) {
    expect(isAllowed(`https://evil-${sent}.test`, "api.test")).toBe(false);
  }
  expect(told[0]).toEqual({ origin: "https://evil-0.test" });
  // The minute may have turned meanwhile.
  expect([10, 20]).toContain(told.length);
});
