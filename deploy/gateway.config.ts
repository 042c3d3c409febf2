/**
 * Hive Gateway in front of this one: `hive-gateway supergraph supergraph.graphql --config gateway.config.ts`.
 *
 * @see https://the-guild.dev/graphql/hive/docs/gateway
 */

/**
 * What the gateway for livings reads of a client's request. The `x-wecom-` ones say who is calling: with `AUTH_MODE=router`
 * they are believed, so whatever authenticates in front of here must set them and drop what came from outside.
 */
const propagated = [
  "authorization",
  "idempotency-key",
  "x-envoy-expected-rq-timeout-ms",
  "x-request-id",
  "x-wecom-corpid",
  "x-wecom-scopes",
  "x-wecom-userid",
];

export const gatewayConfig = {
  propagateHeaders: {
    fromClientToSubgraphs({ request, subgraphName }: { request: Request; subgraphName: string }) {
      const headers: Record<string, string> = {};
      for (const name of propagated) {
        const value = request.headers.get(name);
        if (value !== null) headers[name] = value;
      }
      // It subscribes by GET, which is answered only to who is no page in a browser.
      if (subgraphName === "living") headers["apollo-require-preflight"] = "1";
      // Only `living` may see the secret that makes it believe those headers.
      const secret = process.env["ROUTER_SECRET"];
      if (subgraphName === "living" && secret) headers["router-authorization"] = secret;
      return headers;
    },
  },
  // The errors of `living` are fit for clients as they are: everything else was masked there.
  maskedErrors: false,
};
