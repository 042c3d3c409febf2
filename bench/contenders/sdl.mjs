/** The part of the schema that the peers serve, for those that take SDL. What fails is a GraphQL error with its errcode. */
import { GraphQLError } from "graphql";
import { createLiving, WecomError } from "./wecom.mjs";

export const livingTypes = { GENERAL: 0, SMALL_CLASS: 1, LARGE_CLASS: 2, TRAINING: 3, EVENT: 4 };

export const typeDefs = `
  enum LivingType { ${Object.keys(livingTypes).join(" ")} }
  input LivingActivityDetailInput { description: String imageList: [String!] }
  input LivingInput {
    anchorUserid: ID! theme: String! livingStart: Int! livingDuration: Int! description: String type: LivingType
    agentid: Int remindTime: Int activityCoverMediaid: String activityShareMediaid: String
    activityDetail: LivingActivityDetailInput
  }
  type CreateLivingResult { livingid: ID! }
  type Query { unused: String }
  type Mutation { createLiving(input: LivingInput!): CreateLivingResult! }
`;

export const resolvers = {
  Mutation: { createLiving: (_root, { input }) => createLivingOrError({ ...input, type: livingTypes[input.type] }) },
};

/** @param {object} input `type` as WeCom's number */
export async function createLivingOrError(input) {
  try {
    return await createLiving(input);
  } catch (error) {
    if (!(error instanceof WecomError)) throw error;
    throw new GraphQLError(error.message, { extensions: { code: "WECOM_ERROR", errcode: error.errcode } });
  }
}
