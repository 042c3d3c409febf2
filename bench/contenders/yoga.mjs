import { createServer } from "node:http";
import SchemaBuilder from "@pothos/core";
import { createYoga } from "graphql-yoga";
import { createLivingOrError, livingTypes } from "./sdl.mjs";

const builder = new SchemaBuilder({});
const LivingType = builder.enumType("LivingType", {
  values: Object.fromEntries(Object.entries(livingTypes).map(([name, value]) => [name, { value }])),
});
const LivingActivityDetailInput = builder.inputType("LivingActivityDetailInput", {
  fields: (t) => ({ description: t.string(), imageList: t.stringList() }),
});
const LivingInput = builder.inputType("LivingInput", {
  fields: (t) => ({
    anchorUserid: t.id({ required: true }),
    theme: t.string({ required: true }),
    livingStart: t.int({ required: true }),
    livingDuration: t.int({ required: true }),
    description: t.string(),
    type: t.field({ type: LivingType }),
    agentid: t.int(),
    remindTime: t.int(),
    activityCoverMediaid: t.string(),
    activityShareMediaid: t.string(),
    activityDetail: t.field({ type: LivingActivityDetailInput }),
  }),
});
const CreateLivingResult = builder.objectRef("CreateLivingResult").implement({
  fields: (t) => ({ livingid: t.exposeID("livingid", { nullable: false }) }),
});
builder.queryType({ fields: (t) => ({ unused: t.string({ resolve: () => null }) }) });
builder.mutationType({
  fields: (t) => ({
    createLiving: t.field({
      type: CreateLivingResult,
      nullable: false,
      args: { input: t.arg({ type: LivingInput, required: true }) },
      resolve: (_root, { input }) => createLivingOrError(input),
    }),
  }),
});

const yoga = createYoga({ schema: builder.toSchema(), logging: false, graphiql: false, landingPage: false });
createServer(yoga).listen(Number(process.env.PORT), "127.0.0.1");
