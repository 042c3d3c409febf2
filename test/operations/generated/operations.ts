/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { TypedDocumentNode as DocumentNode } from '@graphql-typed-document-node/core';
/** The detail page of an EVENT. */
export type LivingActivityDetailInput = {
  /** The introduction. WeCom documents no limit. */
  description?: string | null | undefined;
  /** At most 5 media_ids of uploaded images. (WeCom itself would drop a sixth without a word.) */
  imageList?: Array<string> | null | undefined;
};

/** The body of WeCom's living/create, field for field. */
export type LivingInput = {
  /** EVENT: the media_id of the cover image (valid for 3 days). */
  activityCoverMediaid?: string | null | undefined;
  /** EVENT: its detail page. */
  activityDetail?: LivingActivityDetailInput | null | undefined;
  /** EVENT: the media_id of the share card's image (valid for 3 days). */
  activityShareMediaid?: string | null | undefined;
  /** Only for old third-party suites with several apps. */
  agentid?: number | null | undefined;
  /** The userid of the member who hosts it: 1 to 64 characters, visible to the app. */
  anchorUserid: string;
  /** At most 100 characters (Unicode code points). Shown for every type but EVENT, which has activityDetail. */
  description?: string | null | undefined;
  /** How long it lasts, in seconds: at least 1. */
  livingDuration: number;
  /** When it starts. */
  livingStart: number | string;
  /** How long before the start to remind, in seconds; WeCom's default is 0. */
  remindTime?: number | null | undefined;
  /** The title: 1 to 20 characters (Unicode code points). */
  theme: string;
  /** The kind; WeCom takes GENERAL when it is left out. */
  type?: LivingType | null | undefined;
};

/** What was not found. */
export type LivingMissingThing =
  /** The living, or this corp has none of that id. */
  | 'LIVING'
  /** Something else that the request names. */
  | 'OTHER'
  /** The member. */
  | 'USER';

/** Where the replay of a living stands (WeCom's numbers 0 to 3). */
export type LivingReplayStatus =
  /** 回放已删除, WeCom's 2. */
  | 'DELETED'
  /** 生成失败, WeCom's 3. */
  | 'FAILED'
  /** 生成中, WeCom's 1. */
  | 'GENERATING'
  /** 生成成功, WeCom's 0. */
  | 'READY';

/** Where a living stands (WeCom's numbers 0 to 4). */
export type LivingStatus =
  /** 已取消, WeCom's 4. */
  | 'CANCELLED'
  /** 已结束, WeCom's 2. */
  | 'ENDED'
  /** 已过期, WeCom's 3: it was never started. */
  | 'EXPIRED'
  /** 直播中, WeCom's 1. */
  | 'LIVE'
  /** 预约中, WeCom's 0: can be modified and cancelled. */
  | 'RESERVED';

/** The kind of a living (WeCom's numbers 0 to 4). */
export type LivingType =
  /** 活动直播, WeCom's 4: with cover, share card and detail page. */
  | 'EVENT'
  /** 通用直播, WeCom's 0 and its default. */
  | 'GENERAL'
  /** 大班课, WeCom's 2: only for K12 schools and corps of the IT industry. */
  | 'LARGE_CLASS'
  /** 小班课, WeCom's 1: only for K12 schools and corps of the IT industry. */
  | 'SMALL_CLASS'
  /** 企业培训, WeCom's 3. */
  | 'TRAINING';

export type CreateLivingMutationVariables = Exact<{
  input: LivingInput;
  idempotencyKey?: string | null | undefined;
}>;


export type CreateLivingMutation = { createLiving:
    | { __typename: 'CreateLivingSuccess', livingid: string }
    | { __typename: 'LivingConfigurationError', message: string, retryable: boolean, errcode: number | null }
    | { __typename: 'LivingInputError', message: string, retryable: boolean, errcode: number | null, fields: Array<{ path: string, message: string, constraint: string }> }
    | { __typename: 'LivingNotFoundError', missing: LivingMissingThing, message: string, retryable: boolean, errcode: number | null }
    | { __typename: 'LivingOutcomeUnknownError', howToFindOut: string, message: string, retryable: boolean, errcode: number | null }
    | { __typename: 'LivingPermissionError', message: string, retryable: boolean, errcode: number | null }
    | { __typename: 'LivingRateLimitError', retryAfterSeconds: number, message: string, retryable: boolean, errcode: number | null }
    | { __typename: 'LivingUnavailableError', retryAfterSeconds: number, message: string, retryable: boolean, errcode: number | null }
    | { __typename: 'LivingWecomError', errmsg: string, docsUrl: string, message: string, retryable: boolean, errcode: number | null }
   };

export type CreateAndReadLivingMutationVariables = Exact<{
  input: LivingInput;
}>;


export type CreateAndReadLivingMutation = { createLiving:
    | { __typename: 'CreateLivingSuccess', livingid: string, living: { livingid: string, theme: string | null, description: string | null, type: LivingType | null, status: LivingStatus | null, livingStart: number | null, livingDuration: number | null, reserveStart: number | null, reserveLivingDuration: number | null, mainDepartment: number | null, viewerNum: number | null, commentNum: number | null, micNum: number | null, onlineCount: number | null, subscribeCount: number | null, openReplay: boolean | null, replayStatus: LivingReplayStatus | null, pushStreamUrl: string | null, anchor: { userid: string } | null } }
    | { __typename: 'LivingConfigurationError', message: string, retryable: boolean, errcode: number | null }
    | { __typename: 'LivingInputError', message: string, retryable: boolean, errcode: number | null, fields: Array<{ path: string, message: string, constraint: string }> }
    | { __typename: 'LivingNotFoundError', missing: LivingMissingThing, message: string, retryable: boolean, errcode: number | null }
    | { __typename: 'LivingOutcomeUnknownError', howToFindOut: string, message: string, retryable: boolean, errcode: number | null }
    | { __typename: 'LivingPermissionError', message: string, retryable: boolean, errcode: number | null }
    | { __typename: 'LivingRateLimitError', retryAfterSeconds: number, message: string, retryable: boolean, errcode: number | null }
    | { __typename: 'LivingUnavailableError', retryAfterSeconds: number, message: string, retryable: boolean, errcode: number | null }
    | { __typename: 'LivingWecomError', errmsg: string, docsUrl: string, message: string, retryable: boolean, errcode: number | null }
   };

export type ReadLivingQueryVariables = Exact<{
  livingid: string;
}>;


export type ReadLivingQuery = { living: { livingid: string, theme: string | null, description: string | null, type: LivingType | null, status: LivingStatus | null, livingStart: number | null, livingDuration: number | null, reserveStart: number | null, reserveLivingDuration: number | null, mainDepartment: number | null, viewerNum: number | null, commentNum: number | null, micNum: number | null, onlineCount: number | null, subscribeCount: number | null, openReplay: boolean | null, replayStatus: LivingReplayStatus | null, pushStreamUrl: string | null, anchor: { userid: string } | null } | null };

type LivingErrorFields_LivingConfigurationError_Fragment = { message: string, retryable: boolean, errcode: number | null };

type LivingErrorFields_LivingInputError_Fragment = { message: string, retryable: boolean, errcode: number | null, fields: Array<{ path: string, message: string, constraint: string }> };

type LivingErrorFields_LivingNotFoundError_Fragment = { missing: LivingMissingThing, message: string, retryable: boolean, errcode: number | null };

type LivingErrorFields_LivingOutcomeUnknownError_Fragment = { howToFindOut: string, message: string, retryable: boolean, errcode: number | null };

type LivingErrorFields_LivingPermissionError_Fragment = { message: string, retryable: boolean, errcode: number | null };

type LivingErrorFields_LivingRateLimitError_Fragment = { retryAfterSeconds: number, message: string, retryable: boolean, errcode: number | null };

type LivingErrorFields_LivingUnavailableError_Fragment = { retryAfterSeconds: number, message: string, retryable: boolean, errcode: number | null };

type LivingErrorFields_LivingWecomError_Fragment = { errmsg: string, docsUrl: string, message: string, retryable: boolean, errcode: number | null };

export type LivingErrorFieldsFragment =
  | LivingErrorFields_LivingConfigurationError_Fragment
  | LivingErrorFields_LivingInputError_Fragment
  | LivingErrorFields_LivingNotFoundError_Fragment
  | LivingErrorFields_LivingOutcomeUnknownError_Fragment
  | LivingErrorFields_LivingPermissionError_Fragment
  | LivingErrorFields_LivingRateLimitError_Fragment
  | LivingErrorFields_LivingUnavailableError_Fragment
  | LivingErrorFields_LivingWecomError_Fragment
;

export type LivingFieldsFragment = { livingid: string, theme: string | null, description: string | null, type: LivingType | null, status: LivingStatus | null, livingStart: number | null, livingDuration: number | null, reserveStart: number | null, reserveLivingDuration: number | null, mainDepartment: number | null, viewerNum: number | null, commentNum: number | null, micNum: number | null, onlineCount: number | null, subscribeCount: number | null, openReplay: boolean | null, replayStatus: LivingReplayStatus | null, pushStreamUrl: string | null, anchor: { userid: string } | null };

export const LivingErrorFieldsFragmentDoc = {"kind":"Document","definitions":[{"kind":"FragmentDefinition","name":{"kind":"Name","value":"LivingErrorFields"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"retryable"}},{"kind":"Field","name":{"kind":"Name","value":"errcode"}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingInputError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"fields"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"path"}},{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"constraint"}}]}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingNotFoundError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"missing"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingRateLimitError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"retryAfterSeconds"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingUnavailableError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"retryAfterSeconds"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingOutcomeUnknownError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"howToFindOut"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingWecomError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"errmsg"}},{"kind":"Field","name":{"kind":"Name","value":"docsUrl"}}]}}]}}]} as unknown as DocumentNode<LivingErrorFieldsFragment, unknown>;
export const LivingFieldsFragmentDoc = {"kind":"Document","definitions":[{"kind":"FragmentDefinition","name":{"kind":"Name","value":"LivingFields"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Living"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"livingid"}},{"kind":"Field","name":{"kind":"Name","value":"theme"}},{"kind":"Field","name":{"kind":"Name","value":"description"}},{"kind":"Field","name":{"kind":"Name","value":"type"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"livingStart"}},{"kind":"Field","name":{"kind":"Name","value":"livingDuration"}},{"kind":"Field","name":{"kind":"Name","value":"reserveStart"}},{"kind":"Field","name":{"kind":"Name","value":"reserveLivingDuration"}},{"kind":"Field","name":{"kind":"Name","value":"anchor"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"userid"}}]}},{"kind":"Field","name":{"kind":"Name","value":"mainDepartment"}},{"kind":"Field","name":{"kind":"Name","value":"viewerNum"}},{"kind":"Field","name":{"kind":"Name","value":"commentNum"}},{"kind":"Field","name":{"kind":"Name","value":"micNum"}},{"kind":"Field","name":{"kind":"Name","value":"onlineCount"}},{"kind":"Field","name":{"kind":"Name","value":"subscribeCount"}},{"kind":"Field","name":{"kind":"Name","value":"openReplay"}},{"kind":"Field","name":{"kind":"Name","value":"replayStatus"}},{"kind":"Field","name":{"kind":"Name","value":"pushStreamUrl"}}]}}]} as unknown as DocumentNode<LivingFieldsFragment, unknown>;
export const CreateLivingDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"CreateLiving"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"input"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"LivingInput"}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"idempotencyKey"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"createLiving"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"Variable","name":{"kind":"Name","value":"input"}}},{"kind":"Argument","name":{"kind":"Name","value":"idempotencyKey"},"value":{"kind":"Variable","name":{"kind":"Name","value":"idempotencyKey"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"__typename"}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"CreateLivingSuccess"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"livingid"}}]}},{"kind":"FragmentSpread","name":{"kind":"Name","value":"LivingErrorFields"}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"LivingErrorFields"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"retryable"}},{"kind":"Field","name":{"kind":"Name","value":"errcode"}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingInputError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"fields"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"path"}},{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"constraint"}}]}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingNotFoundError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"missing"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingRateLimitError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"retryAfterSeconds"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingUnavailableError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"retryAfterSeconds"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingOutcomeUnknownError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"howToFindOut"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingWecomError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"errmsg"}},{"kind":"Field","name":{"kind":"Name","value":"docsUrl"}}]}}]}}]} as unknown as DocumentNode<CreateLivingMutation, CreateLivingMutationVariables>;
export const CreateAndReadLivingDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"CreateAndReadLiving"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"input"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"LivingInput"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"createLiving"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"Variable","name":{"kind":"Name","value":"input"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"__typename"}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"CreateLivingSuccess"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"livingid"}},{"kind":"Field","name":{"kind":"Name","value":"living"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"LivingFields"}}]}}]}},{"kind":"FragmentSpread","name":{"kind":"Name","value":"LivingErrorFields"}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"LivingFields"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Living"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"livingid"}},{"kind":"Field","name":{"kind":"Name","value":"theme"}},{"kind":"Field","name":{"kind":"Name","value":"description"}},{"kind":"Field","name":{"kind":"Name","value":"type"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"livingStart"}},{"kind":"Field","name":{"kind":"Name","value":"livingDuration"}},{"kind":"Field","name":{"kind":"Name","value":"reserveStart"}},{"kind":"Field","name":{"kind":"Name","value":"reserveLivingDuration"}},{"kind":"Field","name":{"kind":"Name","value":"anchor"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"userid"}}]}},{"kind":"Field","name":{"kind":"Name","value":"mainDepartment"}},{"kind":"Field","name":{"kind":"Name","value":"viewerNum"}},{"kind":"Field","name":{"kind":"Name","value":"commentNum"}},{"kind":"Field","name":{"kind":"Name","value":"micNum"}},{"kind":"Field","name":{"kind":"Name","value":"onlineCount"}},{"kind":"Field","name":{"kind":"Name","value":"subscribeCount"}},{"kind":"Field","name":{"kind":"Name","value":"openReplay"}},{"kind":"Field","name":{"kind":"Name","value":"replayStatus"}},{"kind":"Field","name":{"kind":"Name","value":"pushStreamUrl"}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"LivingErrorFields"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"retryable"}},{"kind":"Field","name":{"kind":"Name","value":"errcode"}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingInputError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"fields"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"path"}},{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"constraint"}}]}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingNotFoundError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"missing"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingRateLimitError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"retryAfterSeconds"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingUnavailableError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"retryAfterSeconds"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingOutcomeUnknownError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"howToFindOut"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingWecomError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"errmsg"}},{"kind":"Field","name":{"kind":"Name","value":"docsUrl"}}]}}]}}]} as unknown as DocumentNode<CreateAndReadLivingMutation, CreateAndReadLivingMutationVariables>;
export const ReadLivingDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"ReadLiving"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"livingid"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"living"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"livingid"},"value":{"kind":"Variable","name":{"kind":"Name","value":"livingid"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"LivingFields"}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"LivingFields"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Living"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"livingid"}},{"kind":"Field","name":{"kind":"Name","value":"theme"}},{"kind":"Field","name":{"kind":"Name","value":"description"}},{"kind":"Field","name":{"kind":"Name","value":"type"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"livingStart"}},{"kind":"Field","name":{"kind":"Name","value":"livingDuration"}},{"kind":"Field","name":{"kind":"Name","value":"reserveStart"}},{"kind":"Field","name":{"kind":"Name","value":"reserveLivingDuration"}},{"kind":"Field","name":{"kind":"Name","value":"anchor"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"userid"}}]}},{"kind":"Field","name":{"kind":"Name","value":"mainDepartment"}},{"kind":"Field","name":{"kind":"Name","value":"viewerNum"}},{"kind":"Field","name":{"kind":"Name","value":"commentNum"}},{"kind":"Field","name":{"kind":"Name","value":"micNum"}},{"kind":"Field","name":{"kind":"Name","value":"onlineCount"}},{"kind":"Field","name":{"kind":"Name","value":"subscribeCount"}},{"kind":"Field","name":{"kind":"Name","value":"openReplay"}},{"kind":"Field","name":{"kind":"Name","value":"replayStatus"}},{"kind":"Field","name":{"kind":"Name","value":"pushStreamUrl"}}]}}]} as unknown as DocumentNode<ReadLivingQuery, ReadLivingQueryVariables>;