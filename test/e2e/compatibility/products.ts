/**
 * The subgraph that Apollo's compatibility suite asks for, written as this project writes its own: TypeGraphQL classes
 * handed to `buildSubgraph`. Shape and contents are given by the suite's products.graphql and its tests.
 */
import "reflect-metadata";
import { Arg, Directive, Field, FieldResolver, Float, ID, Int, ObjectType, Query, Resolver, Root } from "type-graphql";
import { buildSubgraph } from "../../../src/graphql/subgraph.js";

const header = `extend schema
  @link(
    url: "https://specs.apollo.dev/federation/v2.3"
    import: [
      "@composeDirective" "@external" "@inaccessible" "@interfaceObject" "@key" "@override" "@provides" "@requires"
      "@shareable" "@tag"
    ]
  )
  @link(url: "https://myspecs.dev/myCustomDirective/v1.0", import: ["@custom"])
  @composeDirective(name: "@custom")

directive @custom on OBJECT
`;

@ObjectType()
class CaseStudy {
  @Field(() => ID)
  caseNumber!: string;

  @Field(() => String, { nullable: true })
  description?: string;
}

@Directive('@key(fields: "study { caseNumber }")')
@ObjectType()
class ProductResearch {
  @Field(() => CaseStudy)
  study!: CaseStudy;

  @Field(() => String, { nullable: true })
  outcome?: string;
}

@Directive("@shareable")
@ObjectType()
class ProductDimension {
  @Field(() => String, { nullable: true })
  size?: string;

  @Field(() => Float, { nullable: true })
  weight?: number;

  @Directive("@inaccessible")
  @Field(() => String, { nullable: true })
  unit?: string;
}

@ObjectType()
class ProductVariation {
  @Field(() => ID)
  id!: string;
}

@Directive('@key(fields: "email")')
@ObjectType()
class User {
  @Field(() => ID)
  email!: string;

  @Directive('@override(from: "users")')
  @Field(() => String, { nullable: true })
  name?: string;

  @Directive("@external")
  @Field(() => Int, { nullable: true })
  totalProductsCreated?: number;

  @Directive("@external")
  @Field(() => Int)
  yearsOfEmployment!: number;
}

@Directive('@key(fields: "sku package")')
@ObjectType()
class DeprecatedProduct {
  @Field(() => String)
  sku!: string;

  @Field(() => String)
  package!: string;

  @Field(() => String, { nullable: true })
  reason?: string;

  @Field(() => User, { nullable: true })
  createdBy?: User;
}

@Directive("@custom")
@Directive('@key(fields: "id")')
@Directive('@key(fields: "sku package")')
@Directive('@key(fields: "sku variation { id }")')
@ObjectType()
class Product {
  @Field(() => ID)
  id!: string;

  @Field(() => String, { nullable: true })
  sku?: string;

  @Field(() => String, { nullable: true })
  package?: string;

  @Field(() => ProductVariation, { nullable: true })
  variation?: ProductVariation;

  @Field(() => ProductDimension, { nullable: true })
  dimensions?: ProductDimension;

  @Directive('@provides(fields: "totalProductsCreated")')
  @Field(() => User, { nullable: true })
  createdBy?: User;

  @Directive('@tag(name: "internal")')
  @Field(() => String, { nullable: true })
  notes?: string;

  @Field(() => [ProductResearch])
  research!: ProductResearch[];
}

@Directive("@interfaceObject")
@Directive('@key(fields: "id")')
@ObjectType()
class Inventory {
  @Field(() => ID)
  id!: string;

  @Field(() => [DeprecatedProduct])
  deprecatedProducts!: DeprecatedProduct[];
}

const make = <T extends object>(type: new () => T, fields: T): T => Object.assign(new type(), fields);

const creator = make(User, {
  email: "support@apollographql.com",
  name: "Jane Smith",
  totalProductsCreated: 1337,
  yearsOfEmployment: 10,
});
const deprecated = make(DeprecatedProduct, {
  sku: "apollo-federation-v1",
  package: "@apollo/federation-v1",
  reason: "Migrate to Federation V2",
  createdBy: creator,
});
const research = [
  make(ProductResearch, { study: { caseNumber: "1234", description: "Federation Study" } }),
  make(ProductResearch, { study: { caseNumber: "1235", description: "Studio Study" } }),
];
const dimensions = make(ProductDimension, { size: "small", weight: 1, unit: "kg" });
const product = (id: string, sku: string, pack: string, variation: string, studies: ProductResearch[]) =>
  make(Product, {
    id,
    sku,
    package: pack,
    variation: { id: variation },
    dimensions,
    createdBy: creator,
    research: studies,
  });
const products = [
  product("apollo-federation", "federation", "@apollo/federation", "OSS", research.slice(0, 1)),
  product("apollo-studio", "studio", "", "platform", research.slice(1)),
];

@Resolver()
class ProductQueries {
  @Query(() => Product, { nullable: true })
  product(@Arg("id", () => ID) id: string): Product | undefined {
    return products.find((candidate) => candidate.id === id);
  }

  @Query(() => DeprecatedProduct, { nullable: true, deprecationReason: "Use product query instead" })
  deprecatedProduct(
    @Arg("sku", () => String) sku: string,
    @Arg("package", () => String) pack: string,
  ): DeprecatedProduct | undefined {
    return sku === deprecated.sku && pack === deprecated.package ? deprecated : undefined;
  }
}

@Resolver(() => User)
class UserFields {
  @Directive('@requires(fields: "totalProductsCreated yearsOfEmployment")')
  @FieldResolver(() => Int, { nullable: true })
  averageProductsCreatedPerYear(@Root() { totalProductsCreated, yearsOfEmployment }: User): number | null {
    return totalProductsCreated === undefined ? null : Math.round(totalProductsCreated / yearsOfEmployment);
  }
}

/** Whether the candidate has all that the key names, however deep. */
function matches(candidate: unknown, key: unknown): boolean {
  if (typeof key !== "object" || key === null) return candidate === key;
  return (
    typeof candidate === "object" &&
    candidate !== null &&
    Object.entries(key).every(([name, value]) => matches(Reflect.get(candidate, name), value))
  );
}

const entity = <T extends object>(type: new () => T, candidates: readonly T[]) => ({
  type,
  resolveReference: (key: Readonly<Record<string, unknown>>) => candidates.find((candidate) => matches(candidate, key)),
});

export const productsSubgraph = buildSubgraph({
  header,
  resolvers: [ProductQueries, UserFields],
  orphanedTypes: [Inventory],
  entityTypes: {
    Product: entity(Product, products),
    DeprecatedProduct: entity(DeprecatedProduct, [deprecated]),
    ProductResearch: entity(ProductResearch, research),
    // What `@requires` asks for comes with the reference, from the subgraph that owns it.
    User: { type: User, resolveReference: (given) => Object.assign(new User(), creator, given) },
    Inventory: entity(Inventory, [make(Inventory, { id: "apollo-oss", deprecatedProducts: [deprecated] })]),
  },
});
