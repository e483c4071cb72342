import { getIntrospectionQuery } from "graphql";

/** One kind of request that is refused, or answered with little. */
export interface Kind {
  readonly name: string;
  readonly by: "stranger" | "administrator";
  readonly status: number | readonly number[];
  /** The body of the nth request: no two are alike, so that nothing is gained by remembering. */
  body(n: number): string;
  readonly headers?: (n: number) => Readonly<Record<string, string>>;
}

const SIGN_IN = "mutation ($i: SignInInput!) { signIn(input: $i) { __typename } }";
const times = (count: number, text: (at: number) => string) =>
  Array.from({ length: count }, (_, at) => text(at)).join(" ");
const keys = (count: number, length: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, at) => [`k${at}`.padEnd(length, "x"), 1]));
const nested = (open: string, levels: number, inner: string, close: string) =>
  open.repeat(levels) + inner + close.repeat(levels);
const asks = (query: string, variables?: object) => (n: number) =>
  JSON.stringify({ query: `${query} # ${n}`, variables });
const JSON_LIKE = { query: "{ __typename }" };

const wrongPassword = (email: string) => ({ email, password: "a wrong one, whatever it is" });

function forgedToken(n: number): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = { sub: `user-${n}`, iss: "tenantry", aud: "tenantry", exp: 9_999_999_999 };
  return `${part({ alg: "EdDSA", kid: `key-${n}`, typ: "JWT" })}.${part(claims)}.${"A".repeat(86)}`;
}

const document = (name: string, query: string, variables?: object): Kind => ({
  name,
  by: "stranger",
  status: 400,
  body: asks(query, variables),
});

/** What anybody can send who finds the port. */
const OF_STRANGERS: readonly Kind[] = [
  document(
    "unknown input fields",
    `mutation { signIn(input: {${times(150, (at) => `k${at}${"x".repeat(300)}: 1`)}}) { __typename } }`,
  ),
  document("unknown fields", `{ ${times(480, (at) => `f${at}${"x".repeat(60)}`)} }`),
  document("misspelt fields", `{ ${times(480, (at) => `tenantz${at}`)} }`),
  document("one long name", `{ ${"x".repeat(49_000)} }`),
  document("a syntax error in a long text", `{ "${"x".repeat(49_000)}" }`),
  document("too many tokens", `{ ${"a ".repeat(24_000)} }`),
  document("too many characters", `{ a } # ${"x".repeat(50_000)}`),
  document(
    "fields that conflict",
    `{ ${times(30, () => "me { a: role a: grants b: role b: grants }")} }`,
  ),
  document(
    "fields that conflict, in fragments",
    `{ ${times(20, (at) => `...F${at}`)} } ${times(20, (at) => `fragment F${at} on Query { me { a: role b${at}: role ${at % 2 ? "c: role" : "c: grants"} } }`)}`,
  ),
  document("unknown arguments", `{ ${times(150, (at) => `me(a${at}: ${at}) { role }`)} }`),
  document("unknown variables", `query (${times(480, (at) => `$a${at}: Nope`)}) { __typename }`),
  document(
    "defaults of variables",
    `query (${times(150, (at) => `$a${at}: SignInInput = {x${at}: 1}`)}) { __typename }`,
  ),
  document("directives", `{ __typename ${times(900, (at) => `@d${at}`)} }`),
  document(
    "many operations",
    times(400, (at) => `query Q${at} { __typename }`),
  ),
  document(
    "fragments that nobody uses",
    `{ __typename } ${times(200, (at) => `fragment F${at} on Query { __typename }`)}`,
  ),
  document(
    "fragments in a circle",
    `{ ...F0 } ${times(150, (at) => `fragment F${at} on Query { ...F${(at + 1) % 150} }`)}`,
  ),
  document(
    "fragments in a chain",
    `{ ...F0 } ${times(150, (at) => `fragment F${at} on Query { ...F${at + 1} }`)} fragment F150 on Query { __typename }`,
  ),
  document(
    "fragments that double",
    `{ ...F0 } ${times(40, (at) => `fragment F${at} on Query { ...F${at + 1} ...F${at + 1} }`)} fragment F40 on Query { __typename }`,
  ),
  document("nested fields", nested("{a", 900, "", "}")),
  document("nested inline fragments", `{ ${nested("...{", 600, "__typename", "}")} }`),
  document(
    "nested lists",
    `mutation { signIn(input: ${nested("[", 900, "", "]")}) { __typename } }`,
  ),
  document(
    "nested objects",
    `mutation { signIn(input: ${nested("{a:", 480, "1", "}")}) { __typename } }`,
  ),
  document("nested types", `query ($a: ${nested("[", 900, "Int", "]")}) { __typename }`),
  document("aliases", `{ ${times(100, (at) => `a${at}: __typename`)} }`),
  document(
    "many sign-ins",
    `mutation { ${times(20, (at) => `a${at}: signIn(input: {email: "a@example.com", password: "b"}) { __typename }`)} }`,
  ),
  document("300 unknown keys in variables", SIGN_IN, { i: keys(300, 20) }),
  document("1,900 unknown keys in variables", SIGN_IN, { i: keys(1_900, 25) }),
  document("3,000 unknown keys in variables", SIGN_IN, { i: keys(3_000, 15) }),
  document("one long key in variables", SIGN_IN, { i: keys(1, 55_000) }),
  document("variables that nobody declared", "{ __typename }", keys(3_000, 15)),
  document("a long text in variables", SIGN_IN, {
    i: { email: "x".repeat(55_000), password: "y" },
  }),
  document("a list for an object", SIGN_IN, { i: Array.from({ length: 1_900 }, () => ({})) }),
  {
    ...document("nested variables", SIGN_IN),
    body: () =>
      `{"query":${JSON.stringify(SIGN_IN)},"variables":{"i":${nested("[", 30_000, "", "]")}}}`,
  },
  { ...document("no JSON", ""), body: (n) => `{"query": "{ __typename }", secret${n}` },
  { ...document("nested JSON", ""), body: () => nested("[", 30_000, "", "]") },
  { ...document("a batch", ""), body: () => JSON.stringify(Array(500).fill(JSON_LIKE)) },
  {
    ...document("an unknown parameter", ""),
    body: (n) => JSON.stringify({ ...JSON_LIKE, [`${n}${"x".repeat(60_000)}`]: 1 }),
  },
  {
    ...document("an operation of a long name", ""),
    body: (n) => JSON.stringify({ ...JSON_LIKE, operationName: `${n}${"x".repeat(60_000)}` }),
  },
  { ...document("a body of 1 MB", ""), status: 413, body: () => "x".repeat(1_000_000) },
  {
    ...document("a form", 'mutation { signOut(input: {refreshToken: "x"}) { __typename } }'),
    status: 415,
    headers: () => ({ "content-type": "application/x-www-form-urlencoded" }),
  },
  { ...document("introspection", getIntrospectionQuery()), status: 401 },
  { ...document("a field that needs a token", "{ tenants { nodes { slug } } }"), status: 401 },
  {
    ...document("a token that is none", "{ me { role } }"),
    status: 401,
    headers: (n) => ({ authorization: `Bearer ${n}${"x".repeat(8_000)}` }),
  },
  {
    ...document("a token of nobody's key", "{ me { role } }"),
    status: 401,
    headers: (n) => ({ authorization: `Bearer ${forgedToken(n)}` }),
  },
  {
    ...document("a service token of nobody", "{ me { role } }"),
    status: 401,
    headers: (n) => ({ authorization: `Bearer tnt_${String(n).padEnd(49, "x")}` }),
  },
  {
    ...document("wrong passwords", SIGN_IN),
    status: 200,
    body: (n) => asks(SIGN_IN, { i: wrongPassword(`a${n}@example.com`) })(n),
  },
  {
    ...document("refresh tokens of nobody", ""),
    status: 200,
    body: (n) =>
      asks(`mutation { refreshSession(input: {refreshToken: "x${n}"}) { __typename } }`)(n),
  },
  { ...document("many documents that are valid", "{ __typename }"), status: 200 },
];

const ofAdministrator = (name: string, query: string, variables?: object): Kind => ({
  ...document(name, query, variables),
  by: "administrator",
});

/** What somebody can send who has signed in, and is refused. */
const OF_ADMINISTRATORS: readonly Kind[] = [
  ofAdministrator(
    "the schema by 25 aliases",
    `{ ${times(25, (at) => `a${at}: __schema { types { name fields { name } } }`)} }`,
  ),
  ofAdministrator(
    "the schema's types by 20 aliases",
    `{ __schema { ${times(20, (at) => `a${at}: types { name fields { name } }`)} } }`,
  ),
  ofAdministrator("200 kB of slug", "query ($s: String!) { tenant(by: {slug: $s}) { id } }", {
    s: "x".repeat(200_000),
  }),
  ofAdministrator("900 kB of slug", "query ($s: String!) { tenant(by: {slug: $s}) { id } }", {
    s: "x".repeat(900_000),
  }),
  ofAdministrator(
    "250 kB of variables",
    "query ($f: TenantFilter) { tenants(filter: $f) { totalCount } }",
    { f: keys(16_000, 10) },
  ),
  ofAdministrator(
    "20,000 values of an enum",
    "query ($f: AuditFilter) { auditEvents(filter: $f) { totalCount } }",
    { f: { types: Array(20_000).fill("NOPE") } },
  ),
  ofAdministrator(
    "1,900 values of an enum",
    "query ($f: AuditFilter) { auditEvents(filter: $f) { totalCount } }",
    { f: { types: Array(1_900).fill("NOPE") } },
  ),
  ofAdministrator(
    "30,000 seeds",
    'mutation ($s: [String!]!) { seedTenant(input: {tenant: { slug: "acme" }, sets: $s}) { __typename } }',
    { s: Array(30_000).fill("core") },
  ),
  ofAdministrator(
    "a page of pages",
    "{ tenants(first: 100) { nodes { operations(first: 100) { nodes { phases { name } } } } } }",
  ),
  {
    ...ofAdministrator(
      "1,900 seeds",
      'mutation ($s: [String!]!) { seedTenant(input: {tenant: { slug: "acme" }, sets: $s}) { __typename ... on UserError { message } } }',
      { s: Array(1_900).fill("nope") },
    ),
    status: 200,
  },
].map((kind) => ({ ...kind, status: kind.name.startsWith("900 kB") ? 413 : kind.status }));

export const KINDS: readonly Kind[] = [...OF_STRANGERS, ...OF_ADMINISTRATORS];
