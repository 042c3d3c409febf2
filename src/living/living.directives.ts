/** What the supergraph's router is told about a field: who may ask for it, and what it costs to answer. */
import { Directive } from "type-graphql";

export type LivingScope = "living:read" | "living:write" | "living:push" | "living:admin";

type AnyDecorator = ClassDecorator & MethodDecorator & PropertyDecorator;

function all(...directives: readonly string[]): AnyDecorator {
  const decorators = directives.map((directive) => Directive(directive));
  return ((...target: Parameters<AnyDecorator>) => {
    for (const decorate of decorators) decorate(...target);
  }) as AnyDecorator;
}

/** Refused by a router that knows its callers; this gateway checks its own callers by itself. */
export const NeedsScope = (scope: LivingScope) =>
  all("@authenticated", `@requiresScopes(scopes: [[${JSON.stringify(scope)}]])`);

/** Ten units: each needs a call to WeCom, which allows some ten at once. */
export const CostsACall = () => all("@cost(weight: 10)");

/** A connection with `first` and `after`. Without `requireOneSlicingArgument` the default of `first` would not do. */
export const IsPaged = () =>
  all('@listSize(slicingArguments: ["first"], sizedFields: ["edges", "nodes"], requireOneSlicingArgument: false)');

/** Seconds that a router may keep it for its caller, as long as it is kept here (`living.cache.ts`) in the worst case. */
export const IsKept = (maxAge: number) => all(`@cacheControl(maxAge: ${maxAge})`);

/** As long as the object that it stands in. */
export const IsKeptAlong = () => all("@cacheControl(inheritMaxAge: true)");
