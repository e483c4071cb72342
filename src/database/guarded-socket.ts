import { lookup as dnsLookup } from "node:dns";
import { BlockList, isIP, type LookupFunction, Socket } from "node:net";

/** Kinds of addresses at which no db server of somebody's own stands. */
export type SpecialAddress = "link-local" | "loopback" | "multicast" | "reserved" | "unspecified";

const SUBNETS: Record<SpecialAddress, readonly (readonly [string, number])[]> = {
  // The last one answers instance metadata, as its link-local twin does.
  "link-local": [["169.254.0.0", 16] as const, ["fe80::", 10], ["fd00:ec2::254", 128]],
  loopback: [["127.0.0.0", 8] as const, ["::1", 128]],
  multicast: [["224.0.0.0", 4] as const, ["ff00::", 8]],
  reserved: [["240.0.0.0", 4] as const],
  unspecified: [["0.0.0.0", 8] as const, ["::", 128]],
};

const familyOf = (address: string) => (isIP(address) === 6 ? "ipv6" : "ipv4");

const LISTS = Object.entries(SUBNETS).map(([kind, subnets]) => {
  const list = new BlockList();
  for (const [net, prefix] of subnets) list.addSubnet(net, prefix, familyOf(net));
  return { kind: kind as SpecialAddress, list };
});

/** What is special about an IP address, IPv4 in IPv6 notation included; null for an ordinary one. */
export const specialAddress = (address: string): SpecialAddress | null =>
  LISTS.find(({ list }) => list.check(address, familyOf(address)))?.kind ?? null;

/** A host leads to an address that may not be connected to. */
export class ForbiddenAddress extends Error {
  override readonly name = "ForbiddenAddress";
  readonly kind: SpecialAddress;
  constructor(kind: SpecialAddress) {
    super(`The host leads to a ${kind} address`);
    this.kind = kind;
  }
}

/** Whether an address of this kind may be connected to. */
export type AddressRule = (kind: SpecialAddress) => boolean;

/**
 * Makes sockets that look at each address of a host at the moment they connect to it: a name that
 * was harmless when it was registered may lead elsewhere today.
 */
export const guardedSockets = (allows: AddressRule) => (): Socket => new GuardedSocket(allows);

class GuardedSocket extends Socket {
  readonly #allows: AddressRule;

  constructor(allows: AddressRule) {
    super();
    this.#allows = allows;
  }

  // The driver calls it with a port and a host.
  // biome-ignore lint/suspicious/noExplicitAny: the overloads of Socket.connect
  override connect(...args: any[]): this {
    const [port, host] = args;
    if (typeof port !== "number" || typeof host !== "string") {
      throw new TypeError("A guarded socket connects to a port and a host");
    }
    const fault = isIP(host) === 0 ? null : this.#fault([host]);
    if (fault === null) return super.connect({ port, host, lookup: this.#lookup });
    process.nextTick(() => this.destroy(fault));
    return this;
  }

  #fault(addresses: readonly string[]): ForbiddenAddress | null {
    const kind = addresses
      .map(specialAddress)
      .find((special) => special !== null && !this.#allows(special));
    return kind ? new ForbiddenAddress(kind) : null;
  }

  readonly #lookup: LookupFunction = (host, options, callback) => {
    dnsLookup(host, { ...options, all: true }, (error, found) => {
      const fault = error ?? this.#fault(found.map(({ address }) => address));
      const [first] = found ?? [];
      if (fault || !first) return callback(fault ?? new Error(`${host} has no address`), []);
      if (options.all) callback(null, found);
      else callback(null, first.address, first.family);
    });
  };
}
