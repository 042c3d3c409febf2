/**
 * Apollo Server's documented set-up: graphql-ws on ws, and graphql-subscriptions' PubSub. Apollo Server itself has no part in
 * subscriptions, so it is left out here.
 *
 * @see https://www.apollographql.com/docs/apollo-server/data/subscriptions
 */
import { createServer } from "node:http";
import { makeExecutableSchema } from "@graphql-tools/schema";
import { PubSub } from "graphql-subscriptions";
import { useServer } from "graphql-ws/use/ws";
import { WebSocketServer } from "ws";
import { living, takeEvent, typeDefs } from "./common.mjs";

const pubsub = new PubSub();
// By default it warns of, and counts, more than ten listeners.
pubsub.ee?.setMaxListeners(0);
const schema = makeExecutableSchema({
  typeDefs,
  resolvers: {
    LivingStatusChange: { living },
    Subscription: { livingStatusChanged: { subscribe: () => pubsub.asyncIterableIterator(["CHANGED"]) } },
  },
});
const server = createServer(async (request, response) => {
  if (!(await takeEvent(request, response, (event) => pubsub.publish("CHANGED", event)))) response.end("XXXX");
});
useServer({ schema }, new WebSocketServer({ server, path: "/graphql" }));
server.listen(Number(process.env.PORT), "127.0.0.1");
