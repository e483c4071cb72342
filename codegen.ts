import type { CodegenConfig } from "@graphql-codegen/cli";

/** Typed documents for our own clients: the command over the API, the demo and the tests. Run with `npm run codegen`. */
const config: CodegenConfig = {
  schema: "schema.graphql",
  documents: [
    "src/client/**/*.ts",
    "src/cli/**/*.ts",
    "src/cli/generated/*.graphql",
    "src/demo/**/*.ts",
    "tests/**/*.ts",
    "!src/client/generated/**",
  ],
  ignoreNoDocuments: true,
  importExtension: ".ts",
  generates: {
    "src/client/generated/": {
      preset: "client",
      presetConfig: { fragmentMasking: false },
      config: {
        documentMode: "string",
        useTypeImports: true,
        enumsAsTypes: true,
        strictScalars: true,
        scalars: { BigInt: "string", DateTime: "string", ID: "string", JSON: "unknown" },
      },
    },
  },
};

export default config;
