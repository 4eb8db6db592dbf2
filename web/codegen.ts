import type { CodegenConfig } from "@graphql-codegen/cli";

const config: CodegenConfig = {
  schema: "../schema.graphql",
  documents: "src/graphql/*.graphql",
  generates: {
    "src/graphql/generated/": {
      preset: "client",
      presetConfig: { fragmentMasking: false },
      config: {
        useTypeImports: true,
        enumsAsTypes: true,
        strictScalars: true,
        scalars: {
          Date: "string",
          DateTime: "string",
          // biome-ignore lint/suspicious/noTemplateCurlyInString: this is the type that is written out.
          Decimal: { input: "string", output: "`${number}`" },
          JSON: "unknown",
        },
      },
    },
  },
};

export default config;
