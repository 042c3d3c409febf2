/** Bodies and documents that are made to crash, block or confuse a GraphQL server. */

export interface HostileRequest {
  readonly name: string;
  readonly body: string | Uint8Array<ArrayBuffer>;
  readonly headers: Readonly<Record<string, string>>;
}

const json = { "content-type": "application/json" };
const operation = (name: string, query: string, variables?: unknown): HostileRequest => ({
  name,
  body: JSON.stringify({ query, variables }),
  headers: json,
});
const raw = (name: string, body: HostileRequest["body"], headers: Record<string, string> = json): HostileRequest => ({
  name,
  body,
  headers,
});
const times = (count: number, text: (index: number) => string) =>
  Array.from({ length: count }, (_, i) => text(i)).join(" ");
const deep = (levels: number, open: string, close: string) => open.repeat(levels) + close.repeat(levels);

const sizes = [10, 100, 1000, 5000, 20_000, 49_000];
const create = "mutation ($input: LivingInput!) { createLiving(input: $input) { __typename } }";
const input = { anchorUserid: "u", theme: "t", livingStart: 1, livingDuration: 1 };
const entities = "query ($r: [_Any!]!) { _entities(representations: $r) { __typename } }";

/** Deep and wide JSON, in every place where JSON can stand. */
function nestedJson(): HostileRequest[] {
  return sizes.flatMap((size) => {
    const lists = deep(size, "[", "]");
    return [
      raw(`${size} lists in lists`, lists),
      raw(`${size} objects in objects`, `${'{"a":'.repeat(size)}1${"}".repeat(size)}`.slice(0, 99_000)),
      raw(`${size} brackets never closed`, "[".repeat(size)),
      raw(`${size} braces never closed`, '{"a":'.repeat(size).slice(0, 99_000)),
      raw(
        `${size} lists in variables`,
        `{"query":${JSON.stringify(create)},"variables":{"input":${lists}}}`.slice(0, 99_999),
      ),
      raw(
        `${size} lists in a representation`,
        `{"query":${JSON.stringify(entities)},"variables":{"r":[${lists}]}}`.slice(0, 99_999),
      ),
      raw(`${size} lists in extensions`, `{"query":"{__typename}","extensions":{"x":${lists}}}`.slice(0, 99_999)),
      raw(
        `${size} lists as a hash`,
        `{"extensions":{"persistedQuery":{"version":1,"sha256Hash":${lists}}}}`.slice(0, 99_999),
      ),
      raw(`${size} empty keys`, `{${Array(Math.min(size, 19_000)).fill('"":1').join(",")}}`),
      raw(`${size} requests in one`, `[${Array(Math.min(size, 1900)).fill('{"query":"{__typename}"}').join(",")}]`),
    ];
  });
}

/** Documents that a parser or a validator works long on. */
function largeDocuments(): HostileRequest[] {
  return sizes.flatMap((size) => [
    operation(`${size} fields`, `{ ${"__typename ".repeat(size).slice(0, 98_000)} }`),
    operation(`${size} levels of selections`, deep(size, "{a", "}").slice(0, 98_000)),
    operation(`${size} levels of lists`, `{ living(livingid: ${deep(size, "[", "]").slice(0, 98_000)}) { theme } }`),
    operation(`${size} levels of objects`, `{ living(livingid: ${`{a:`.repeat(size).slice(0, 98_000)}1) { theme } }`),
    operation(`${size} levels of list types`, `query ($a: ${deep(size, "[", "]").slice(0, 98_000)}) { __typename }`),
    operation(`${size} directives`, `{ __typename ${"@skip(if: false) ".repeat(size).slice(0, 98_000)} }`),
    operation(`${size} variables`, `query (${times(Math.min(size, 9000), (i) => `$a${i}:ID`)}) { __typename }`),
    operation(
      `${size} operations`,
      times(Math.min(size, 4900), (i) => `query Q${i} { __typename }`),
    ),
    operation(
      `${size} fragments that spread the next`,
      `{ ...F0 } ${times(Math.min(size, 2000), (i) => `fragment F${i} on Query { ...F${i + 1} ...F${i + 1} }`)}`,
    ),
    operation(
      `${size} fragments that spread each other`,
      times(Math.min(size, 2000), (i) => `fragment F${i} on Query { ...F${(i * 7) % size} }`),
    ),
    operation(
      `${size} inline fragments`,
      `${"{ ... on Query ".repeat(Math.min(size, 6000))}{ __typename }${"}".repeat(Math.min(size, 6000))}`,
    ),
    operation(
      `${size} aliases of a call`,
      `{ ${times(Math.min(size, 2000), (i) => `a${i}: living(livingid: "L") { theme }`)} }`,
    ),
    operation(
      `${size} fields under one name that conflict`,
      `{ ${times(Math.min(size, 2000), (i) => `a: living(livingid: "${i}") { theme }`)} }`,
    ),
    operation(`${size} unknown fields`, `{ ${times(Math.min(size, 9000), (i) => `nothing${i}`)} }`),
    operation(`${size} characters of a name`, `{ ${"a".repeat(size)} }`),
    operation(`${size} characters of a comment`, `#${"a".repeat(size)}\n{ __typename }`),
    operation(`${size} characters of a text`, `{ living(livingid: "${"a".repeat(size)}") { theme } }`),
    operation(
      `${size} characters of a block text`,
      `{ living(livingid: """${'\n "" '.repeat(size).slice(0, 90_000)}""") { theme } }`,
    ),
    operation(`${size} escapes`, `{ living(livingid: "${"\\u0041".repeat(size).slice(0, 60_000)}") { theme } }`),
    operation(`${size} digits`, `{ livings(anchorUserid: "u", first: ${"9".repeat(size)}) { edges { cursor } } }`),
    operation(
      `${size} digits behind a point`,
      `{ livings(anchorUserid: "u", first: 1.${"9".repeat(size)}) { edges { cursor } } }`,
    ),
    operation(`${size} commas`, `{${",".repeat(size)}__typename}`),
    operation(`${size} dots`, `{ ${".".repeat(size)} }`),
  ]);
}

const rungs = (count: number, rung: (index: number) => string) =>
  `{ ...F0 } ${times(count, rung)} fragment F${count} on Query { __typename }`;

function ladders(): HostileRequest[] {
  return [2, 5, 10, 18, 30].flatMap((count) => [
    operation(
      `a ladder of ${count} fragments, doubling`,
      rungs(count, (i) => `fragment F${i} on Query { ...F${i + 1} ...F${i + 1} }`),
    ),
    operation(
      `a ladder of ${count} fragments with aliases`,
      rungs(count, (i) => `fragment F${i} on Query { a${i}: __typename ...F${i + 1} b${i}: __typename ...F${i + 1} }`),
    ),
    operation(
      `a ladder of ${count} fragments through fields`,
      `{ _entities(representations: [{ __typename: "WecomUser", userid: "u" }]) { ...F0 } } ${times(count, (i) => `fragment F${i} on WecomUser { a: livings { nodes { anchor { ...F${i + 1} } } } b: livings { nodes { anchor { ...F${i + 1} } } } }`)} fragment F${count} on WecomUser { userid }`,
    ),
    operation(
      `a circle of ${count} fragments`,
      `{ ...F0 } ${times(count, (i) => `fragment F${i} on Query { ...F${(i + 1) % count} }`)}`,
    ),
  ]);
}

/** What the limits let pass, or nearly: as much work as one document may make. */
function largestDocuments(): HostileRequest[] {
  const rungs = (spreads: number) =>
    times(
      4,
      (i) => `fragment F${i} on WecomUser { livings { nodes { anchor { ${`...F${i + 1} `.repeat(spreads)} } } } }`,
    );
  const reference = `_entities(representations: [{ __typename: "WecomUser", userid: "u" }]) { ...F0 }`;
  const branching = (branches: number, depth: number): string =>
    depth === 0 ? "livingid" : `anchor { livings { nodes { ${branching(branches, depth - 1)} } } } `.repeat(branches);
  return [
    ...[2, 10, 30, 60].flatMap((spreads) => [
      operation(
        `4 rungs of ${spreads} fragments`,
        `{ ${reference} } ${rungs(spreads)} fragment F4 on WecomUser { livings { nodes { livingid } } }`,
      ),
      operation(
        `4 rungs of ${spreads} fragments, with a variable at the end`,
        `query ($n: Int) { ${reference} } ${rungs(spreads)} fragment F4 on WecomUser { livings(first: $n) { nodes { livingid } } }`,
        { n: 1 },
      ),
    ]),
    operation("980 times the same leaf", `{ living(livingid: "L") { ${"theme ".repeat(980)} } }`),
    operation("190 times the same object", `{ living(livingid: "L") { ${"anchor { userid } ".repeat(190)} } }`),
    ...[2, 3, 4].map((branches) =>
      operation(`3 levels of ${branches} branches`, `{ living(livingid: "L") { ${branching(branches, 3)} } }`),
    ),
    operation("20 mutations", `mutation { ${times(20, (i) => `a${i}: cancelLiving(livingid: "L") { __typename }`)} }`),
    operation("90 kB of a theme", create, { input: { ...input, theme: "x".repeat(90_000) } }),
    operation("90 kB of a userid", create, { input: { ...input, anchorUserid: "!".repeat(90_000) } }),
    operation("90 kB of a date", create, { input: { ...input, livingStart: "2".repeat(90_000) } }),
    operation("20,000 images", create, { input: { ...input, activityDetail: { imageList: Array(20_000).fill("") } } }),
    operation("5,000 unknown fields of an input", create, {
      input: { ...input, ...Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`theme${i}`, 1])) },
    }),
    operation("2,000 references", entities, { r: Array(2000).fill({ __typename: "Living", livingid: "L" }) }),
  ];
}

const oddValues: readonly [string, string][] = [
  ["a huge number", "1e308"],
  ["a number beyond a double", "1e999"],
  ["minus zero", "-0"],
  ["a number beyond 2^53", "9007199254740993"],
  ["a number just above int32", "2147483648"],
  ["a long number", "9".repeat(400)],
  ["__proto__ as a key", '{"__proto__":{"polluted":true}}'],
  ["constructor as a key", '{"constructor":{"prototype":{"polluted":true}}}'],
  ["toString as a key", '{"toString":1,"valueOf":1,"hasOwnProperty":1}'],
  ["toJSON as a key", '{"toJSON":"x"}'],
  ["then as a key", '{"then":"x"}'],
  ["length as a key", '{"length":4294967295}'],
  ["a null byte", '"\\u0000"'],
  ["a lone surrogate", '"\\ud800"'],
  ["a line separator", '"\\u2028"'],
  ["right-to-left marks", '"\\u202e\\u2066"'],
  ["many combining marks", `"a${"\\u0301".repeat(2000)}"`],
  ["a template", '"${7*7}{{7*7}}<%= 7*7 %>"'],
  ["a path", '"../../../../etc/passwd"'],
  ["a URL", '"http://169.254.169.254/latest/meta-data"'],
  ["line breaks for a header", '"a\\r\\nx-injected: 1"'],
  ["a query string", '"L&access_token=x#"'],
  ["a list of lists", "[[[[[]]]]]"],
  ["true", "true"],
  ["an empty text", '""'],
];

function oddVariables(): HostileRequest[] {
  const places: readonly [string, (value: string) => string][] = [
    ["the variables", (value) => `{"query":"{ __typename }","variables":${value}}`],
    ["the input", (value) => `{"query":${JSON.stringify(create)},"variables":{"input":${value}}}`],
    [
      "a field of the input",
      (value) =>
        `{"query":${JSON.stringify(create)},"variables":{"input":{"anchorUserid":"u","theme":${value},"livingStart":${value},"livingDuration":1}}}`,
    ],
    [
      "a livingid",
      (value) => `{"query":"query ($l: ID!) { living(livingid: $l) { theme } }","variables":{"l":${value}}}`,
    ],
    [
      "a representation",
      (value) =>
        `{"query":${JSON.stringify(entities)},"variables":{"r":[${value},{"__typename":${value}},{"__typename":"Living","livingid":${value}}]}}`,
    ],
    ["the operation's name", (value) => `{"query":"{ __typename }","operationName":${value}}`],
    ["the query", (value) => `{"query":${value}}`],
    ["the extensions", (value) => `{"query":"{ __typename }","extensions":${value}}`],
  ];
  return oddValues.flatMap(([what, value]) => places.map(([where, body]) => raw(`${what} as ${where}`, body(value))));
}

function oddBodies(): HostileRequest[] {
  const bytes = (...values: number[]) => new Uint8Array(values);
  return [
    raw("15 MB of brackets", "[".repeat(15_000_000)),
    raw("15 MB of spaces", " ".repeat(15_000_000)),
    raw("nothing", ""),
    raw("a byte order mark", "\ufeff{}"),
    raw("UTF-16", bytes(0xff, 0xfe, 0x7b, 0, 0x7d, 0)),
    raw("broken UTF-8", bytes(0x7b, 0x22, 0xc3, 0x28, 0x22, 0x7d)),
    raw("an overlong encoding", bytes(0x22, 0xc0, 0xaf, 0x22)),
    raw("gzip that is none", "x", { ...json, "content-encoding": "gzip" }),
    raw("gzip in gzip", "x", { ...json, "content-encoding": "gzip, gzip" }),
    raw("another charset", "{}", { "content-type": "application/json; charset=utf-7" }),
    raw("a form", "query={__typename}", { "content-type": "application/x-www-form-urlencoded" }),
    raw("a file upload", "--x\r\n\r\n--x--", { "content-type": "multipart/form-data; boundary=x" }),
    raw("XML with an entity", '<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>', { "content-type": "text/xml" }),
    raw("a type of 5 kB", "{}", { "content-type": `application/json;${"a=b;".repeat(1200)}` }),
    raw("an Accept of 5 kB", `{"query":"{__typename}"}`, { ...json, accept: "*/*;q=0.1,".repeat(500) }),
    raw("an unknown Accept", `{"query":"{__typename}"}`, { ...json, accept: "image/png" }),
    raw("a document as a tree", `{"query":{"kind":"Document","definitions":[]}}`),
  ];
}

export const hostileRequests: readonly HostileRequest[] = [
  ...nestedJson(),
  ...largeDocuments(),
  ...ladders(),
  ...largestDocuments(),
  ...oddVariables(),
  ...oddBodies(),
];
