// What headers, and what a client sends in their place over a WebSocket, say of a caller.
import { describe, expect, it } from "@jest/globals";
import { type AuthSettings, createAuthenticator } from "../../../src/server/auth/authenticate.js";
import type { Authentication, Caller } from "../../../src/server/auth/caller.js";
import { Credentials } from "../../../src/server/auth/credentials.js";
import { createLogger } from "../../../src/observability/logger.js";
import { Secret } from "../../../src/observability/secret.js";

const router: AuthSettings = { mode: "router", secret: new Secret("first", "second") };
const trusting: AuthSettings = { mode: "none", trustsHeaders: true };
const byDefault: AuthSettings = { mode: "none", trustsHeaders: false };
const all = ["living:read", "living:write", "living:admin"];

function answerTo(settings: AuthSettings, rawHeaders: string[], init?: Record<string, unknown>): Authentication {
  const { authenticate } = createAuthenticator(settings, createLogger("silent"), Date.now);
  return authenticate(
    init ? Credentials.ofConnection({ rawHeaders }, init) : Credentials.ofRequest({ rawHeaders }),
  ) as Authentication;
}

function callerOf(...given: Parameters<typeof answerTo>): Caller {
  const answer = answerTo(...given);
  if (answer.kind === "refused") throw new Error(answer.refusal.message);
  return answer.caller;
}

describe("The headers of a trusted sender", () => {
  it("name the corp, the userid and the scopes, which spaces or commas separate", () => {
    const { scopes, ...caller } = callerOf(trusting, [
      ...["X-Wecom-Corpid", " corp ", "x-wecom-userid", "u".repeat(128)],
      ...["x-wecom-scopes", "living:read,living:push  other"],
    ]);

    expect([...scopes]).toEqual(["living:read", "living:push", "other"]);
    expect(caller).toMatchObject({ corp: "corp", userid: "u".repeat(128), expiresAtMs: Infinity });
  });

  it.each(["", "  "])("say nothing where they are %j", (nothing) => {
    const headers = ["x-wecom-corpid", nothing, "x-wecom-userid", nothing, "x-wecom-scopes", nothing];
    const { scopes, ...caller } = callerOf(trusting, headers);

    expect([...scopes]).toEqual(all);
    expect(caller).toEqual({ corp: undefined, userid: undefined, identity: undefined, expiresAtMs: Infinity });
  });

  it("make two callers of one userid in two corps", () => {
    const identityIn = (corp: string) => callerOf(trusting, ["x-wecom-corpid", corp, "x-wecom-userid", "u"]).identity;

    expect(identityIn("one")).toBe(identityIn("one"));
    expect(identityIn("one")).not.toBe(identityIn("other"));
  });

  it.each(["x-wecom-corpid", "x-wecom-userid", "x-wecom-scopes"])("refuse a request with two %s", (name) => {
    for (const settings of [trusting, byDefault]) {
      expect(answerTo(settings, [name, "a", name, "a"])).toMatchObject({
        kind: "refused",
        refusal: {
          status: 401,
          headers: { "www-authenticate": "Router" },
          message: `The header ${name} must come once`,
        },
      });
    }
  });

  it("come from a router that knows either of two secrets, which alone gives no scope", () => {
    for (const secret of ["first", "second"])
      expect(callerOf(router, ["router-authorization", secret]).scopes.size).toBe(0);
    expect(answerTo(router, ["router-authorization", "third"])).toMatchObject({ refusal: { status: 401 } });
  });
});

describe("The headers of anybody", () => {
  it("name the corp and nothing else", () => {
    const given = ["x-wecom-corpid", "corp", "x-wecom-userid", "u", "x-wecom-scopes", "living:push"];
    const { scopes, ...caller } = callerOf(byDefault, given);

    expect([...scopes]).toEqual(all);
    expect(caller).toEqual({ corp: "corp", userid: undefined, identity: undefined, expiresAtMs: Infinity });
    expect(answerTo(byDefault, ["x-wecom-corpid", "one,other"])).toMatchObject({ refusal: { status: 401 } });
  });
});

describe("What connection_init says", () => {
  const said = { "X-Wecom-Userid": "u", "x-wecom-corpid": null, "x-wecom-scopes": undefined };

  it.each([
    ["directly", said],
    ["below headers", { headers: said }],
  ])("counts as headers do, %s, and null says nothing", (_, init) => {
    expect(callerOf(trusting, [], init)).toMatchObject({ userid: "u", corp: undefined });
  });

  it("does not count beside a header that identifies the caller", () => {
    expect(callerOf(trusting, ["x-wecom-corpid", "corp"], said)).toMatchObject({ corp: "corp", userid: undefined });
    expect(callerOf(trusting, ["x-request-id", "1"], said)).toMatchObject({ userid: "u" });
  });
});
