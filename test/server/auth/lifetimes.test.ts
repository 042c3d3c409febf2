// For how long a token and its issuer's keys count, each moment just before and just after, on a clock that the test moves.
import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { createAuthenticator } from "../../../src/server/auth/authenticate.js";
import type { Authenticator, Caller } from "../../../src/server/auth/caller.js";
import { Credentials } from "../../../src/server/auth/credentials.js";
import { audience, type Issuer, issuerName, startIssuer } from "../../support/issuer.js";
import { until } from "../../support/until.js";

const start = 1_800_000_000_000;
let now: number;
let issuer: Issuer;
let warnings: number;
const open: Authenticator[] = [];

beforeEach(async () => {
  now = start;
  warnings = 0;
  issuer = await startIssuer(() => now);
});
afterEach(async () => {
  for (const authenticator of open.splice(0)) authenticator.close();
  await issuer[Symbol.asyncDispose]();
});

function authenticator(): Authenticator {
  const log = { warn: () => (warnings += 1), debug: () => undefined } as never;
  const settings = { issuer: issuerName, audience, corpClaim: "corpid", userClaim: "userid" };
  const keys = { kind: "jwks", url: new URL(issuer.jwksUrl) } as const;
  const created = createAuthenticator({ mode: "jwt", keys, ...settings }, log, () => now);
  open.push(created);
  return created;
}

/** As it is once it has the issuer's keys. */
async function ready(): Promise<Authenticator> {
  const created = authenticator();
  await until(() => created.isReady());
  return created;
}

async function callerOf(by: Authenticator, authorization: string): Promise<Caller | number> {
  const answer = await by.authenticate(Credentials.ofRequest({ rawHeaders: ["Authorization", authorization] }));
  return answer.kind === "caller" ? answer.caller : answer.refusal.status;
}

/** "in", or the status of the refusal. */
async function letsIn(by: Authenticator, token: string): Promise<"in" | number> {
  const caller = await callerOf(by, `Bearer ${token}`);
  return typeof caller === "number" ? caller : "in";
}

/** Another one each time, so that none is known already. */
let tokens = 0;
const fresh = (claims: object = {}, header = {}) => issuer.sign({ jti: `${(tokens += 1)}`, ...claims }, header);

describe("A token", () => {
  const exp = start / 1000 + 100;

  it("counts until 30 seconds after its expiry, whether it is known already or not", async () => {
    const by = await ready();
    const [known, unknown, late] = [await fresh({ exp }), await fresh({ exp }), await fresh({ exp })];
    const caller = await callerOf(by, `Bearer ${known}`);
    expect(caller).toMatchObject({ expiresAtMs: (exp + 30) * 1000 });

    now = (exp + 30) * 1000 - 50_000;
    expect(await letsIn(by, known)).toBe("in");
    now = (exp + 30) * 1000 - 1;
    expect([await letsIn(by, known), await letsIn(by, unknown)]).toEqual(["in", "in"]);
    now += 1;
    expect([await letsIn(by, known), await letsIn(by, unknown), await letsIn(by, late)]).toEqual([401, 401, 401]);
  });

  it("that is refused is said to have expired where it has, and else not to be valid", async () => {
    const by = await ready();
    const messageOf = async (token: string) => {
      const answer = await by.authenticate(Credentials.ofRequest({ rawHeaders: ["authorization", `Bearer ${token}`] }));
      return answer.kind === "refused" ? answer.refusal.message : "in";
    };

    expect(await messageOf(await fresh({ exp: start / 1000 - 31 }))).toBe("The token has expired");
    expect(await messageOf(await fresh({ aud: "another" }))).toBe("The token is not valid");
    expect(await messageOf(await fresh({ iss: "another" }))).toBe("The token is not valid");
  });

  it("counts from 30 seconds before its start", async () => {
    const by = await ready();

    expect(await letsIn(by, await fresh({ nbf: start / 1000 + 30 }))).toBe("in");
    expect(await letsIn(by, await fresh({ nbf: start / 1000 + 31 }))).toBe(401);
  });

  it("is verified again after a minute, and not before", async () => {
    const by = await ready();
    const token = await fresh();
    expect(await letsIn(by, token)).toBe("in");
    // The issuer takes all its keys back, which is noticed at a key that is unknown.
    issuer.behaviour = "forget";
    now += 30_000;
    expect(await letsIn(by, await fresh({}, { kid: "unknown" }))).toBe(401);
    expect(await letsIn(by, await fresh())).toBe(401);

    now = start + 59_999;
    expect(await letsIn(by, token)).toBe("in");
    now += 1;
    expect(await letsIn(by, token)).toBe(401);
  });

  it.each(["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"])(
    "may be signed with %s",
    async (alg) => {
      await issuer.rotate("other", { publish: true, alg });

      expect(await letsIn(await ready(), await fresh())).toBe("in");
    },
  );

  it("may come in any spelling of its scheme, with spaces around it", async () => {
    const by = await ready();
    for (const scheme of ["bearer ", "BEARER  ", "Bearer "])
      expect(await callerOf(by, `${scheme}${await fresh()} `)).toMatchObject({ userid: "zhangsan" });
  });

  it("says in its claims who calls, and what they may", async () => {
    const by = await ready();
    const callerWith = async (claims: object) =>
      (await callerOf(by, `Bearer ${await fresh({ corpid: "corp", ...claims })}`)) as Caller;

    const caller = await callerWith({ scope: "a b,c", scp: ["c", "d"] });
    expect({ ...caller, scopes: [...caller.scopes] }).toMatchObject({
      ...{ corp: "corp", userid: "zhangsan", scopes: ["a", "b", "c", "d"] },
    });
    expect((await callerWith({ userid: "ZHANGSAN", sub: "other" })).identity).toBe(caller.identity);
    const others = [{ corpid: "other" }, { userid: "lisi" }, { userid: undefined, sub: "zhangsan" }];
    for (const claims of others) {
      const { identity } = await callerWith(claims);
      expect([claims, identity === undefined || identity === caller.identity]).toEqual([claims, false]);
    }
    for (const sub of ["", undefined, 7])
      expect((await callerWith({ userid: undefined, sub })).identity).toBeUndefined();
  });
});

describe("The issuer's keys", () => {
  it("are fetched again when they are older than ten minutes, and then count for ten more", async () => {
    const by = await ready();
    const fetchesAt = async (ms: number) => {
      now = start + ms;
      expect(await letsIn(by, await fresh())).toBe("in");
      // What is fetched beside the request has come by then.
      await fetch(issuer.jwksUrl);
      return issuer.fetches - (own += 1);
    };
    let own = 0;

    expect([await fetchesAt(30_000), await fetchesAt(600_000)]).toEqual([1, 1]);
    expect(await fetchesAt(600_001)).toBe(2);
    expect([await fetchesAt(640_000), await fetchesAt(1_200_001)]).toEqual([2, 2]);
    expect(await fetchesAt(1_200_002)).toBe(3);
  });

  it("keep no request waiting while they are fetched again", async () => {
    const by = await ready();
    issuer.behaviour = "hang";
    now += 600_001;

    expect(await letsIn(by, await fresh())).toBe("in");
    await until(() => issuer.fetches === 2);
    expect(issuer.hanging).toBe(1);
  });

  it("are waited for by all callers together at the beginning", async () => {
    issuer.behaviour = "hang";
    const by = authenticator();
    const callers = [1, 2, 3].map(async () => letsIn(by, await fresh()));
    await until(() => issuer.hanging === 1);
    issuer.behaviour = "answer";
    issuer.release();

    expect(await Promise.all(callers)).toEqual(["in", "in", "in"]);
    expect(issuer.fetches).toBe(1);
  });

  it("are fetched for an unknown key 30 seconds after the last time, not for one that is not named", async () => {
    const by = await ready();
    const unknown = async () => letsIn(by, await fresh({}, { kid: "unknown" }));
    now += 29_999;
    expect([await unknown(), issuer.fetches]).toEqual([401, 1]);
    now += 1;
    expect([await unknown(), issuer.fetches]).toEqual([401, 2]);

    await issuer.rotate("second");
    now += 30_000;
    expect([await letsIn(by, await fresh()), issuer.fetches]).toEqual(["in", 3]);
    now += 30_000;
    expect([await letsIn(by, await fresh({}, { kid: undefined })), issuer.fetches]).toEqual([401, 3]);
  });

  it("are kept when the host answers with another status, whatever it says beside it", async () => {
    const by = await ready();
    issuer.behaviour = "refuse";
    now += 30_000;
    expect(await letsIn(by, await fresh({}, { kid: "unknown" }))).toBe(401);
    expect(issuer.fetches).toBe(2);

    expect(await letsIn(by, await fresh())).toBe("in");
  });

  it("are fetched again two seconds after the first fetch has hung for five", async () => {
    issuer.behaviour = "hang";
    const by = authenticator();
    await until(() => issuer.hanging === 1);
    issuer.behaviour = "answer";

    await until(() => by.isReady());
    expect(issuer.fetches).toBe(2);
  });
});

describe("Keys that could not be fetched at the beginning", () => {
  beforeEach(() => {
    const others = ["Date", "performance", "nextTick", "queueMicrotask", "setImmediate", "clearImmediate"] as const;
    jest.useFakeTimers({ doNotFake: [...others, "setInterval", "clearInterval"] });
    issuer.behaviour = "fail";
  });
  afterEach(() => {
    jest.useRealTimers();
  });
  /** Those of before have come when one's own is answered. */
  const fetches = async () => {
    const before = (await fetch(issuer.jwksUrl), issuer.fetches);
    return before - (own += 1);
  };
  let own = 0;
  beforeEach(() => void (own = 0));

  it("are fetched every two seconds, until the gateway ends", async () => {
    const by = authenticator();
    await until(() => warnings === 1);
    jest.advanceTimersByTime(1999);
    expect(await fetches()).toBe(1);
    jest.advanceTimersByTime(1);
    await until(() => warnings === 2);
    expect(await fetches()).toBe(2);

    by.close();
    jest.advanceTimersByTime(60_000);
    expect(await fetches()).toBe(2);
  });

  it("are not fetched any more by a gateway that ends meanwhile", async () => {
    issuer.behaviour = "hang";
    const by = authenticator();
    await until(() => issuer.hanging === 1);
    by.close();
    issuer.behaviour = "fail";
    issuer.release();
    await until(() => warnings === 1);
    jest.advanceTimersByTime(60_000);

    expect(await fetches()).toBe(1);
  });
});
