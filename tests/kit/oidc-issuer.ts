import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";

export const AUDIENCE = "api://tenantry";

/** What is wrong with an issuer: nobody listens to it, it hangs, or what it answers is of no use. */
type Fault =
  | "fails"
  | "hangs"
  | "drips"
  | "not-json"
  | "empty"
  | "foreign-discovery"
  | "plain-http-keys"
  | "redirects"
  | "floods";

/** A key of the issuer. */
interface IssuerKey {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;
}

interface TokenOptions {
  /** Takes the place of single fields of the protected header; undefined leaves one out. */
  readonly header?: Record<string, unknown>;
  /** Signs instead of the issuer's newest key. */
  readonly key?: CryptoKey | Uint8Array;
}

/** Seconds since 1970, as tokens tell the time. */
export const seconds = (fromNow = 0): number => Math.floor(Date.now() / 1000) + fromNow;

/** An OpenID Connect issuer of a test: a server with discovery and keys, whose tokens are as they are asked for. */
export class OidcIssuer {
  /** What it is asked for, oldest first. */
  readonly asked: string[] = [];
  readonly keys: IssuerKey[] = [];
  fault: Fault | null = null;
  readonly #server = createServer(({ url = "" }, res) => {
    this.asked.push(url);
    if (url === "/.well-known/openid-configuration") this.#answer(res, this.#discovery());
    else if (url === "/keys") this.#answer(res, { keys: this.keys.map((key) => key.publicJwk) });
    else res.writeHead(404).end();
  });

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The platform's configuration for it. */
  get environment() {
    return { OIDC_ISSUER: this.url, OIDC_AUDIENCE: AUDIENCE };
  }

  async open(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    await this.addKey();
    return this;
  }

  /** Publishes one more key, with which tokens are signed from now on. */
  async addKey(alg = "RS256"): Promise<IssuerKey> {
    const { privateKey, publicKey } = await generateKeyPair(alg);
    const kid = `key-${this.keys.length + 1}-${alg}`;
    const publicJwk = { ...(await exportJWK(publicKey)), kid, alg, use: "sig" };
    this.keys.push({ kid, alg, privateKey, publicJwk });
    return this.newest;
  }

  get newest(): IssuerKey {
    const key = this.keys.at(-1);
    if (key === undefined) throw new Error("the issuer is not open");
    return key;
  }

  /** Signs a good token for `ada`, with other claims where they are given; undefined leaves one out. */
  async token(claims: Record<string, unknown> = {}, options: TokenOptions = {}): Promise<string> {
    const { kid, alg, privateKey } = this.newest;
    const payload = {
      iss: this.url,
      aud: AUDIENCE,
      sub: "ada",
      iat: seconds(),
      exp: seconds(600),
      email: "ada@example.com",
      name: "Ada",
      roles: ["READONLY"],
      ...claims,
    };
    const header = { alg, kid, typ: "JWT", ...options.header };
    return await new SignJWT(payload).setProtectedHeader(header).sign(options.key ?? privateKey);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #discovery(): object {
    const issuer = this.fault === "foreign-discovery" ? "https://elsewhere.example" : this.url;
    const plain = this.fault === "plain-http-keys";
    return { issuer, jwks_uri: plain ? "http://keys.example/keys" : `${this.url}/keys` };
  }

  #answer(res: ServerResponse, body: object): void {
    if (this.fault === "hangs") return;
    if (this.fault === "drips") {
      const timer = setInterval(() => res.write(" "), 500);
      res.on("close", () => clearInterval(timer));
      return void res.writeHead(200, { "content-type": "application/json" }).write("{");
    }
    if (this.fault === "fails") return void res.writeHead(500).end();
    if (this.fault === "redirects") {
      return void res.writeHead(302, { location: `${this.url}/keys` }).end();
    }
    if (this.fault === "floods") res.write(" ".repeat(2_000_000));
    if (this.fault === "empty") return void res.end();
    if (this.fault !== "not-json") return void res.end(JSON.stringify(body));
    res
      .setHeader("content-type", "text/html; charset=utf-8")
      .end("<html>password=very-hidden</html>");
  }
}

export const openOidcIssuer = (): Promise<OidcIssuer> => new OidcIssuer().open();
