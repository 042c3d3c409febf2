/** Connections as bytes: well-formed requests that no library sends, and what is no HTTP at all. */
import fc from "fast-check";

export interface RawConnection {
  /** Sent in turn, each after its wait. */
  readonly writes: readonly { readonly bytes: string; readonly waitMs: number }[];
  /** How many requests are well-formed; undefined where that cannot be said. */
  readonly requests: number | undefined;
}

const headerNames = [
  ...["content-type", "content-length", "transfer-encoding", "connection", "cache-control", "x-request-id", "vary"],
  ...["host", "date", "set-cookie", "location", "__proto__", "constructor", "access-control-allow-origin"],
];
const queries = [
  ...["{ __typename }", "{ x }", "{", "", 'mutation { cancelLiving(livingid: "L") { __typename } }'],
  ...['{ living(livingid: "L") { theme } }', "subscription { livingStatusChanged { livingid } }", "\u0000", "直播"],
];

/** @param token of a caller without any scope */
export function rawConnections(token: string): Record<"wellFormed" | "hostile", fc.Arbitrary<RawConnection>> {
  const { constantFrom, tuple, array, oneof, record, integer } = fc;
  const method = constantFrom(
    "GET",
    "POST",
    "PUT",
    "DELETE",
    "PATCH",
    "HEAD",
    "OPTIONS",
    "TRACE",
    "PROPFIND",
    "M-SEARCH",
  );
  const path = constantFrom(
    ...["/graphql", "/graphql?query=%7B__typename%7D", "/graphql?query=%", "/health/live", "/health/ready", "/metrics"],
    ...["/", "//", "/..;/graphql", "/%00", "/__proto__", "/graphql/", "/wecom/callback?echostr=a", "/graphql?a=?b=#c"],
  );
  const target = oneof(
    { weight: 5, arbitrary: path },
    path.map((text) => `http://other.example${text}`),
    path.map((text) => `HTTPS://[::1]:99${text}`),
    constantFrom("http://a", "http://?a", "http://a?b"),
  );
  const accept = constantFrom(
    "*/*",
    "application/json",
    "text/html",
    "multipart/mixed",
    "a/b;q=2",
    ",",
    ";;",
    "text/*;q=0",
  );
  const header = oneof(
    tuple(constantFrom("x-request-id", "origin", "traceparent", "idempotency-key"), constantFrom(...headerNames)),
    tuple(
      constantFrom(...headerNames.slice(4)).filter((name) => name !== "host"),
      constantFrom(...headerNames),
    ),
    tuple(fc.constant("accept"), accept),
    tuple(constantFrom("x-wecom-scopes", "x-wecom-userid", "router-authorization"), constantFrom("living:admin", "")),
    tuple(
      constantFrom("access-control-request-method", "access-control-request-headers"),
      constantFrom("POST", "x, y"),
    ),
    tuple(fc.constant("x-envoy-expected-rq-timeout-ms"), constantFrom("0", "-1", "1e999", "NaN", "100")),
    constantFrom<[string, string]>(
      ["upgrade", "h2c\r\nconnection: upgrade, http2-settings\r\nhttp2-settings: AAMAAABk"],
      ["upgrade", "h2c"],
      ["expect", "100-continue"],
      ["apollo-require-preflight", "1"],
      ["accept-encoding", "gzip, br, \u00ff"],
      ["cookie", "a".repeat(4000)],
      ["x-empty", ""],
    ),
  ).map(([name, value]) => `${name}: ${value}`);
  const authorization = constantFrom(
    ...Array<string>(4).fill(`authorization: Bearer ${token}`),
    "authorization: Bearer a.b.c",
    "x-none: 1",
  );
  const body = oneof(
    constantFrom(...queries).map((query) => JSON.stringify({ query })),
    constantFrom(...queries).map((query) => JSON.stringify({ query, variables: { toString: 1 }, extensions: {} })),
    constantFrom(
      "",
      "{",
      "[]",
      "null",
      '{"query":1}',
      `{"query":"${"{a".repeat(500)}"}`,
      "[".repeat(5000),
      "x".repeat(2000),
    ),
  ).map((text) => Buffer.from(text).toString("latin1"));
  const contentType = constantFrom(
    "application/json",
    "application/json; charset=utf-8",
    "text/plain",
    "a",
    "application/json;;=",
  );
  const request = record({
    ...{ method, target, authorization, body, contentType },
    headers: array(header, { maxLength: 6 }),
    isChunked: fc.boolean(),
    pieces: integer({ min: 1, max: 3 }),
  }).map(({ isChunked, pieces, ...given }) => {
    const lines = [given.authorization, `content-type: ${given.contentType}`, ...given.headers];
    const hasBody = !["GET", "HEAD", "OPTIONS", "TRACE"].includes(given.method);
    if (hasBody) lines.push(isChunked ? "transfer-encoding: chunked" : `content-length: ${given.body.length}`);
    const content = isChunked ? chunked(given.body, pieces) : given.body;
    return (last: boolean): string =>
      `${given.method} ${given.target} HTTP/1.1\r\nhost: x\r\n${[...lines, ...(last ? ["connection: close"] : [])].join("\r\n")}\r\n\r\n${hasBody ? content : ""}`;
  });
  const cut = array(tuple(fc.double({ min: 0, max: 1, noNaN: true }), integer({ min: 0, max: 3 })), { maxLength: 4 });
  const wellFormed = tuple(array(request, { minLength: 1, maxLength: 5 }), cut).map(([requests, cuts]) => ({
    writes: cutUp(requests.map((write, index) => write(index === requests.length - 1)).join(""), cuts),
    requests: requests.length,
  }));
  const garbage = oneof(
    constantFrom(
      ...[
        "\r\n\r\n",
        "\u0000".repeat(100),
        "GET",
        "GET /graphql HTTP/9.9\r\n\r\n",
        "GET /graphql\r\n",
        "\u0016\u0003\u0001\u0002\u0000\u0001",
      ],
      ...[
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "CONNECT a:1 HTTP/1.1\r\nhost: a\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n",
      ],
      ...[
        "POST /graphql HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
      ],
      ...["POST /graphql HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"],
      ...[
        "POST /graphql HTTP/1.1\r\nhost: a\r\ncontent-length: 99999999999999999999\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n",
      ],
      ...[
        `GET / HTTP/1.1\r\nhost: a\r\n${"a:\r\n".repeat(5000)}\r\n`,
        `GET /${"a".repeat(20_000)} HTTP/1.1\r\n\r\n`,
        "GET / HTTP/1.1\r\nhost: a\r\n b: c\r\n\r\n",
      ],
      `GET /graphql HTTP/1.1\r\nhost: a\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-protocol: graphql-transport-ws\r\n\r\n\u0081\u0005hello`,
      `GET http://a/graphql HTTP/1.1\r\nhost: a\r\nupgrade: WebSocket\r\nconnection: upgrade\r\n\r\n`,
      "GET /nothing HTTP/1.1\r\nhost: a\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n\u00ff\u00ff",
      `POST /graphql HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${token}\r\naccept: text/event-stream\r\ncontent-type: application/json\r\ncontent-length: 26\r\n\r\n{"query":"{ __typename }"}`,
    ),
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString("latin1")),
  );
  const mutated = tuple(request, fc.nat(), integer({ min: 0, max: 255 }), fc.boolean()).map(
    ([write, at, byte, isCut]) => {
      const text = write(false);
      const index = at % text.length;
      return isCut ? text.slice(0, index) : text.slice(0, index) + String.fromCharCode(byte) + text.slice(index + 1);
    },
  );
  const anything = oneof(
    { weight: 2, arbitrary: garbage },
    { weight: 3, arbitrary: mutated },
    request.map((write) => write(false)),
  );
  const hostile = tuple(array(anything, { minLength: 1, maxLength: 4 }), cut).map(([parts, cuts]) => ({
    writes: cutUp(parts.join(""), cuts),
    requests: undefined,
  }));
  return { wellFormed, hostile };
}

function chunked(body: string, pieces: number): string {
  const size = Math.max(1, Math.ceil(body.length / pieces));
  let text = "";
  for (let at = 0; at < body.length; at += size) {
    const piece = body.slice(at, at + size);
    text += `${piece.length.toString(16)};extension=1\r\n${piece}\r\n`;
  }
  return `${text}0\r\nx-trailer: content-type\r\n\r\n`;
}

function cutUp(text: string, cuts: readonly (readonly [share: number, waitMs: number])[]): RawConnection["writes"] {
  const points = cuts
    .map(([share, waitMs]) => ({ at: Math.floor(share * text.length), waitMs }))
    .sort((a, b) => a.at - b.at);
  const writes: { bytes: string; waitMs: number }[] = [];
  let from = 0;
  let wait = 0;
  for (const { at, waitMs } of points) {
    writes.push({ bytes: text.slice(from, at), waitMs: wait });
    from = at;
    wait = waitMs;
  }
  return [...writes, { bytes: text.slice(from), waitMs: wait }];
}
