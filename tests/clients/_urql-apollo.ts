import { ApolloClient, HttpLink, InMemoryCache } from "@apollo/client";
import { relayStylePagination } from "@apollo/client/utilities";
import { Client, fetchExchange } from "@urql/core";
import { cacheExchange } from "@urql/exchange-graphcache";
import { relayPagination } from "@urql/exchange-graphcache/extras";
import { introspectionFromSchema, isAbstractType, isObjectType } from "graphql";
import { schema } from "../../src/api/schema.ts";
import { CONNECTIONS } from "../api/_listed.ts";
import type { SignedIn, TestApi } from "../kit/api.ts";
import type { Ask } from "./_documents.ts";

const types = Object.values(schema.getTypeMap());

/** A setting for each list, by the types that have lists: `{ Query: { tenants: … }, … }`. */
function forEachList<Setting>(setting: (filters: string[]) => Setting) {
  const settings: Record<string, Record<string, Setting>> = {};
  for (const { parent, field } of CONNECTIONS) {
    const filters = field.args.map(({ name }) => name).filter((name) => !PAGING.includes(name));
    settings[parent.name] = { ...settings[parent.name], [field.name]: setting(filters) };
  }
  return settings;
}
const PAGING = ["first", "after", "last", "before"];

const options = ({ url }: Pick<TestApi, "url">, { token }: Pick<SignedIn, "token">) => ({
  url,
  headers: { authorization: `Bearer ${token}` },
});

/** urql without a normalised cache, or with graphcache: one that joins the pages of a list. */
export function openUrql(api: TestApi, caller: SignedIn, cached: boolean): Client {
  const { url, headers } = options(api, caller);
  const valueTypes = types.filter(
    (type) => isObjectType(type) && String(type.getFields().id?.type) !== "ID!",
  );
  const cache = cacheExchange({
    schema: introspectionFromSchema(schema),
    resolvers: forEachList(() => relayPagination()),
    keys: Object.fromEntries(valueTypes.map(({ name }) => [name, () => null])),
  });
  return new Client({
    url,
    fetchOptions: { headers },
    preferGetMethod: false,
    exchanges: cached ? [cache, fetchExchange] : [fetchExchange],
  });
}

/** Sends documents with urql. */
export const askUrql =
  (client: Client): Ask =>
  async (document, variables) => {
    const { data, error } = await client.query(document, variables).toPromise();
    if (data === undefined) throw error ?? new Error("there is no answer");
    return data;
  };

/** Apollo Client with a cache that joins the pages of a list. */
export function openApollo(api: TestApi, caller: SignedIn): ApolloClient {
  const { url: uri, headers } = options(api, caller);
  const lists = Object.entries(forEachList((filters) => relayStylePagination(filters)));
  return new ApolloClient({
    link: new HttpLink({ uri, headers }),
    cache: new InMemoryCache({
      possibleTypes: Object.fromEntries(
        types
          .filter(isAbstractType)
          .map((type) => [type.name, schema.getPossibleTypes(type).map(({ name }) => name)]),
      ),
      typePolicies: Object.fromEntries(lists.map(([type, fields]) => [type, { fields }])),
    }),
  });
}

/** Asks the server for each page, as `fetchMore` does: the cache has one list, whichever page is asked for. */
export const askApollo =
  (client: ApolloClient): Ask =>
  async (query, variables) => {
    const { data } = await client.query({ query, variables, fetchPolicy: "network-only" });
    if (data === undefined) throw new Error("there is no answer");
    return data;
  };
