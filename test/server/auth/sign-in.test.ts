import { createHmac, createSign, generateKeyPairSync, type KeyObject } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { createPublicKey } from "node:crypto";
import { livingidsQuery } from "../../support/documents.js";
import { corpid, type Gateway, startGateway } from "../../support/gateway.js";
import { booking } from "../../support/inputs.js";
import { audience, goodClaims, type Issuer, issuerName, jwtEnv, startIssuer } from "../../support/issuer.js";

const anyOperation = "{ __typename }";
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const base64url = (value: unknown) =>
  Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

interface Forgery {
  readonly name: string;
  /** The whole header `authorization`. */
  readonly make: (issuer: Issuer) => Promise<string> | string;
}

/** Forged and broken tokens. What each tries is in its name. */
function makeForgeries(): Forgery[] {
  const now = Math.floor(Date.now() / 1000);
  const claims = goodClaims(Date.now());
  const stranger = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const token = (header: object, payload: unknown, signature: string) =>
    `Bearer ${base64url(header)}.${base64url(payload)}.${signature}`;
  const rsaSigned = (header: object, payload: unknown = claims, key: KeyObject = stranger.privateKey) => {
    const content = `${base64url(header)}.${base64url(payload)}`;
    return `Bearer ${content}.${createSign("RSA-SHA256").update(content).sign(key, "base64url")}`;
  };
  const hmacSigned = (header: object, key: string | Buffer) => {
    const content = `${base64url(header)}.${base64url(claims)}`;
    return `Bearer ${content}.${createHmac("sha256", key).update(content).digest("base64url")}`;
  };
  const publicPem = ({ publicJwk }: Issuer) =>
    createPublicKey({ key: publicJwk as import("node:crypto").JsonWebKey, format: "jwk" }).export({
      type: "spki",
      format: "pem",
    });
  const strangerJwk = stranger.publicKey.export({ format: "jwk" });
  const withClaims = (name: string, changes: Record<string, unknown>): Forgery => ({
    name,
    make: async (issuer) => `Bearer ${await issuer.sign(changes)}`,
  });
  const changed = (name: string, change: (parts: [string, string, string]) => string): Forgery => ({
    name,
    make: async (issuer) => `Bearer ${change((await issuer.sign()).split(".") as [string, string, string])}`,
  });
  return [
    { name: "no signature and alg none", make: () => token({ alg: "none" }, claims, "") },
    { name: "alg None and a signature", make: () => token({ alg: "None" }, claims, "x") },
    { name: "alg nOnE under the right kid", make: () => token({ alg: "nOnE", kid: "first" }, claims, "AA") },
    { name: "no alg", make: () => token({ kid: "first" }, claims, "AA") },
    { name: "an alg that is a list", make: () => token({ alg: ["RS256"], kid: "first" }, claims, "AA") },
    {
      name: "HS256 with the public key as secret",
      make: (issuer) => hmacSigned({ alg: "HS256", kid: "first" }, publicPem(issuer)),
    },
    {
      name: "HS256 with the key's modulus as secret",
      make: ({ publicJwk }) => hmacSigned({ alg: "HS256", kid: "first" }, publicJwk.n!),
    },
    { name: "HS256 with an empty secret", make: () => hmacSigned({ alg: "HS256", kid: "first" }, "") },
    { name: "a stranger's signature under the right kid", make: () => rsaSigned({ alg: "RS256", kid: "first" }) },
    { name: "a stranger's signature under an unknown kid", make: () => rsaSigned({ alg: "RS256", kid: "stranger" }) },
    { name: "a stranger's signature without a kid", make: () => rsaSigned({ alg: "RS256" }) },
    { name: "a stranger's key inside the header (jwk)", make: () => rsaSigned({ alg: "RS256", jwk: strangerJwk }) },
    {
      name: "a stranger's key behind a URL (jku)",
      make: () => rsaSigned({ alg: "RS256", kid: "first", jku: "http://127.0.0.1:1/keys" }),
    },
    {
      name: "a stranger's certificate behind a URL (x5u)",
      make: () => rsaSigned({ alg: "RS256", kid: "first", x5u: "http://127.0.0.1:1/" }),
    },
    {
      name: "a stranger's certificate in the header (x5c)",
      make: () => rsaSigned({ alg: "RS256", kid: "first", x5c: ["MIIB"] }),
    },
    { name: "a kid that is a path", make: () => rsaSigned({ alg: "RS256", kid: "../../dev/null" }) },
    { name: "a kid that is SQL", make: () => rsaSigned({ alg: "RS256", kid: "first' OR '1'='1" }) },
    { name: "a kid that is an object", make: () => rsaSigned({ alg: "RS256", kid: { first: true } }) },
    { name: "a kid __proto__", make: () => rsaSigned({ alg: "RS256", kid: "__proto__" }) },
    {
      name: "a critical extension nobody knows",
      make: () => rsaSigned({ alg: "RS256", kid: "first", crit: ["x"], x: 1 }),
    },
    {
      name: "an unencoded payload (b64)",
      make: () => rsaSigned({ alg: "RS256", kid: "first", crit: ["b64"], b64: false }),
    },
    {
      name: "the alg of another key type",
      make: (issuer) =>
        issuer
          .sign()
          .then((good) => `Bearer ${base64url({ alg: "ES256", kid: "first" })}.${good.split(".").slice(1).join(".")}`),
    },
    {
      name: "an all-zero ES256 signature",
      make: () => token({ alg: "ES256", kid: "first" }, claims, Buffer.alloc(64).toString("base64url")),
    },
    changed(
      "claims changed after signing",
      ([header, , signature]) => `${header}.${base64url({ ...claims, userid: "lisi" })}.${signature}`,
    ),
    changed(
      "a header changed after signing",
      ([, payload, signature]) => `${base64url({ alg: "RS256", kid: "first", typ: "x" })}.${payload}.${signature}`,
    ),
    changed(
      "one bit of the signature turned",
      ([header, payload, signature]) =>
        `${header}.${payload}.${signature.startsWith("A") ? "B" : "A"}${signature.slice(1)}`,
    ),
    changed("its signature cut off", ([header, payload]) => `${header}.${payload}.`),
    changed("half a signature", ([header, payload, signature]) => `${header}.${payload}.${signature.slice(0, 100)}`),
    changed("two parts only", ([header, payload]) => `${header}.${payload}`),
    changed("a fourth part", (parts) => `${parts.join(".")}.AAAA`),
    changed("the five parts of an encrypted token", (parts) => `${parts.join(".")}.AAAA.AAAA`),
    changed("characters outside base64url", ([header, payload, signature]) => `${header}.${payload}.${signature}==`),
    changed("two tokens", (parts) => `${parts.join(".")}, Bearer ${parts.join(".")}`),
    withClaims("an expiry that has passed", { exp: now - 31 }),
    withClaims("no expiry", { exp: undefined }),
    withClaims("an expiry that is text", { exp: String(now + 600) }),
    withClaims("a start in the future", { nbf: now + 60 }),
    withClaims("a start that is text", { nbf: "0" }),
    withClaims("no issuer", { iss: undefined }),
    withClaims("another issuer", { iss: "https://evil.example/" }),
    withClaims("an issuer that only starts alike", { iss: `${issuerName}.evil.example` }),
    withClaims("no audience", { aud: undefined }),
    withClaims("another audience", { aud: "other" }),
    withClaims("an audience in other letters", { aud: audience.toUpperCase() }),
    withClaims("an empty list of audiences", { aud: [] }),
    { name: "a payload that is a list", make: () => rsaSigned({ alg: "RS256", kid: "first" }, [claims]) },
    { name: "a payload that is not JSON", make: () => rsaSigned({ alg: "RS256", kid: "first" }, "{") },
    { name: "a header that is not JSON", make: () => `Bearer ${base64url("{")}.${base64url(claims)}.AAAA` },
    { name: "nothing behind Bearer", make: () => "Bearer " },
    { name: "the scheme Basic", make: () => `Basic ${base64url("zhangsan:secret")}` },
    { name: "a good token without a scheme", make: (issuer) => issuer.sign() },
    { name: "12 kB of dots", make: () => `Bearer ${".".repeat(12_000)}` },
    { name: "12 kB of one letter", make: () => `Bearer ${"a".repeat(12_000)}.a.a` },
  ];
}

const forgeries = makeForgeries();

describe("A caller with a bearer token", () => {
  let issuer: Issuer;
  let gateway: Gateway;
  beforeAll(async () => {
    issuer = await startIssuer();
    gateway = await startGateway({ env: jwtEnv(issuer) });
  });
  afterAll(async () => {
    await gateway.close();
    await issuer[Symbol.asyncDispose]();
  });

  it("is let in when the issuer signed it for this gateway", async () => {
    const { status, data } = await gateway.run(anyOperation, {}, bearer(await issuer.sign()));

    expect([status, data]).toEqual([200, { __typename: "Query" }]);
  });

  it.each([
    ["an audience among several", () => ({ aud: ["other", audience] })],
    ["an expiry 20 seconds ago, for clocks differ", (now: number) => ({ exp: now - 20 })],
    ["a start in 20 seconds", (now: number) => ({ nbf: now + 20 })],
  ])("is let in with %s", async (_, claimsAt) => {
    const claims = claimsAt(Math.floor(Date.now() / 1000));
    expect((await gateway.run(anyOperation, {}, bearer(await issuer.sign(claims)))).status).toBe(200);
  });

  it.each([
    ["scope as text", { scope: "living:read other" }],
    ["scp as text", { scope: undefined, scp: "living:read" }],
    ["scp as a list", { scope: undefined, scp: ["living:read"] }],
  ])("has the scopes of %s", async (_, claims) => {
    const { errors } = await gateway.run(
      `{ livings(anchorUserid: "zhangsan") { edges { cursor } } }`,
      {},
      bearer(await issuer.sign(claims)),
    );

    expect(errors).toEqual([]);
  });

  it("has no scope that only a header names", async () => {
    const { errors } = await gateway.run(
      `{ livings(anchorUserid: "zhangsan") { edges { cursor } } }`,
      {},
      { ...bearer(await issuer.sign({ scope: "" })), "x-wecom-scopes": "living:read", "x-wecom-userid": "zhangsan" },
    );

    expect(errors[0]!.extensions).toMatchObject({ code: "FORBIDDEN", scope: "living:read" });
  });

  it("gets a challenge when there is no token, before the body is read", async () => {
    const { status, headers, text } = await gateway.fetch("/graphql", { method: "POST", body: "not JSON" });

    expect(status).toBe(401);
    expect(headers.get("www-authenticate")).toBe("Bearer");
    expect(JSON.parse(text)).toEqual({
      errors: [{ message: "A bearer token is needed", extensions: { code: "UNAUTHENTICATED" } }],
    });
  });

  it("gets an error that says that the token has expired", async () => {
    const { status, headers } = await gateway.run(anyOperation, {}, bearer(await issuer.sign({ exp: 1_600_000_000 })));

    expect(status).toBe(401);
    expect(headers.get("www-authenticate")).toBe(
      'Bearer error="invalid_token", error_description="The token has expired"',
    );
  });

  it("is refused for GET, for a browser's page and for a preflighted request alike", async () => {
    for (const headers of [{}, { accept: "text/html" }, { "apollo-require-preflight": "1" }]) {
      expect((await gateway.fetch("/graphql?query={__typename}", { headers })).status).toBe(401);
    }
  });

  it.each(forgeries.map(({ name, make }) => [name, make] as const))("is refused with %s", async (_, make) => {
    const before = gateway.simulator.requests.length;
    const { status, headers, data, errors } = await gateway.run(
      `mutation { cancelLiving(livingid: "L") { __typename } }`,
      {},
      { authorization: await make(issuer) },
    );

    expect({ status, data }).toEqual({ status: 401, data: undefined });
    expect(errors[0]!.extensions).toEqual({ code: "UNAUTHENTICATED" });
    expect(headers.get("www-authenticate")).toMatch(/^Bearer/);
    expect(gateway.simulator.requests).toHaveLength(before);
  });

  it("counts at least 40 forgeries above", () => {
    expect(forgeries.length).toBeGreaterThanOrEqual(40);
  });
});

describe("The explorers outside production", () => {
  it("open without a token, and what they send needs one", async () => {
    await using issuer = await startIssuer();
    await using gateway = await startGateway({ env: { ...jwtEnv(issuer), NODE_ENV: "development" } });
    const page = { accept: "text/html,*/*;q=0.8" };

    expect((await gateway.fetch("/graphql", { headers: page })).text).toContain("<html");
    for (const accept of ["text/html;q=0.1,application/json", "application/json;x=text/html"]) {
      const headers = { accept, "apollo-require-preflight": "1" };
      const { status, text } = await gateway.fetch("/graphql?query={__typename}", { headers });
      expect([status, text.includes("data")]).toEqual([401, false]);
    }
    expect((await gateway.run(anyOperation)).status).toBe(401);
  });
});

describe("The issuer's keys", () => {
  const start = 1_800_000_000_000;

  it("are fetched once for many callers, and their tokens are not checked again within a minute", async () => {
    await using issuer = await startIssuer();
    await using gateway = await startGateway({ env: jwtEnv(issuer) });
    const token = await issuer.sign();

    const answers = await Promise.all(Array.from({ length: 20 }, () => gateway.run(anyOperation, {}, bearer(token))));

    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
    expect(issuer.fetches).toBe(1);
  });

  it("are fetched at most once in 30 seconds however many unknown key ids come in", async () => {
    let now = start;
    await using issuer = await startIssuer(() => now);
    await using gateway = await startGateway({ env: jwtEnv(issuer), now: () => now });
    const unknown = async (kid: string) => {
      await issuer.rotate(kid, { publish: false });
      return (await gateway.run(anyOperation, {}, bearer(await issuer.sign()))).status;
    };

    for (const kid of ["a", "b", "c", "d"]) expect(await unknown(kid)).toBe(401);
    expect(issuer.fetches).toBe(1);

    now += 30_000;
    for (const kid of ["e", "f"]) expect(await unknown(kid)).toBe(401);
    expect(issuer.fetches).toBe(2);
  });

  it("are taken over when the issuer rotates them", async () => {
    let now = start;
    await using issuer = await startIssuer(() => now);
    await using gateway = await startGateway({ env: jwtEnv(issuer), now: () => now });
    expect((await gateway.run(anyOperation, {}, bearer(await issuer.sign()))).status).toBe(200);

    now += 30_000;
    await issuer.rotate("second");

    expect((await gateway.run(anyOperation, {}, bearer(await issuer.sign()))).status).toBe(200);
  });

  it("are kept while the issuer's host is away", async () => {
    let now = start;
    await using issuer = await startIssuer(() => now);
    await using gateway = await startGateway({ env: jwtEnv(issuer), now: () => now });
    expect((await gateway.run(anyOperation, {}, bearer(await issuer.sign()))).status).toBe(200);

    issuer.behaviour = "fail";
    for (const hour of [1, 2, 24]) {
      now = start + hour * 3_600_000;
      expect((await gateway.run(anyOperation, {}, bearer(await issuer.sign({ jti: String(hour) })))).status).toBe(200);
    }
    expect(issuer.fetches).toBeGreaterThan(1);
  });

  it.each(["fail", "redirect"] as const)("answer 503 until they could be fetched once (%s)", async (behaviour) => {
    let now = start;
    await using issuer = await startIssuer(() => now);
    issuer.behaviour = behaviour;
    await using gateway = await startGateway({ env: jwtEnv(issuer), now: () => now });

    const refused = await gateway.run(anyOperation, {}, bearer(await issuer.sign()));
    expect(refused.status).toBe(503);
    expect(refused.headers.get("retry-after")).toBe("30");

    issuer.behaviour = "answer";
    now += 30_000;
    expect((await gateway.run(anyOperation, {}, bearer(await issuer.sign()))).status).toBe(200);
  });

  it("stop counting for a token when it ends, although it was good a moment ago", async () => {
    let now = start;
    await using issuer = await startIssuer(() => now);
    await using gateway = await startGateway({ env: jwtEnv(issuer), now: () => now });
    const token = await issuer.sign({ exp: start / 1000 + 10 });
    expect((await gateway.run(anyOperation, {}, bearer(token))).status).toBe(200);

    now += 40_000;

    expect((await gateway.run(anyOperation, {}, bearer(token))).status).toBe(401);
  });
});

describe("A caller with a token of a shared secret", () => {
  const secret = "CANARY-jwt-secret-of-32-bytes-and-more";
  const { AUTH_JWKS_URL: _, ...env } = jwtEnv({ jwksUrl: "" } as Issuer);
  const signed = (alg: string, digest: string, key: string) => {
    const content = `${base64url({ alg })}.${base64url(goodClaims(Date.now()))}`;
    return `${content}.${createHmac(digest, key).update(content).digest("base64url")}`;
  };

  it("is let in with HS256 and with nothing else", async () => {
    await using gateway = await startGateway({ env: { ...env, AUTH_JWT_SECRET: secret } });
    const statusOf = async (token: string) => (await gateway.run(anyOperation, {}, bearer(token))).status;

    expect(await statusOf(signed("HS256", "sha256", secret))).toBe(200);
    expect(await statusOf(signed("HS512", "sha512", secret))).toBe(401);
    expect(await statusOf(signed("HS256", "sha256", `${secret}!`))).toBe(401);
    expect(await statusOf(`${base64url({ alg: "none" })}.${base64url(goodClaims(Date.now()))}.`)).toBe(401);
  });
});

describe("A request in router mode", () => {
  const secret = "CANARY-router-secret-of-32-bytes-and-more";
  const env = { NODE_ENV: "production", AUTH_MODE: "router", ROUTER_SECRET: secret };
  let gateway: Gateway;
  beforeAll(async () => {
    gateway = await startGateway({ env });
  });
  afterAll(() => gateway.close());
  const livings = `{ livings(anchorUserid: "zhangsan") { edges { cursor } } }`;

  it("carries the caller's claims in headers", async () => {
    const { errors } = await gateway.run(
      livings,
      {},
      { "router-authorization": secret, "x-wecom-scopes": "living:read" },
    );

    expect(errors).toEqual([]);
  });

  it("has no scope where the router names none", async () => {
    const { errors } = await gateway.run(livings, {}, { "router-authorization": secret });

    expect(errors[0]!.extensions).toEqual({ code: "FORBIDDEN", scope: "living:read" });
  });

  it.each([
    ["no secret", {}],
    ["an empty secret", { "router-authorization": "" }],
    ["another secret", { "router-authorization": "CANARY-router-secret-of-32-bytes-and-mor3" }],
    ["the beginning of the secret", { "router-authorization": secret.slice(0, -1) }],
    ["the secret twice", { "router-authorization": `${secret}, ${secret}` }],
    ["the secret as a bearer token", { authorization: `Bearer ${secret}` }],
  ])("is refused with %s, whatever claims stand beside it", async (_, headers) => {
    const { status, errors } = await gateway.run(
      livings,
      {},
      { "x-wecom-scopes": "living:read living:admin", ...headers },
    );

    expect(status).toBe(401);
    expect(errors[0]!.extensions).toEqual({ code: "UNAUTHENTICATED" });
  });
});

describe("AUTH_MODE=none", () => {
  it("warns in production", async () => {
    await using gateway = await startGateway({ env: { NODE_ENV: "production", AUTH_MODE: "none" } });

    expect(gateway.logs).toContainEqual(
      expect.objectContaining({ level: "warn", msg: expect.stringMatching(/^AUTH_MODE=none in production/) }),
    );
  });

  it("warns outside it as well, for the credentials are real", async () => {
    await using gateway = await startGateway();

    expect(gateway.logs).toContainEqual(
      expect.objectContaining({ level: "warn", msg: expect.stringMatching(/^AUTH_MODE=none: everybody/) }),
    );
  });

  it("lets headers say less than everything, and who is calling, where it is chosen", async () => {
    await using gateway = await startGateway();

    const { errors } = await gateway.run(livingidsQuery, { anchorUserid: "zhangsan" }, { "x-wecom-scopes": "none" });

    expect(errors[0]?.extensions["code"]).toBe("FORBIDDEN");
  });

  it("does not let headers name scopes where it is only the default", async () => {
    await using gateway = await startGateway({ env: { AUTH_MODE: "" } });
    const { livingid } = gateway.simulator.livings.reserve({ corpid, agentid: 1000014 }, booking);
    const headers = { "x-wecom-scopes": "living:read living:admin living:push" };
    const query = `{ living(livingid: "${livingid}") { theme pushStreamUrl } }`;

    const { data, errors } = await gateway.run(query, {}, headers);

    expect(errors[0]?.extensions["code"]).toBe("FORBIDDEN");
    expect(data?.["living"]).toMatchObject({ theme: booking.theme, pushStreamUrl: null });
  });
});
