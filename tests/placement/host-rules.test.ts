import { once } from "node:events";
import { describe, expect, test } from "vitest";
import { readConfig } from "../../src/config.ts";
import { guardedSockets, specialAddress } from "../../src/database/guarded-socket.ts";
import { hostFault } from "../../src/placement/host-rules.ts";

const production = { loopback: false, patterns: [] };
const faultOf = (host: string, patterns: string[] = []) =>
  hostFault(host, { ...production, patterns });

const NO_HOSTS = [
  ...["", " ", "/var/run/postgresql", "postgres://db.internal/x", "db.internal/x", "a b", "a..b"],
  ...[
    "user@db.internal",
    "db.internal:5432",
    "[::1]",
    "fe80::1%eth0",
    "-a.internal",
    "a".repeat(64),
  ],
  ...["127.1", "0x7f.1", "2130706433", "0x7f000001", "10.0.0.256", "db.internal?host=/tmp", "a,b"],
];

const SPECIAL = [
  ...["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1", "localhost", "db.localhost"],
  ...["169.254.169.254", "::ffff:169.254.169.254", "fe80::1", "fd00:ec2::254"],
  ...["224.0.0.1", "ff02::1", "0.0.0.0", "::", "255.255.255.255"],
];

describe("a db server's host", () => {
  test.each(NO_HOSTS)("is a name or an address, and not %j", (host) => {
    expect(faultOf(host)).toBe("must be a host name or an IP address");
  });

  test.each(SPECIAL)("is no special address such as %s", (host) => {
    expect(faultOf(host)).toMatch(/^must not be an? [a-z-]+ address$/);
  });

  test.each(["db1.internal", "10.1.2.3", "192.168.0.4", "2001:db8::7", "db_1", "203.0.113.9"])(
    "may be %s",
    (host) => {
      expect(faultOf(host)).toBeNull();
    },
  );

  test("is this machine only in development and tests", () => {
    const development = { loopback: true, patterns: [] };
    expect(hostFault("127.0.0.1", development)).toBeNull();
    expect(hostFault("localhost", development)).toBeNull();
    expect(hostFault("169.254.169.254", development)).not.toBeNull();
  });

  test("is one of the list, where there is one", () => {
    const patterns = ["*.db.internal", "10.1.2.3"];
    const hosts = ["a.db.internal", "a.b.db.internal", "10.1.2.3"];
    expect(hosts.map((host) => faultOf(host, patterns))).toEqual([null, null, null]);
    for (const host of ["db.internal", "a.xdb.internal", "a.db.internal.example.com", "10.1.2.30"])
      expect(faultOf(host, patterns)).toBe("is not among the hosts that DB_SERVER_HOSTS allows");
    expect(faultOf("127.0.0.1", ["127.0.0.1"])).toBe("must not be a loopback address");
  });
});

describe("DB_SERVER_HOSTS", () => {
  test("is read as patterns, in lower case", () => {
    const { dbServerHosts } = readConfig({ DB_SERVER_HOSTS: "*.DB.internal, 10.1.2.3" });
    expect(dbServerHosts).toEqual(["*.db.internal", "10.1.2.3"]);
  });

  test.each(["10.0.*", "*", "*db.internal", "postgres://db", "/tmp"])("is not %s", (pattern) => {
    expect(() => readConfig({ DB_SERVER_HOSTS: pattern })).toThrow(/DB_SERVER_HOSTS/);
  });
});

describe("a guarded socket", () => {
  const connect = async (host: string) => {
    const socket = guardedSockets(() => false)();
    socket.connect(9, host);
    const [error] = await once(socket, "error").catch((thrown) => [thrown]);
    return String((error as Error).message);
  };

  test("looks where a name leads at the moment it connects", async () => {
    expect(await connect("localhost")).toBe("The host leads to a loopback address");
    expect(await connect("127.0.0.1")).toBe("The host leads to a loopback address");
    expect(await connect("169.254.169.254")).toBe("The host leads to a link-local address");
    expect(specialAddress("198.51.100.7")).toBeNull();
  });
});
