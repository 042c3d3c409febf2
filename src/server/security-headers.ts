/**
 * What browsers are told about every answer. `Strict-Transport-Security` is for whoever ends TLS in front of this.
 *
 * @see https://owasp.org/www-project-secure-headers/
 */
export function securityHeaders({
  isProduction,
}: {
  isProduction: boolean;
}): readonly (readonly [name: string, value: string])[] {
  return [
    ["x-content-type-options", "nosniff"],
    ["referrer-policy", "no-referrer"],
    ["cross-origin-resource-policy", "same-origin"],
    // The explorers outside production load scripts; the answers in production are never a page.
    ["content-security-policy", `${isProduction ? "default-src 'none'; " : ""}frame-ancestors 'none'`],
  ];
}
