// For routers that refuse a supergraph with @authenticated and @requiresScopes, as @apollo/gateway and a router without a
// GraphOS plan do: `node deploy/without-authorization.mjs < schema.graphql > schema.open.graphql`. Nothing is opened by
// it: the gateway behind the router checks scopes by itself.
import { text } from "node:stream/consumers";
import { parse, print, visit } from "graphql";

const names = ["authenticated", "requiresScopes"];
const document = visit(parse(await text(process.stdin)), {
  Directive: ({ name }) => (names.includes(name.value) ? null : undefined),
  StringValue: ({ value }) => (names.includes(value.replace(/^@/, "")) ? null : undefined),
});
process.stdout.write(`${print(document)}\n`);
