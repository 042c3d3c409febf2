/**
 * Connections over WeCom's pages. A cursor holds WeCom's `pageKey` and the item's offset in that page, so a client can
 * continue after any item, although WeCom can only continue after a page.
 */
import { GraphQLError } from "graphql";
import { Arg, Directive, Field, Int, ObjectType } from "type-graphql";
import { PageWalk } from "../wecom/page-walk.js";

/** Relay's type, shared by all subgraphs: the only one here without `Living` or `Wecom` in its name. */
@Directive("@shareable")
@ObjectType({ description: "The position of a page in its connection." })
export class PageInfo {
  @Field(() => Boolean, { description: "Whether there is more behind this page." })
  hasNextPage!: boolean;

  @Field(() => Boolean, { description: "Whether this page was asked for with `after`. Paging is forward only." })
  hasPreviousPage!: boolean;

  @Field(() => String, { nullable: true, description: "The cursor of the first item; null on an empty page." })
  startCursor!: string | null;

  @Field(() => String, { nullable: true, description: "The cursor of the last item: `after` for the next page." })
  endCursor!: string | null;
}

/** The arguments of a connection. */
export const First = () => Arg("first", () => Int, { defaultValue: 20, description: "How many: 1 to 100." });
export const After = () =>
  Arg("after", () => String, { nullable: true, description: "The cursor behind which to go on." });

export interface Page<T> {
  readonly items: readonly { readonly item: T; readonly cursor: string }[];
  readonly pageInfo: PageInfo;
}

/** One page of WeCom's; `nextKey` is undefined on the last page. */
interface WecomPage<T> {
  readonly items: readonly T[];
  readonly nextKey: string | undefined;
}

interface PageRequest<T> {
  /** The API, for error messages. */
  readonly api: string;
  /** Identifies the connection: cursors of other connections are rejected. */
  readonly owner: readonly string[];
  readonly first: number;
  readonly maxFirst: number;
  readonly after: string | null | undefined;
  /** @param wanted how many items of the page can be used */
  readonly fetch: (pageKey: string | undefined, wanted: number) => Promise<WecomPage<T>>;
}

/** Per connection. A connection has at most 100 items, so most of 100 pages would be empty. */
const maxPages = 100;

/** @throws {GraphQLError} `BAD_USER_INPUT` when `first` is out of range or `after` is not a cursor of this connection */
export async function readPage<T>({ api, owner, first, maxFirst, after, fetch }: PageRequest<T>): Promise<Page<T>> {
  if (first < 1 || first > maxFirst) throw badInput(`first must be from 1 to ${maxFirst}, found ${first}`);
  let position = after === undefined || after === null ? { pageKey: undefined, offset: 0 } : decode(owner, after);
  const items: { item: T; cursor: string }[] = [];
  const walk = new PageWalk(api, maxPages);
  let hasNextPage = true;
  while (hasNextPage && items.length < first) {
    const { pageKey, offset } = position;
    await walk.follow(pageKey);
    const page = await fetch(pageKey, offset + first - items.length);
    const usable = page.items.slice(offset, offset + first - items.length);
    const isPageUsedUp = offset + usable.length >= page.items.length;
    usable.forEach((item, index) => {
      const isLast = isPageUsedUp && index === usable.length - 1 && page.nextKey !== undefined;
      const next = isLast ? { pageKey: page.nextKey, offset: 0 } : { pageKey, offset: offset + index + 1 };
      items.push({ item, cursor: encode(owner, next) });
    });
    hasNextPage = !isPageUsedUp || page.nextKey !== undefined;
    position = { pageKey: page.nextKey, offset: 0 };
  }
  const pageInfo = {
    hasNextPage,
    hasPreviousPage: after !== undefined && after !== null,
    startCursor: items[0]?.cursor ?? null,
    endCursor: items.at(-1)?.cursor ?? null,
  };
  return { items, pageInfo };
}

interface Position {
  readonly pageKey: string | undefined;
  readonly offset: number;
}

function encode(owner: readonly string[], { pageKey, offset }: Position): string {
  return Buffer.from(JSON.stringify([...owner, pageKey ?? null, offset])).toString("base64url");
}

function decode(owner: readonly string[], cursor: string): Position {
  try {
    const parts: unknown = JSON.parse(Buffer.from(cursor, "base64url").toString("utf8"));
    if (
      Array.isArray(parts) &&
      parts.length === owner.length + 2 &&
      owner.every((part, index) => part === parts[index])
    ) {
      const [pageKey, offset] = parts.slice(owner.length) as unknown[];
      const isKey = pageKey === null || typeof pageKey === "string";
      if (isKey && typeof offset === "number" && Number.isSafeInteger(offset) && offset >= 0) {
        return { pageKey: pageKey ?? undefined, offset };
      }
    }
  } catch {
    // Not base64url of JSON: not one of our cursors.
  }
  throw badInput("after is not a cursor of this connection");
}

function badInput(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: "BAD_USER_INPUT" } });
}
