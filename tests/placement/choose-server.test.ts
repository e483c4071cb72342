import { describe, expect, test } from "vitest";
import { isDomainError } from "../../src/kernel/domain-error.ts";
import { chooseServer, freePlaces, loadOf } from "../../src/placement/choose-server.ts";
import type { DbServer } from "../../src/placement/db-server.entity.ts";

/** `name region status tenants/capacity kind`. */
function candidate(line: string) {
  const [name = "", region = "", status = "", held = "", kind = "POSTGRES"] = line.split(/\s+/);
  const [tenants = 0, capacityHint = 0] = held.split("/").map(Number);
  return { server: { name, region, status, capacityHint, kind } as DbServer, tenants };
}

const FLEET = [
  "eu-1 eu ACTIVE   5/10",
  "eu-2 eu ACTIVE  40/100",
  "eu-3 eu DRAINING 0/100",
  "us-1 us ACTIVE   1/10",
  "us-2 us ACTIVE   9/9",
  "us-3 us INACTIVE 0/9",
  "ap-1 ap ACTIVE   7/7",
  "me-1 me ACTIVE   0/0",
];

const CASES: [wish: string, fleet: readonly string[], answer: string][] = [
  ["- -", FLEET, "us-1"],
  ["eu -", FLEET, "eu-2"],
  ["us -", FLEET, "us-1"],
  ["ap -", FLEET, "E_NO_CAPACITY no eligible db_server in region 'ap'"],
  ["me -", FLEET, "E_NO_CAPACITY no eligible db_server in region 'me'"],
  ["xx -", FLEET, "E_NO_CAPACITY no eligible db_server in region 'xx'"],
  ["- -", [], "E_NO_CAPACITY no eligible db_server"],
  ["- -", ["eu-3 eu DRAINING 0/100"], "E_NO_CAPACITY no eligible db_server"],
  // At the same load the one with fewer tenants, then the first by name.
  ["- -", ["big eu ACTIVE 10/100", "small eu ACTIVE 1/10"], "small"],
  ["- -", ["b eu ACTIVE 0/10", "a eu ACTIVE 0/20"], "a"],
  // Shrunk below what it holds.
  ["- -", ["a eu ACTIVE 9/3", "b eu ACTIVE 8/9"], "b"],
  // A named server is taken whatever its load, as long as it takes tenants at all.
  ["- eu-1", FLEET, "eu-1"],
  ["eu eu-1", FLEET, "eu-1"],
  ["us eu-1", FLEET, "E_VALIDATION Db server 'eu-1' stands in region 'eu', not in 'us'"],
  ["- nowhere", FLEET, "E_DB_SERVER_NOT_FOUND Db server 'nowhere' not found"],
  ["- eu-3", FLEET, "E_DB_SERVER_NOT_FOUND Db server 'eu-3' is DRAINING"],
  ["- us-3", FLEET, "E_DB_SERVER_NOT_FOUND Db server 'us-3' is INACTIVE"],
  ["- us-2", FLEET, "E_NO_CAPACITY Db server 'us-2' is full: no eligible db_server"],
  // A cluster holds schemas of one database: it is passed over for a database, and refused by name.
  ["- -", ["c eu ACTIVE 0/9 CITUS", "p eu ACTIVE 5/9"], "c"],
  ["- - DATABASE", ["c eu ACTIVE 0/9 CITUS", "p eu ACTIVE 5/9"], "p"],
  ["- - DATABASE", ["c eu ACTIVE 0/9 CITUS"], "E_NO_CAPACITY no eligible db_server"],
  ["- c SCHEMA", ["c eu ACTIVE 0/9 CITUS"], "c"],
  [
    "- c DATABASE",
    ["c eu ACTIVE 0/9 CITUS"],
    "E_UNSUPPORTED Db server 'c' is a Citus cluster, which holds tenants of isolation SCHEMA only",
  ],
];

describe("choosing a db server", () => {
  test.each(CASES)(
    "for region, server and isolation '%s' of %j takes %s",
    (wish, fleet, expected) => {
      const [region = null, dbServer = null, isolation] = wish
        .split(" ")
        .map((word) => (word === "-" ? null : word));
      const asked = {
        region,
        dbServer,
        isolation: isolation === "DATABASE" ? isolation : "SCHEMA",
      } as const;
      const choose = () => chooseServer(fleet.map(candidate), asked).name;
      expect(outcome(choose)).toBe(expected);
    },
  );

  test("tells load and free places, also of a server that is meant to hold nothing", () => {
    expect([loadOf(5, { capacityHint: 20 }), loadOf(0, { capacityHint: 0 })]).toEqual([0.25, 1]);
    expect([freePlaces(5, { capacityHint: 20 }), freePlaces(9, { capacityHint: 3 })]).toEqual([
      15, 0,
    ]);
  });
});

function outcome(choose: () => string): string {
  try {
    return choose();
  } catch (error) {
    if (!isDomainError(error)) throw error;
    return `${error.code} ${error.message}`;
  }
}
