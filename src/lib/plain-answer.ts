/** What the WeCom side answers to a request that is not GraphQL: a callback, or a visit of the installation page. */
export interface PlainAnswer {
  readonly status: number;
  readonly text: string;
  readonly location?: string;
  /** A browser loads the page again by itself. */
  readonly reloadAfterSeconds?: number;
}
