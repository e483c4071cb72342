import { isIP } from "node:net";
import { type AddressRule, specialAddress } from "../database/guarded-socket.ts";

/** Which hosts db servers may be registered at. */
export interface HostPolicy {
  /** Whether a server on this machine is one: in development and tests. */
  readonly loopback: boolean;
  /** Hosts, and names below a domain as `*.db.internal`; empty allows any. */
  readonly patterns: readonly string[];
}

/** Whether an address that a host leads to may be connected to. */
export const addressRule =
  ({ loopback }: HostPolicy): AddressRule =>
  (kind) =>
    loopback && kind === "loopback";

const LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?$/;

function isHostName(host: string): boolean {
  const labels = host.split(".");
  // Resolvers read "127.1" and "0x7f.1" as addresses.
  const looksLikeAddress = /^(\d+|0x[0-9a-f]*)$/.test(labels.at(-1) ?? "");
  return host.length <= 253 && !looksLikeAddress && labels.every((label) => LABEL.test(label));
}

/** Whether a text is a host name or an IP address: no URL, no path, no zone, nothing else. */
export const isHost = (host: string): boolean =>
  (isIP(host) !== 0 && !host.includes("%")) || isHostName(host);

const matches = (host: string, pattern: string): boolean =>
  pattern.startsWith("*.") ? host.endsWith(pattern.slice(1)) : host === pattern;

/**
 * Says why a db server may not be registered at this host; null where it may. Where a name leads is
 * looked at when it is connected to.
 */
export function hostFault(host: string, policy: HostPolicy): string | null {
  if (!isHost(host)) return "must be a host name or an IP address";
  if (policy.patterns.length > 0 && !policy.patterns.some((pattern) => matches(host, pattern)))
    return "is not among the hosts that DB_SERVER_HOSTS allows";
  // RFC 6761: these names are this machine, whatever a resolver says.
  const local = host === "localhost" || host.endsWith(".localhost");
  const kind = local ? "loopback" : isIP(host) === 0 ? null : specialAddress(host);
  if (kind === null || addressRule(policy)(kind)) return null;
  return `must not be a ${kind} address`;
}
