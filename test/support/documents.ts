/** Operations that tests need and the client package does not have: a frontend would not send them. */

/** Reads no living: WeCom sees only the call for the list. */
export const livingidsQuery = `query Livingids($anchorUserid: ID!, $first: Int, $after: String) {
  livings(anchorUserid: $anchorUserid, first: $first, after: $after) {
    nodes { livingid }
    pageInfo { hasNextPage hasPreviousPage endCursor }
  }
}`;

export const createAndReadMutation = `mutation CreateAndReadLiving($input: LivingInput!) {
  createLiving(input: $input) {
    __typename
    ... on CreateLivingSuccess { livingid living { theme type reserveStart anchor { userid } } }
  }
}`;
