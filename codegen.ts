import type { CodegenConfig } from "@graphql-codegen/cli";

/** The types of an answer's values, as they come over the wire. */
const types = {
  useTypeImports: true,
  enumsAsTypes: true,
  strictScalars: true,
  scalars: { BigInt: "string", DateTime: "string", ID: "string", JSON: "unknown" },
};

/**
 * Typed documents for our own clients: the command over the API, the demo and the tests; and, as a
 * frontend makes them, for the tests with urql and Apollo Client. Run with `npm run codegen`.
 */
const config: CodegenConfig = {
  schema: "schema.graphql",
  ignoreNoDocuments: true,
  importExtension: ".ts",
  generates: {
    "src/client/generated/": {
      documents: [
        "src/client/**/*.ts",
        "src/cli/**/*.ts",
        "src/cli/generated/*.graphql",
        "src/demo/**/*.ts",
        "tests/**/*.ts",
        "!tests/clients/**",
        "!src/client/generated/**",
      ],
      preset: "client",
      presetConfig: { fragmentMasking: false },
      config: { ...types, documentMode: "string" },
    },
    "tests/clients/generated/": {
      documents: "tests/clients/*.graphql",
      preset: "client",
      presetConfig: { fragmentMasking: false },
      config: types,
    },
  },
};

export default config;
