/** A caller who is signed in: the settings of a gateway that checks tokens, and a token that it accepts. */
import { createHmac } from "node:crypto";

const secret = "a secret of the bench, known to all";
const issuer = "https://issuer.example";
const audience = "living-gateway";

export const jwtSettings = {
  AUTH_MODE: "jwt",
  AUTH_JWT_SECRET: secret,
  AUTH_ISSUER: issuer,
  AUTH_AUDIENCE: audience,
};

const encoded = (part) => Buffer.from(JSON.stringify(part)).toString("base64url");

export function bearer(sub = "bench") {
  const exp = Math.floor(Date.now() / 1000) + 24 * 3600;
  const claims = { iss: issuer, aud: audience, sub, scope: "living:read living:write living:admin", exp };
  const signed = `${encoded({ alg: "HS256", typ: "JWT" })}.${encoded(claims)}`;
  return { authorization: `Bearer ${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}` };
}
