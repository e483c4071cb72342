import type { IncomingMessage } from "node:http";
import { BlockList, isIP, isIPv4 } from "node:net";

/** Tells where a request comes from; null where that is not known. */
export type AddressOf = (
  request: Pick<IncomingMessage, "headers"> & {
    readonly socket: { readonly remoteAddress?: string | undefined };
  },
) => string | null;

/**
 * Makes the function that tells where requests come from. The peer's word for it (X-Forwarded-For)
 * counts only where the peer is a trusted proxy, and its proxies' words in turn: from the right, the
 * first address that is no trusted proxy is the client's. What stands left of it may be invented.
 *
 * @param trustedProxies addresses, or networks such as `10.0.0.0/8`
 */
export function clientAddresses(trustedProxies: readonly string[]): AddressOf {
  const trusted = listOf(trustedProxies);
  const isTrusted = (address: string) => trusted.check(address, familyOf(address));
  return ({ headers, socket }) => {
    const peer = bareAddress(socket.remoteAddress ?? "");
    if (peer === null || !isTrusted(peer)) return peer;
    const forwarded = [headers["x-forwarded-for"] ?? []].flat().join(",").split(",");
    let client = peer;
    for (const hop of forwarded.reverse()) {
      const address = bareAddress(hop);
      // Whoever wrote this is trusted, but what it says is no address: the last one known stands.
      if (address === null) break;
      client = address;
      if (!isTrusted(address)) break;
    }
    return client;
  };
}

const familyOf = (address: string) => (isIPv4(address) ? "ipv4" : "ipv6");

function listOf(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [text = "", bits] = network.split("/");
    const address = bareAddress(text) ?? text;
    if (bits === undefined) list.addAddress(address, familyOf(address));
    else list.addSubnet(address, Number(bits), familyOf(address));
  }
  return list;
}

/** An address without port, brackets and zone, and IPv4 also out of IPv6's form for it; null for anything else. */
function bareAddress(text: string): string | null {
  const [, inBrackets] = /^\[([^\]]+)\](?::\d+)?$/.exec(text.trim()) ?? [];
  const [, beforePort] = /^([\d.]+):\d+$/.exec(text.trim()) ?? [];
  const [bare = ""] = (inBrackets ?? beforePort ?? text.trim()).split("%", 1);
  const [, mapped] = /^::ffff:([\d.]+)$/i.exec(bare) ?? [];
  const address = mapped ?? bare;
  return isIP(address) === 0 ? null : address;
}
