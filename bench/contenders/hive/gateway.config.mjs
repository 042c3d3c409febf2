import { defineConfig } from "@graphql-hive/gateway";

export const gatewayConfig = defineConfig({
  supergraph: process.env.SUPERGRAPH,
  logging: false,
  graphiql: false,
  landingPage: false,
  host: "127.0.0.1",
  port: Number(process.env.PORT),
});
