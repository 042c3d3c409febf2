/** GraphQL Yoga's documented set-up for WebSockets. @see https://the-guild.dev/graphql/yoga-server/docs/features/subscriptions */
import { createServer } from "node:http";
import { createPubSub, createSchema, createYoga } from "graphql-yoga";
import { useServer } from "graphql-ws/use/ws";
import { WebSocketServer } from "ws";
import { living, takeEvent, typeDefs } from "./common.mjs";

const pubSub = createPubSub();
const resolvers = {
  LivingStatusChange: { living },
  Subscription: { livingStatusChanged: { subscribe: () => pubSub.subscribe("CHANGED") } },
};
const yoga = createYoga({ schema: createSchema({ typeDefs, resolvers }), logging: false, graphiql: false });
const server = createServer(async (request, response) => {
  if (!(await takeEvent(request, response, (event) => pubSub.publish("CHANGED", event)))) response.end("XXXX");
});
useServer(
  {
    execute: (args) => args.rootValue.execute(args),
    subscribe: (args) => args.rootValue.subscribe(args),
    onSubscribe: async (context, _id, { operationName, query, variables }) => {
      const { schema, execute, subscribe, contextFactory, parse, validate } = yoga.getEnveloped({
        ...context,
        req: context.extra.request,
        socket: context.extra.socket,
        params: { operationName, query, variables },
      });
      const document = parse(query);
      const args = {
        ...{ schema, operationName, document, variableValues: variables, contextValue: await contextFactory() },
        rootValue: { execute, subscribe },
      };
      const errors = validate(schema, document);
      return errors.length > 0 ? errors : args;
    },
  },
  new WebSocketServer({ server, path: "/graphql" }),
);
server.listen(Number(process.env.PORT), "127.0.0.1");
