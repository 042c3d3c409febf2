// Secrets that others hold as well, and that cannot be changed on both sides at the same moment.
import { describe, expect, it } from "@jest/globals";
import wecom from "@wecom/crypto";
import { SignJWT } from "jose";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openEmbeddedStore } from "../src/stores/embedded.js";
import { ConfigurationError, loadConfig } from "../src/config.js";
import { createLogger } from "../src/observability/logger.js";
import { SecretFiles } from "../src/secret-files.js";
import { createAuthenticator } from "../src/server/auth/authenticate.js";
import { Credentials } from "../src/server/auth/credentials.js";
import { decryptMessage, isSignedWith } from "../src/wecom/callback/crypto.js";
import { Secret } from "../src/observability/secret.js";
import { findAppName, noteAppName } from "../src/wecom/app-name.js";
import { CreateLivingDocument } from "../packages/client/src/index.js";
import { minimalInput } from "./support/inputs.js";
import { corpid, startGateway } from "./support/gateway.js";
import { audience, goodClaims, issuerName } from "./support/issuer.js";

const [former, current, other] = ["f", "c", "o"].map((letter) => letter.repeat(43)) as [string, string, string];
const app = { WECOM_CORP_ID: corpid, WECOM_CORP_SECRET: "secret" };
const silent = createLogger("silent");

type Env = Readonly<Record<string, string>>;

/** Who is let in by whatever a header holds. */
async function letsIn(config: ReturnType<typeof loadConfig>, header: string, value: string): Promise<boolean> {
  const { authenticate } = createAuthenticator(config.auth, silent, Date.now);
  const authentication = await authenticate(Credentials.ofRequest({ rawHeaders: [header, value] }));
  return authentication.kind === "caller";
}

describe("A secret that others hold", () => {
  it("of the router is taken as it was, too", async () => {
    const env = { ...app, AUTH_MODE: "router", ROUTER_SECRET: current, ROUTER_SECRET_PREVIOUS: former };
    const config = loadConfig(env);
    const taken = [current, former, other].map((secret) => letsIn(config, "router-authorization", secret));
    expect(await Promise.all(taken)).toEqual([true, true, false]);
    const { ROUTER_SECRET_PREVIOUS: _, ...later } = env;
    expect(await letsIn(loadConfig(later), "router-authorization", former)).toBe(false);
  });

  it("of the issuer is taken as it was, too", async () => {
    const env: Env = {
      ...{ ...app, AUTH_MODE: "jwt", AUTH_ISSUER: issuerName, AUTH_AUDIENCE: audience },
      ...{ AUTH_JWT_SECRET: current, AUTH_JWT_SECRET_PREVIOUS: former },
    };
    const taken = [current, former, other].map(async (secret) => {
      const token = new SignJWT(goodClaims(Date.now())).setProtectedHeader({ alg: "HS256" });
      const signed = await token.sign(new TextEncoder().encode(secret));
      return await letsIn(loadConfig(env), "authorization", `Bearer ${signed}`);
    });
    expect(await Promise.all(taken)).toEqual([true, true, false]);
  });

  it("of WeCom's callbacks is taken as it was, too: a message may be signed with either token, and sealed with either key", () => {
    const { callback } = loadConfig({
      ...{ ...app, WECOM_CALLBACK_TOKEN: "tokencurrent", WECOM_CALLBACK_TOKEN_PREVIOUS: "tokenformer" },
      ...{ WECOM_CALLBACK_AES_KEY: current, WECOM_CALLBACK_AES_KEY_PREVIOUS: former },
    }).wecom;
    const isTaken = (token: string, aesKey: string): boolean => {
      const encrypt = wecom.encrypt(aesKey, "message", corpid);
      const signature = wecom.getSignature(token, "1", "2", encrypt);
      const isSigned = isSignedWith(callback!.token, { signature, timestamp: "1", nonce: "2", encrypt });
      return isSigned && decryptMessage(callback!.aesKey, encrypt)?.message === "message";
    };
    expect(isTaken("tokencurrent", current)).toBe(true);
    expect(isTaken("tokenformer", former)).toBe(true);
    expect(isTaken("tokenother", current)).toBe(false);
    expect(isTaken("tokencurrent", other)).toBe(false);
  });

  it("of the app at WeCom is tried as it was when the new one is not known there yet", async () => {
    const right = "CANARY-corpsecret-4f1c9a";
    await using gateway = await startGateway({
      env: { WECOM_CORP_SECRET: "CANARY-not-known-yet", WECOM_CORP_SECRET_PREVIOUS: right },
    });
    const { errors } = await gateway.run('{ livings(anchorUserid: "zhangsan") { nodes { livingid } } }');
    expect(errors).toEqual([]);
    const secrets = gateway.simulator.requestsTo("gettoken").map(({ query }) => query["corpsecret"]);
    expect(secrets).toEqual(["CANARY-not-known-yet", right]);
  });

  it("of the app at WeCom is tried once where the former one is the same", async () => {
    const wrong = "CANARY-wrong-secret";
    await using gateway = await startGateway({
      env: { WECOM_CORP_SECRET: wrong, WECOM_CORP_SECRET_PREVIOUS: wrong },
    });
    await gateway.run('{ livings(anchorUserid: "zhangsan") { nodes { livingid } } }');
    expect(gateway.simulator.requestsTo("gettoken")).toHaveLength(1);
  });

  it("is refused without the one that has taken its place", () => {
    const env = { WECOM_CORP_ID: corpid, WECOM_ACCESS_TOKEN: "token", WECOM_CALLBACK_TOKEN_PREVIOUS: "tokenformer" };
    expect(() => loadConfig(env)).toThrow("WECOM_CALLBACK_TOKEN_PREVIOUS: set, but WECOM_CALLBACK_TOKEN is not");
  });

  it("must have the form of a new one", () => {
    const env = { ...app, AUTH_MODE: "router", ROUTER_SECRET: current, ROUTER_SECRET_PREVIOUS: "short" };
    expect(() => loadConfig(env)).toThrow(ConfigurationError);
    expect(() => loadConfig(env)).toThrow("ROUTER_SECRET_PREVIOUS: found 5 bytes");
  });
});

describe("The idempotency keys of a self-built app", () => {
  const secrets = ["CANARY-secret-of-before", "CANARY-secret-of-after"] as const;
  const [before, after] = secrets;
  /** Two gateways over one store, and the livings that each of them gives for the same key. */
  async function livingsOfOneKey(first: Env, second: Env): Promise<(string | undefined)[]> {
    const DATA_DIR = await mkdtemp(join(tmpdir(), "keys-"));
    await using one = await startGateway({
      env: { DATA_DIR, ...first },
      simulator: { corps: [{ corpid, apps: secrets.map((secret, index) => ({ agentid: 1 + index, secret })) }] },
    });
    await using other = await startGateway({ env: { DATA_DIR, ...second }, upstreamUrl: one.simulator.url });
    const livings = [];
    for (const gateway of [one, other]) {
      const { data } = await gateway.run(CreateLivingDocument, { input: minimalInput, idempotencyKey: "key" });
      livings.push(data?.createLiving.__typename === "CreateLivingSuccess" ? data.createLiving.livingid : undefined);
    }
    await rm(DATA_DIR, { recursive: true });
    return livings;
  }
  const previous = { WECOM_CORP_SECRET_PREVIOUS: before };
  const agentid = { WECOM_AGENT_ID: "1" };

  it.each([
    ["the agentid tells that it is the same app", agentid, agentid],
    ["the previous one is set beside it", {}, previous],
    ["the agentid is set together with it", {}, { ...agentid, ...previous }],
  ])("are found after its secret was changed, where %s", async (_how, first, second) => {
    const [living, again] = await livingsOfOneKey(
      { WECOM_CORP_SECRET: before, ...first },
      { WECOM_CORP_SECRET: after, ...second },
    );
    expect([living, again]).toEqual([expect.any(String), living]);
  });

  it.each([
    ["by their agentids", { WECOM_AGENT_ID: "1" }, { WECOM_AGENT_ID: "2" }],
    ["by their secrets", {}, {}],
  ])("are not those of another app of the same corp: apps are told apart %s", async (_how, first, second) => {
    const [living, other] = await livingsOfOneKey(
      { WECOM_CORP_SECRET: before, ...first },
      { WECOM_CORP_SECRET: after, ...second },
    );
    expect([living, other]).toEqual([expect.any(String), expect.any(String)]);
    expect(other).not.toBe(living);
  });

  it("are found after its secret was changed in its file, by whoever starts with the new one alone", async () => {
    const dataDir = await mkdtemp(join(tmpdir(), "names-"));
    const store = openEmbeddedStore(dataDir);
    const named = (corpsecret: Secret) => ({
      wecom: new URL("https://qyapi.weixin.qq.com"),
      corpid,
      corpsecret,
      agentid: undefined,
    });
    const corpsecret = new Secret(before);
    const name = await findAppName(named(corpsecret), store);
    corpsecret.replaceBy(new Secret(after));
    await noteAppName(name, named(corpsecret), store);

    expect(await findAppName(named(new Secret(after)), store)).toBe(name);
    expect(await findAppName(named(new Secret("of another app")), store)).not.toBe(name);
    // A simulator's app may have the same secret.
    expect(await findAppName({ ...named(new Secret(after)), wecom: new URL("http://127.0.0.1") }, store)).not.toBe(
      name,
    );
    await store.close();
    await rm(dataDir, { recursive: true });
  });
});

describe("The file of a secret", () => {
  async function withFiles<T>(
    test: (write: (name: string, text: string) => Promise<string>) => Promise<T>,
  ): Promise<T> {
    const folder = await mkdtemp(join(tmpdir(), "secrets-"));
    const write = async (name: string, text: string) => {
      await writeFile(join(folder, name), text);
      return join(folder, name);
    };
    return await test(write).finally(() => rm(folder, { recursive: true }));
  }

  it("is read again when it changes: the secret in it counts from then on, and the old one no more", async () => {
    await withFiles(async (write) => {
      const env = { ...app, AUTH_MODE: "router", ROUTER_SECRET_FILE: await write("router", former) };
      const config = loadConfig(env);
      const counted: string[] = [];
      const count = (outcome: string) => void counted.push(outcome);
      const files = new SecretFiles({ config, log: silent, count, onReplaced: () => void counted.push("told") });
      await files.start();
      const { authenticate } = createAuthenticator(config.auth, silent, Date.now);
      const isTaken = async (secret: string) => {
        const { kind } = await authenticate(Credentials.ofRequest({ rawHeaders: ["router-authorization", secret] }));
        return kind === "caller";
      };

      await files.check();
      expect([await isTaken(former), await isTaken(current)]).toEqual([true, false]);
      await write("router", `${current}\n`);
      await files.check();
      expect([await isTaken(former), await isTaken(current)]).toEqual([false, true]);
      expect(counted).toEqual(["replaced", "told"]);
      files.stop();
    });
  });

  it("is changed without a restart where the file of the previous one was empty until then", async () => {
    await withFiles(async (write) => {
      const config = loadConfig({
        ...{ ...app, AUTH_MODE: "router", ROUTER_SECRET_FILE: await write("router", former) },
        ROUTER_SECRET_PREVIOUS_FILE: await write("previous", ""),
      });
      const files = new SecretFiles({ config, log: silent, count: () => undefined });
      await files.start();
      const counting = () => config.secrets.get("ROUTER_SECRET")!.revealAll();
      expect(counting()).toEqual([former]);
      await write("previous", former);
      await write("router", current);
      await files.check();
      expect(counting()).toEqual([current, former]);
      await write("previous", "\n");
      await files.check();
      expect(counting()).toEqual([current]);
      files.stop();
    });
  });

  it("counts as it is when it is looked at for the first time, although it changed after the settings were read", async () => {
    await withFiles(async (write) => {
      const config = loadConfig({ ...app, AUTH_MODE: "router", ROUTER_SECRET_FILE: await write("router", former) });
      await write("router", current);
      const files = new SecretFiles({ config, log: silent, count: () => undefined });
      await files.start();
      expect(config.secrets.get("ROUTER_SECRET")!.reveal()).toBe(current);
      files.stop();
    });
  });

  it("changes nothing when what it holds cannot be used, nor do the others, and it is counted", async () => {
    await withFiles(async (write) => {
      const config = loadConfig({
        ...{ ...app, WECOM_CORP_SECRET: "", WECOM_CORP_SECRET_FILE: await write("corp", "first") },
        ...{ AUTH_MODE: "router", ROUTER_SECRET_FILE: await write("router", former) },
      });
      const counted: string[] = [];
      const logs: string[] = [];
      const log = createLogger("info", { write: (line) => void logs.push(line) });
      const files = new SecretFiles({ config, log, count: (outcome) => counted.push(outcome) });
      await files.start();
      const held = () => ["ROUTER_SECRET", "WECOM_CORP_SECRET"].map((name) => config.secrets.get(name)!.reveal());

      await write("corp", "second");
      await write("router", "too short");
      await files.check();
      await files.check();
      expect(held()).toEqual([former, "first"]);
      await write("router", current);
      await files.check();
      expect(held()).toEqual([current, "second"]);
      expect(counted).toEqual(["refused", "replaced"]);
      expect(logs.join("")).toContain("ROUTER_SECRET: found 9 bytes");
      for (const secret of [former, current, "second", "too short"]) expect(logs.join("")).not.toContain(secret);
      files.stop();
    });
  });
});
