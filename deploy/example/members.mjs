// A second subgraph, as small as one can be: it owns a member's name and department, and knows nothing of livings.
// `node deploy/example/members.mjs [port]`
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { buildASTSchema, concatAST, graphql, parse } from "graphql";

const sdl = readFileSync(new URL("members.graphql", import.meta.url), "utf8");
const federation = parse(`
  scalar _Any
  union _Entity = WecomUser
  type _Service { sdl: String }
  extend type Query { _entities(representations: [_Any!]!): [_Entity]! _service: _Service! }
`);
const schema = buildASTSchema(concatAST([parse(sdl), federation]), { assumeValidSDL: true });

const members = new Map([
  ["zhangsan", { name: "张三", department: "市场部" }],
  ["lisi", { name: "李四", department: "培训部" }],
]);
const wecomUser = ({ userid }) =>
  members.has(userid) ? { __typename: "WecomUser", userid, ...members.get(userid) } : null;
const rootValue = {
  wecomUser,
  _entities: ({ representations }) => representations.map(wecomUser),
  _service: () => ({ sdl }),
};

const server = createServer(async (request, response) => {
  try {
    const { query, variables, operationName } = JSON.parse(Buffer.concat(await request.toArray()).toString());
    const result = await graphql({ schema, source: query, rootValue, variableValues: variables, operationName });
    response.setHeader("content-type", "application/json").end(JSON.stringify(result));
  } catch {
    response.writeHead(400).end();
  }
});
server.listen(Number(process.argv[2] ?? 4001), "127.0.0.1", () => {
  process.stdout.write(`http://127.0.0.1:${server.address().port}/graphql\n`);
});
