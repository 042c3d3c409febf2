// What a frontend asks for in everyday life, as bodies for POST /graphql. `%N%` makes each one a different one.

export const createBody = JSON.stringify({
  query: `mutation ($input: LivingInput!, $key: ID) { createLiving(input: $input, idempotencyKey: $key) {
    __typename ... on CreateLivingSuccess { livingid } } }`,
  variables: {
    key: "click %N%",
    input: { anchorUserid: "a%N%", theme: "theme", livingStart: "2100-01-01T00:00:00Z", livingDuration: 60 },
  },
});

export const listBody = JSON.stringify({
  query: "query ($anchor: ID!) { livings(anchorUserid: $anchor) { nodes { livingid } } }",
  variables: { anchor: "a%N%" },
});

/** @param livingid of a living that is there */
export function readBody(livingid: string): string {
  return JSON.stringify({
    query: "query ($livingid: ID!) { living(livingid: $livingid) { theme status livingStart } }",
    variables: { livingid },
  });
}
