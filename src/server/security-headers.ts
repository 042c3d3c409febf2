/**
 * Security headers of every answer. `Strict-Transport-Security` is left to the proxy that terminates TLS.
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
    // Explorers, outside production, load scripts; in production no answer is a page.
    ["content-security-policy", `${isProduction ? "default-src 'none'; " : ""}frame-ancestors 'none'`],
  ];
}
