/** @see https://mercurius.dev/#/docs/subscriptions */
import Fastify from "fastify";
import mercurius from "mercurius";
import { living, typeDefs } from "./common.mjs";

const statuses = ["RESERVED", "LIVE", "ENDED", "EXPIRED", "CANCELLED"];
const app = Fastify();
app.register(mercurius, {
  schema: typeDefs,
  resolvers: {
    LivingStatusChange: { living },
    Subscription: { livingStatusChanged: { subscribe: (_root, _args, { pubsub }) => pubsub.subscribe("CHANGED") } },
  },
  subscription: true,
  jit: 1,
});
app.post("/event", async (request) => {
  const { livingid, status } = request.body;
  const payload = { livingStatusChanged: { livingid, status: statuses[status] } };
  app.graphql.pubsub.publish({ topic: "CHANGED", payload });
  return "success";
});
app.post("/ready", () => "XXXX");
await app.listen({ port: Number(process.env.PORT), host: "127.0.0.1" });
