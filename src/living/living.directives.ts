/** Directives for the supergraph's router: the scopes, the cost and the cache lifetime of a field. */
import { Directive } from "type-graphql";

export type LivingScope = "living:read" | "living:write" | "living:push" | "living:admin";

type AnyDecorator = ClassDecorator & MethodDecorator & PropertyDecorator;

function all(...directives: readonly string[]): AnyDecorator {
  const decorators = directives.map((directive) => Directive(directive));
  return ((...target: Parameters<AnyDecorator>) => {
    for (const decorate of decorators) decorate(...target);
  }) as AnyDecorator;
}

/** Enforced by a router that authenticates callers. This gateway checks scopes itself as well. */
export const NeedsScope = (scope: LivingScope) =>
  all("@authenticated", `@requiresScopes(scopes: [[${JSON.stringify(scope)}]])`);

/** Costs ten units, because it needs a call to WeCom, which allows about ten concurrent calls. */
export const CostsACall = () => all("@cost(weight: 10)");

/** A connection with `first` and `after`. `requireOneSlicingArgument: false` lets `first` keep its default. */
export const IsPaged = () =>
  all('@listSize(slicingArguments: ["first"], sizedFields: ["edges", "nodes"], requireOneSlicingArgument: false)');

/** For how many seconds a router may cache it per caller: the shortest time that `living.cache.ts` caches it. */
export const IsKept = (maxAge: number) => all(`@cacheControl(maxAge: ${maxAge})`);

/** Inherits the cache lifetime of its parent. */
export const IsKeptAlong = () => all("@cacheControl(inheritMaxAge: true)");
