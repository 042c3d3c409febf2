/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { TypedDocumentNode as DocumentNode } from '../typed-document.js';
/** The detail page of an EVENT. */
export type LivingActivityDetailInput = {
  /** The introduction. WeCom documents no limit. */
  description?: string | null | undefined;
  /** At most 5 media_ids of uploaded images. (WeCom itself would drop a sixth without a word.) */
  imageList?: Array<string> | null | undefined;
};

/** Where an external viewer comes from (WeCom's numbers 1 and 2). */
export type LivingExternalViewerType =
  /** A user of WeChat, WeCom's 1. */
  | 'WECHAT'
  /** A user of WeCom in another corp, WeCom's 2. */
  | 'WECOM';

/** What an image of an EVENT is for. */
export type LivingImagePurpose =
  /** The cover: activityCoverMediaid. */
  | 'COVER'
  /** The detail page: activityDetail.imageList. */
  | 'DETAIL'
  /** The card by which it is shared: activityShareMediaid. */
  | 'SHARE_CARD';

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

/** The status of a living's replay (WeCom's numbers 0 to 3). */
export type LivingReplayStatus =
  /** 回放已删除, WeCom's 2. */
  | 'DELETED'
  /** 生成失败, WeCom's 3. */
  | 'FAILED'
  /** 生成中, WeCom's 1. */
  | 'GENERATING'
  /** 生成成功, WeCom's 0. */
  | 'READY';

/** The status of a living (WeCom's numbers 0 to 4). */
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

/** What is to be changed of a reserved living: only the fields given are sent. */
export type ModifyLivingInput = {
  /** At most 300 bytes in UTF-8. */
  description?: string | null | undefined;
  /** How long it lasts, in seconds: at least 1. */
  livingDuration?: number | null | undefined;
  /** When it starts. */
  livingStart?: number | string | null | undefined;
  /** How long before the start to remind, in seconds. Whether WeCom keeps the old value when it is left out is not documented. */
  remindTime?: number | null | undefined;
  /** The title: at most 60 bytes in UTF-8. */
  theme?: string | null | undefined;
  /** The kind. */
  type?: LivingType | null | undefined;
};

export type CreateLivingMutationVariables = Exact<{
  input: LivingInput;
  idempotencyKey?: string | null | undefined;
}>;


export type CreateLivingMutation = { createLiving:
    | { __typename: 'CreateLivingSuccess', livingid: string, living: { livingid: string } }
    | { __typename: 'LivingConfigurationError', message: string, retryable: boolean, errcode: number | null }
    | { __typename: 'LivingInputError', message: string, retryable: boolean, errcode: number | null, fields: Array<{ path: string, message: string, constraint: string }> }
    | { __typename: 'LivingNotFoundError', missing: LivingMissingThing, message: string, retryable: boolean, errcode: number | null }
    | { __typename: 'LivingOutcomeUnknownError', howToFindOut: string, message: string, retryable: boolean, errcode: number | null }
    | { __typename: 'LivingPermissionError', message: string, retryable: boolean, errcode: number | null }
    | { __typename: 'LivingRateLimitError', retryAfterSeconds: number, message: string, retryable: boolean, errcode: number | null }
    | { __typename: 'LivingUnavailableError', retryAfterSeconds: number, message: string, retryable: boolean, errcode: number | null }
    | { __typename: 'LivingWecomError', errmsg: string, docsUrl: string, message: string, retryable: boolean, errcode: number | null }
   };

export type ModifyLivingMutationVariables = Exact<{
  livingid: string;
  input: ModifyLivingInput;
}>;


export type ModifyLivingMutation = { modifyLiving:
    | { __typename: 'LivingConfigurationError', message: string, retryable: boolean, errcode: number | null }
    | { __typename: 'LivingInputError', message: string, retryable: boolean, errcode: number | null, fields: Array<{ path: string, message: string, constraint: string }> }
    | { __typename: 'LivingNotFoundError', missing: LivingMissingThing, message: string, retryable: boolean, errcode: number | null }
    | { __typename: 'LivingOutcomeUnknownError', howToFindOut: string, message: string, retryable: boolean, errcode: number | null }
    | { __typename: 'LivingPermissionError', message: string, retryable: boolean, errcode: number | null }
    | { __typename: 'LivingRateLimitError', retryAfterSeconds: number, message: string, retryable: boolean, errcode: number | null }
    | { __typename: 'LivingStateError', message: string, retryable: boolean, errcode: number | null }
    | { __typename: 'LivingUnavailableError', retryAfterSeconds: number, message: string, retryable: boolean, errcode: number | null }
    | { __typename: 'LivingWecomError', errmsg: string, docsUrl: string, message: string, retryable: boolean, errcode: number | null }
    | { __typename: 'ModifyLivingSuccess', livingid: string, living: { livingid: string, theme: string | null, description: string | null, type: LivingType | null, status: LivingStatus | null, livingStart: number | null, livingDuration: number | null, reserveStart: number | null, reserveLivingDuration: number | null, mainDepartment: number | null, viewerNum: number | null, commentNum: number | null, micNum: number | null, onlineCount: number | null, subscribeCount: number | null, openReplay: boolean | null, replayStatus: LivingReplayStatus | null, anchor: { userid: string } | null } }
   };

export type CancelLivingMutationVariables = Exact<{
  livingid: string;
}>;


export type CancelLivingMutation = { cancelLiving:
    | { __typename: 'CancelLivingSuccess', livingid: string, living: { livingid: string, status: LivingStatus | null } }
    | { __typename: 'LivingConfigurationError', message: string, retryable: boolean, errcode: number | null }
    | { __typename: 'LivingInputError', message: string, retryable: boolean, errcode: number | null, fields: Array<{ path: string, message: string, constraint: string }> }
    | { __typename: 'LivingNotFoundError', missing: LivingMissingThing, message: string, retryable: boolean, errcode: number | null }
    | { __typename: 'LivingOutcomeUnknownError', howToFindOut: string, message: string, retryable: boolean, errcode: number | null }
    | { __typename: 'LivingPermissionError', message: string, retryable: boolean, errcode: number | null }
    | { __typename: 'LivingRateLimitError', retryAfterSeconds: number, message: string, retryable: boolean, errcode: number | null }
    | { __typename: 'LivingStateError', message: string, retryable: boolean, errcode: number | null }
    | { __typename: 'LivingUnavailableError', retryAfterSeconds: number, message: string, retryable: boolean, errcode: number | null }
    | { __typename: 'LivingWecomError', errmsg: string, docsUrl: string, message: string, retryable: boolean, errcode: number | null }
   };

export type DeleteLivingReplayMutationVariables = Exact<{
  livingid: string;
}>;


export type DeleteLivingReplayMutation = { deleteLivingReplay:
    | { __typename: 'DeleteLivingReplaySuccess', livingid: string, living: { livingid: string, openReplay: boolean | null, replayStatus: LivingReplayStatus | null } }
    | { __typename: 'LivingConfigurationError', message: string, retryable: boolean, errcode: number | null }
    | { __typename: 'LivingInputError', message: string, retryable: boolean, errcode: number | null, fields: Array<{ path: string, message: string, constraint: string }> }
    | { __typename: 'LivingNotFoundError', missing: LivingMissingThing, message: string, retryable: boolean, errcode: number | null }
    | { __typename: 'LivingOutcomeUnknownError', howToFindOut: string, message: string, retryable: boolean, errcode: number | null }
    | { __typename: 'LivingPermissionError', message: string, retryable: boolean, errcode: number | null }
    | { __typename: 'LivingRateLimitError', retryAfterSeconds: number, message: string, retryable: boolean, errcode: number | null }
    | { __typename: 'LivingStateError', message: string, retryable: boolean, errcode: number | null }
    | { __typename: 'LivingUnavailableError', retryAfterSeconds: number, message: string, retryable: boolean, errcode: number | null }
    | { __typename: 'LivingWecomError', errmsg: string, docsUrl: string, message: string, retryable: boolean, errcode: number | null }
   };

export type UploadLivingImageMutationVariables = Exact<{
  image: Blob;
  purpose: LivingImagePurpose;
}>;


export type UploadLivingImageMutation = { uploadLivingImage:
    | { __typename: 'LivingConfigurationError', message: string, retryable: boolean, errcode: number | null }
    | { __typename: 'LivingInputError', message: string, retryable: boolean, errcode: number | null, fields: Array<{ path: string, message: string, constraint: string }> }
    | { __typename: 'LivingNotFoundError', missing: LivingMissingThing, message: string, retryable: boolean, errcode: number | null }
    | { __typename: 'LivingOutcomeUnknownError', howToFindOut: string, message: string, retryable: boolean, errcode: number | null }
    | { __typename: 'LivingPermissionError', message: string, retryable: boolean, errcode: number | null }
    | { __typename: 'LivingRateLimitError', retryAfterSeconds: number, message: string, retryable: boolean, errcode: number | null }
    | { __typename: 'LivingUnavailableError', retryAfterSeconds: number, message: string, retryable: boolean, errcode: number | null }
    | { __typename: 'LivingWecomError', errmsg: string, docsUrl: string, message: string, retryable: boolean, errcode: number | null }
    | { __typename: 'UploadLivingImageSuccess', mediaid: string, expiresAt: number }
   };

export type ReadLivingQueryVariables = Exact<{
  livingid: string;
}>;


export type ReadLivingQuery = { living: { livingid: string, theme: string | null, description: string | null, type: LivingType | null, status: LivingStatus | null, livingStart: number | null, livingDuration: number | null, reserveStart: number | null, reserveLivingDuration: number | null, mainDepartment: number | null, viewerNum: number | null, commentNum: number | null, micNum: number | null, onlineCount: number | null, subscribeCount: number | null, openReplay: boolean | null, replayStatus: LivingReplayStatus | null, anchor: { userid: string } | null } | null };

export type LivingsQueryVariables = Exact<{
  anchorUserid: string;
  first?: number;
  after?: string | null | undefined;
}>;


export type LivingsQuery = { livings: { edges: Array<{ cursor: string, node: { livingid: string, theme: string | null, description: string | null, type: LivingType | null, status: LivingStatus | null, livingStart: number | null, livingDuration: number | null, reserveStart: number | null, reserveLivingDuration: number | null, mainDepartment: number | null, viewerNum: number | null, commentNum: number | null, micNum: number | null, onlineCount: number | null, subscribeCount: number | null, openReplay: boolean | null, replayStatus: LivingReplayStatus | null, anchor: { userid: string } | null } | null }>, pageInfo: { hasNextPage: boolean, hasPreviousPage: boolean, startCursor: string | null, endCursor: string | null } } };

export type LivingViewersQueryVariables = Exact<{
  livingid: string;
  first?: number;
  after?: string | null | undefined;
}>;


export type LivingViewersQuery = { living: { livingid: string, viewers: { edges: Array<{ cursor: string, node:
          | { __typename: 'LivingExternalViewer', type: LivingExternalViewerType | null, name: string | null, watchTime: number | null, isComment: boolean | null, isMic: boolean | null, contact: { externalUserid: string }, invitor: { userid: string } | null, invitorExternalContact: { externalUserid: string } | null }
          | { __typename: 'LivingMemberViewer', watchTime: number | null, isComment: boolean | null, isMic: boolean | null, user: { userid: string }, invitor: { userid: string } | null, invitorExternalContact: { externalUserid: string } | null }
         }>, pageInfo: { hasNextPage: boolean, hasPreviousPage: boolean, startCursor: string | null, endCursor: string | null } } | null } | null };

export type WatchCodeQueryVariables = Exact<{
  livingid: string;
  openid: string;
}>;


export type WatchCodeQuery = { living: { livingid: string, watchCode: string | null } | null };

export type PushStreamUrlQueryVariables = Exact<{
  livingid: string;
}>;


export type PushStreamUrlQuery = { living: { livingid: string, pushStreamUrl: string | null } | null };

export type LivingShareQueryVariables = Exact<{
  wwShareCode: string;
}>;


export type LivingShareQuery = { livingShare: { living: { livingid: string, theme: string | null, description: string | null, type: LivingType | null, status: LivingStatus | null, livingStart: number | null, livingDuration: number | null, reserveStart: number | null, reserveLivingDuration: number | null, mainDepartment: number | null, viewerNum: number | null, commentNum: number | null, micNum: number | null, onlineCount: number | null, subscribeCount: number | null, openReplay: boolean | null, replayStatus: LivingReplayStatus | null, anchor: { userid: string } | null } | null, viewer: { userid: string } | null, viewerExternalContact: { externalUserid: string } | null, invitor: { userid: string } | null, invitorExternalContact: { externalUserid: string } | null } | null };

export type LivingStatusChangedSubscriptionVariables = Exact<{
  livingid?: string | null | undefined;
  anchorUserid?: string | null | undefined;
}>;


export type LivingStatusChangedSubscription = { livingStatusChanged: { livingid: string, status: LivingStatus | null, changedAt: number, anchor: { userid: string } | null, living: { livingid: string, theme: string | null, description: string | null, type: LivingType | null, status: LivingStatus | null, livingStart: number | null, livingDuration: number | null, reserveStart: number | null, reserveLivingDuration: number | null, mainDepartment: number | null, viewerNum: number | null, commentNum: number | null, micNum: number | null, onlineCount: number | null, subscribeCount: number | null, openReplay: boolean | null, replayStatus: LivingReplayStatus | null, anchor: { userid: string } | null } | null } };

type LivingErrorFields_LivingConfigurationError_Fragment = { message: string, retryable: boolean, errcode: number | null };

type LivingErrorFields_LivingInputError_Fragment = { message: string, retryable: boolean, errcode: number | null, fields: Array<{ path: string, message: string, constraint: string }> };

type LivingErrorFields_LivingNotFoundError_Fragment = { missing: LivingMissingThing, message: string, retryable: boolean, errcode: number | null };

type LivingErrorFields_LivingOutcomeUnknownError_Fragment = { howToFindOut: string, message: string, retryable: boolean, errcode: number | null };

type LivingErrorFields_LivingPermissionError_Fragment = { message: string, retryable: boolean, errcode: number | null };

type LivingErrorFields_LivingRateLimitError_Fragment = { retryAfterSeconds: number, message: string, retryable: boolean, errcode: number | null };

type LivingErrorFields_LivingStateError_Fragment = { message: string, retryable: boolean, errcode: number | null };

type LivingErrorFields_LivingUnavailableError_Fragment = { retryAfterSeconds: number, message: string, retryable: boolean, errcode: number | null };

type LivingErrorFields_LivingWecomError_Fragment = { errmsg: string, docsUrl: string, message: string, retryable: boolean, errcode: number | null };

export type LivingErrorFieldsFragment =
  | LivingErrorFields_LivingConfigurationError_Fragment
  | LivingErrorFields_LivingInputError_Fragment
  | LivingErrorFields_LivingNotFoundError_Fragment
  | LivingErrorFields_LivingOutcomeUnknownError_Fragment
  | LivingErrorFields_LivingPermissionError_Fragment
  | LivingErrorFields_LivingRateLimitError_Fragment
  | LivingErrorFields_LivingStateError_Fragment
  | LivingErrorFields_LivingUnavailableError_Fragment
  | LivingErrorFields_LivingWecomError_Fragment
;

export type LivingFieldsFragment = { livingid: string, theme: string | null, description: string | null, type: LivingType | null, status: LivingStatus | null, livingStart: number | null, livingDuration: number | null, reserveStart: number | null, reserveLivingDuration: number | null, mainDepartment: number | null, viewerNum: number | null, commentNum: number | null, micNum: number | null, onlineCount: number | null, subscribeCount: number | null, openReplay: boolean | null, replayStatus: LivingReplayStatus | null, anchor: { userid: string } | null };

export type LivingPageFieldsFragment = { hasNextPage: boolean, hasPreviousPage: boolean, startCursor: string | null, endCursor: string | null };

type LivingViewerFields_LivingExternalViewer_Fragment = { __typename: 'LivingExternalViewer', type: LivingExternalViewerType | null, name: string | null, watchTime: number | null, isComment: boolean | null, isMic: boolean | null, contact: { externalUserid: string }, invitor: { userid: string } | null, invitorExternalContact: { externalUserid: string } | null };

type LivingViewerFields_LivingMemberViewer_Fragment = { __typename: 'LivingMemberViewer', watchTime: number | null, isComment: boolean | null, isMic: boolean | null, user: { userid: string }, invitor: { userid: string } | null, invitorExternalContact: { externalUserid: string } | null };

export type LivingViewerFieldsFragment =
  | LivingViewerFields_LivingExternalViewer_Fragment
  | LivingViewerFields_LivingMemberViewer_Fragment
;

export const LivingErrorFieldsFragmentDoc = {"kind":"Document","definitions":[{"kind":"FragmentDefinition","name":{"kind":"Name","value":"LivingErrorFields"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"retryable"}},{"kind":"Field","name":{"kind":"Name","value":"errcode"}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingInputError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"fields"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"path"}},{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"constraint"}}]}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingNotFoundError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"missing"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingRateLimitError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"retryAfterSeconds"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingUnavailableError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"retryAfterSeconds"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingOutcomeUnknownError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"howToFindOut"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingWecomError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"errmsg"}},{"kind":"Field","name":{"kind":"Name","value":"docsUrl"}}]}}]}}]} as unknown as DocumentNode<LivingErrorFieldsFragment, unknown>;
export const LivingFieldsFragmentDoc = {"kind":"Document","definitions":[{"kind":"FragmentDefinition","name":{"kind":"Name","value":"LivingFields"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Living"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"livingid"}},{"kind":"Field","name":{"kind":"Name","value":"theme"}},{"kind":"Field","name":{"kind":"Name","value":"description"}},{"kind":"Field","name":{"kind":"Name","value":"type"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"livingStart"}},{"kind":"Field","name":{"kind":"Name","value":"livingDuration"}},{"kind":"Field","name":{"kind":"Name","value":"reserveStart"}},{"kind":"Field","name":{"kind":"Name","value":"reserveLivingDuration"}},{"kind":"Field","name":{"kind":"Name","value":"anchor"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"userid"}}]}},{"kind":"Field","name":{"kind":"Name","value":"mainDepartment"}},{"kind":"Field","name":{"kind":"Name","value":"viewerNum"}},{"kind":"Field","name":{"kind":"Name","value":"commentNum"}},{"kind":"Field","name":{"kind":"Name","value":"micNum"}},{"kind":"Field","name":{"kind":"Name","value":"onlineCount"}},{"kind":"Field","name":{"kind":"Name","value":"subscribeCount"}},{"kind":"Field","name":{"kind":"Name","value":"openReplay"}},{"kind":"Field","name":{"kind":"Name","value":"replayStatus"}}]}}]} as unknown as DocumentNode<LivingFieldsFragment, unknown>;
export const LivingPageFieldsFragmentDoc = {"kind":"Document","definitions":[{"kind":"FragmentDefinition","name":{"kind":"Name","value":"LivingPageFields"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"PageInfo"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"hasNextPage"}},{"kind":"Field","name":{"kind":"Name","value":"hasPreviousPage"}},{"kind":"Field","name":{"kind":"Name","value":"startCursor"}},{"kind":"Field","name":{"kind":"Name","value":"endCursor"}}]}}]} as unknown as DocumentNode<LivingPageFieldsFragment, unknown>;
export const LivingViewerFieldsFragmentDoc = {"kind":"Document","definitions":[{"kind":"FragmentDefinition","name":{"kind":"Name","value":"LivingViewerFields"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingViewer"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"__typename"}},{"kind":"Field","name":{"kind":"Name","value":"watchTime"}},{"kind":"Field","name":{"kind":"Name","value":"isComment"}},{"kind":"Field","name":{"kind":"Name","value":"isMic"}},{"kind":"Field","name":{"kind":"Name","value":"invitor"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"userid"}}]}},{"kind":"Field","name":{"kind":"Name","value":"invitorExternalContact"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"externalUserid"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingMemberViewer"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"user"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"userid"}}]}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingExternalViewer"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"contact"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"externalUserid"}}]}},{"kind":"Field","name":{"kind":"Name","value":"type"}},{"kind":"Field","name":{"kind":"Name","value":"name"}}]}}]}}]} as unknown as DocumentNode<LivingViewerFieldsFragment, unknown>;
export const CreateLivingDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"CreateLiving"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"input"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"LivingInput"}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"idempotencyKey"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"createLiving"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"Variable","name":{"kind":"Name","value":"input"}}},{"kind":"Argument","name":{"kind":"Name","value":"idempotencyKey"},"value":{"kind":"Variable","name":{"kind":"Name","value":"idempotencyKey"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"__typename"}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"CreateLivingSuccess"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"livingid"}},{"kind":"Field","name":{"kind":"Name","value":"living"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"livingid"}}]}}]}},{"kind":"FragmentSpread","name":{"kind":"Name","value":"LivingErrorFields"}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"LivingErrorFields"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"retryable"}},{"kind":"Field","name":{"kind":"Name","value":"errcode"}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingInputError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"fields"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"path"}},{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"constraint"}}]}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingNotFoundError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"missing"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingRateLimitError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"retryAfterSeconds"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingUnavailableError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"retryAfterSeconds"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingOutcomeUnknownError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"howToFindOut"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingWecomError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"errmsg"}},{"kind":"Field","name":{"kind":"Name","value":"docsUrl"}}]}}]}}]} as unknown as DocumentNode<CreateLivingMutation, CreateLivingMutationVariables>;
export const ModifyLivingDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"ModifyLiving"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"livingid"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"input"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ModifyLivingInput"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"modifyLiving"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"livingid"},"value":{"kind":"Variable","name":{"kind":"Name","value":"livingid"}}},{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"Variable","name":{"kind":"Name","value":"input"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"__typename"}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"ModifyLivingSuccess"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"livingid"}},{"kind":"Field","name":{"kind":"Name","value":"living"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"LivingFields"}}]}}]}},{"kind":"FragmentSpread","name":{"kind":"Name","value":"LivingErrorFields"}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"LivingFields"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Living"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"livingid"}},{"kind":"Field","name":{"kind":"Name","value":"theme"}},{"kind":"Field","name":{"kind":"Name","value":"description"}},{"kind":"Field","name":{"kind":"Name","value":"type"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"livingStart"}},{"kind":"Field","name":{"kind":"Name","value":"livingDuration"}},{"kind":"Field","name":{"kind":"Name","value":"reserveStart"}},{"kind":"Field","name":{"kind":"Name","value":"reserveLivingDuration"}},{"kind":"Field","name":{"kind":"Name","value":"anchor"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"userid"}}]}},{"kind":"Field","name":{"kind":"Name","value":"mainDepartment"}},{"kind":"Field","name":{"kind":"Name","value":"viewerNum"}},{"kind":"Field","name":{"kind":"Name","value":"commentNum"}},{"kind":"Field","name":{"kind":"Name","value":"micNum"}},{"kind":"Field","name":{"kind":"Name","value":"onlineCount"}},{"kind":"Field","name":{"kind":"Name","value":"subscribeCount"}},{"kind":"Field","name":{"kind":"Name","value":"openReplay"}},{"kind":"Field","name":{"kind":"Name","value":"replayStatus"}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"LivingErrorFields"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"retryable"}},{"kind":"Field","name":{"kind":"Name","value":"errcode"}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingInputError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"fields"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"path"}},{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"constraint"}}]}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingNotFoundError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"missing"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingRateLimitError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"retryAfterSeconds"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingUnavailableError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"retryAfterSeconds"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingOutcomeUnknownError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"howToFindOut"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingWecomError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"errmsg"}},{"kind":"Field","name":{"kind":"Name","value":"docsUrl"}}]}}]}}]} as unknown as DocumentNode<ModifyLivingMutation, ModifyLivingMutationVariables>;
export const CancelLivingDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"CancelLiving"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"livingid"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"cancelLiving"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"livingid"},"value":{"kind":"Variable","name":{"kind":"Name","value":"livingid"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"__typename"}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"CancelLivingSuccess"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"livingid"}},{"kind":"Field","name":{"kind":"Name","value":"living"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"livingid"}},{"kind":"Field","name":{"kind":"Name","value":"status"}}]}}]}},{"kind":"FragmentSpread","name":{"kind":"Name","value":"LivingErrorFields"}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"LivingErrorFields"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"retryable"}},{"kind":"Field","name":{"kind":"Name","value":"errcode"}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingInputError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"fields"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"path"}},{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"constraint"}}]}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingNotFoundError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"missing"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingRateLimitError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"retryAfterSeconds"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingUnavailableError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"retryAfterSeconds"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingOutcomeUnknownError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"howToFindOut"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingWecomError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"errmsg"}},{"kind":"Field","name":{"kind":"Name","value":"docsUrl"}}]}}]}}]} as unknown as DocumentNode<CancelLivingMutation, CancelLivingMutationVariables>;
export const DeleteLivingReplayDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"DeleteLivingReplay"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"livingid"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"deleteLivingReplay"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"livingid"},"value":{"kind":"Variable","name":{"kind":"Name","value":"livingid"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"__typename"}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"DeleteLivingReplaySuccess"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"livingid"}},{"kind":"Field","name":{"kind":"Name","value":"living"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"livingid"}},{"kind":"Field","name":{"kind":"Name","value":"openReplay"}},{"kind":"Field","name":{"kind":"Name","value":"replayStatus"}}]}}]}},{"kind":"FragmentSpread","name":{"kind":"Name","value":"LivingErrorFields"}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"LivingErrorFields"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"retryable"}},{"kind":"Field","name":{"kind":"Name","value":"errcode"}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingInputError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"fields"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"path"}},{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"constraint"}}]}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingNotFoundError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"missing"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingRateLimitError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"retryAfterSeconds"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingUnavailableError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"retryAfterSeconds"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingOutcomeUnknownError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"howToFindOut"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingWecomError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"errmsg"}},{"kind":"Field","name":{"kind":"Name","value":"docsUrl"}}]}}]}}]} as unknown as DocumentNode<DeleteLivingReplayMutation, DeleteLivingReplayMutationVariables>;
export const UploadLivingImageDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"UploadLivingImage"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"image"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"Upload"}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"purpose"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"LivingImagePurpose"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"uploadLivingImage"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"image"},"value":{"kind":"Variable","name":{"kind":"Name","value":"image"}}},{"kind":"Argument","name":{"kind":"Name","value":"purpose"},"value":{"kind":"Variable","name":{"kind":"Name","value":"purpose"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"__typename"}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"UploadLivingImageSuccess"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"mediaid"}},{"kind":"Field","name":{"kind":"Name","value":"expiresAt"}}]}},{"kind":"FragmentSpread","name":{"kind":"Name","value":"LivingErrorFields"}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"LivingErrorFields"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"retryable"}},{"kind":"Field","name":{"kind":"Name","value":"errcode"}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingInputError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"fields"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"path"}},{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"constraint"}}]}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingNotFoundError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"missing"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingRateLimitError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"retryAfterSeconds"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingUnavailableError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"retryAfterSeconds"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingOutcomeUnknownError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"howToFindOut"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingWecomError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"errmsg"}},{"kind":"Field","name":{"kind":"Name","value":"docsUrl"}}]}}]}}]} as unknown as DocumentNode<UploadLivingImageMutation, UploadLivingImageMutationVariables>;
export const ReadLivingDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"ReadLiving"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"livingid"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"living"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"livingid"},"value":{"kind":"Variable","name":{"kind":"Name","value":"livingid"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"LivingFields"}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"LivingFields"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Living"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"livingid"}},{"kind":"Field","name":{"kind":"Name","value":"theme"}},{"kind":"Field","name":{"kind":"Name","value":"description"}},{"kind":"Field","name":{"kind":"Name","value":"type"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"livingStart"}},{"kind":"Field","name":{"kind":"Name","value":"livingDuration"}},{"kind":"Field","name":{"kind":"Name","value":"reserveStart"}},{"kind":"Field","name":{"kind":"Name","value":"reserveLivingDuration"}},{"kind":"Field","name":{"kind":"Name","value":"anchor"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"userid"}}]}},{"kind":"Field","name":{"kind":"Name","value":"mainDepartment"}},{"kind":"Field","name":{"kind":"Name","value":"viewerNum"}},{"kind":"Field","name":{"kind":"Name","value":"commentNum"}},{"kind":"Field","name":{"kind":"Name","value":"micNum"}},{"kind":"Field","name":{"kind":"Name","value":"onlineCount"}},{"kind":"Field","name":{"kind":"Name","value":"subscribeCount"}},{"kind":"Field","name":{"kind":"Name","value":"openReplay"}},{"kind":"Field","name":{"kind":"Name","value":"replayStatus"}}]}}]} as unknown as DocumentNode<ReadLivingQuery, ReadLivingQueryVariables>;
export const LivingsDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"Livings"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"anchorUserid"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"first"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"Int"}}},"defaultValue":{"kind":"IntValue","value":"20"}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"after"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"livings"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"anchorUserid"},"value":{"kind":"Variable","name":{"kind":"Name","value":"anchorUserid"}}},{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"Variable","name":{"kind":"Name","value":"first"}}},{"kind":"Argument","name":{"kind":"Name","value":"after"},"value":{"kind":"Variable","name":{"kind":"Name","value":"after"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"edges"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"cursor"}},{"kind":"Field","name":{"kind":"Name","value":"node"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"LivingFields"}}]}}]}},{"kind":"Field","name":{"kind":"Name","value":"pageInfo"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"LivingPageFields"}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"LivingFields"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Living"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"livingid"}},{"kind":"Field","name":{"kind":"Name","value":"theme"}},{"kind":"Field","name":{"kind":"Name","value":"description"}},{"kind":"Field","name":{"kind":"Name","value":"type"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"livingStart"}},{"kind":"Field","name":{"kind":"Name","value":"livingDuration"}},{"kind":"Field","name":{"kind":"Name","value":"reserveStart"}},{"kind":"Field","name":{"kind":"Name","value":"reserveLivingDuration"}},{"kind":"Field","name":{"kind":"Name","value":"anchor"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"userid"}}]}},{"kind":"Field","name":{"kind":"Name","value":"mainDepartment"}},{"kind":"Field","name":{"kind":"Name","value":"viewerNum"}},{"kind":"Field","name":{"kind":"Name","value":"commentNum"}},{"kind":"Field","name":{"kind":"Name","value":"micNum"}},{"kind":"Field","name":{"kind":"Name","value":"onlineCount"}},{"kind":"Field","name":{"kind":"Name","value":"subscribeCount"}},{"kind":"Field","name":{"kind":"Name","value":"openReplay"}},{"kind":"Field","name":{"kind":"Name","value":"replayStatus"}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"LivingPageFields"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"PageInfo"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"hasNextPage"}},{"kind":"Field","name":{"kind":"Name","value":"hasPreviousPage"}},{"kind":"Field","name":{"kind":"Name","value":"startCursor"}},{"kind":"Field","name":{"kind":"Name","value":"endCursor"}}]}}]} as unknown as DocumentNode<LivingsQuery, LivingsQueryVariables>;
export const LivingViewersDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"LivingViewers"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"livingid"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"first"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"Int"}}},"defaultValue":{"kind":"IntValue","value":"20"}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"after"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"living"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"livingid"},"value":{"kind":"Variable","name":{"kind":"Name","value":"livingid"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"livingid"}},{"kind":"Field","name":{"kind":"Name","value":"viewers"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"Variable","name":{"kind":"Name","value":"first"}}},{"kind":"Argument","name":{"kind":"Name","value":"after"},"value":{"kind":"Variable","name":{"kind":"Name","value":"after"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"edges"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"cursor"}},{"kind":"Field","name":{"kind":"Name","value":"node"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"LivingViewerFields"}}]}}]}},{"kind":"Field","name":{"kind":"Name","value":"pageInfo"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"LivingPageFields"}}]}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"LivingViewerFields"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingViewer"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"__typename"}},{"kind":"Field","name":{"kind":"Name","value":"watchTime"}},{"kind":"Field","name":{"kind":"Name","value":"isComment"}},{"kind":"Field","name":{"kind":"Name","value":"isMic"}},{"kind":"Field","name":{"kind":"Name","value":"invitor"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"userid"}}]}},{"kind":"Field","name":{"kind":"Name","value":"invitorExternalContact"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"externalUserid"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingMemberViewer"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"user"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"userid"}}]}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"LivingExternalViewer"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"contact"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"externalUserid"}}]}},{"kind":"Field","name":{"kind":"Name","value":"type"}},{"kind":"Field","name":{"kind":"Name","value":"name"}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"LivingPageFields"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"PageInfo"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"hasNextPage"}},{"kind":"Field","name":{"kind":"Name","value":"hasPreviousPage"}},{"kind":"Field","name":{"kind":"Name","value":"startCursor"}},{"kind":"Field","name":{"kind":"Name","value":"endCursor"}}]}}]} as unknown as DocumentNode<LivingViewersQuery, LivingViewersQueryVariables>;
export const WatchCodeDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"WatchCode"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"livingid"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"openid"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"living"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"livingid"},"value":{"kind":"Variable","name":{"kind":"Name","value":"livingid"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"livingid"}},{"kind":"Field","name":{"kind":"Name","value":"watchCode"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"openid"},"value":{"kind":"Variable","name":{"kind":"Name","value":"openid"}}}]}]}}]}}]} as unknown as DocumentNode<WatchCodeQuery, WatchCodeQueryVariables>;
export const PushStreamUrlDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"PushStreamUrl"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"livingid"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"living"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"livingid"},"value":{"kind":"Variable","name":{"kind":"Name","value":"livingid"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"livingid"}},{"kind":"Field","name":{"kind":"Name","value":"pushStreamUrl"}}]}}]}}]} as unknown as DocumentNode<PushStreamUrlQuery, PushStreamUrlQueryVariables>;
export const LivingShareDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"LivingShare"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"wwShareCode"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"livingShare"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"wwShareCode"},"value":{"kind":"Variable","name":{"kind":"Name","value":"wwShareCode"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"living"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"LivingFields"}}]}},{"kind":"Field","name":{"kind":"Name","value":"viewer"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"userid"}}]}},{"kind":"Field","name":{"kind":"Name","value":"viewerExternalContact"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"externalUserid"}}]}},{"kind":"Field","name":{"kind":"Name","value":"invitor"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"userid"}}]}},{"kind":"Field","name":{"kind":"Name","value":"invitorExternalContact"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"externalUserid"}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"LivingFields"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Living"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"livingid"}},{"kind":"Field","name":{"kind":"Name","value":"theme"}},{"kind":"Field","name":{"kind":"Name","value":"description"}},{"kind":"Field","name":{"kind":"Name","value":"type"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"livingStart"}},{"kind":"Field","name":{"kind":"Name","value":"livingDuration"}},{"kind":"Field","name":{"kind":"Name","value":"reserveStart"}},{"kind":"Field","name":{"kind":"Name","value":"reserveLivingDuration"}},{"kind":"Field","name":{"kind":"Name","value":"anchor"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"userid"}}]}},{"kind":"Field","name":{"kind":"Name","value":"mainDepartment"}},{"kind":"Field","name":{"kind":"Name","value":"viewerNum"}},{"kind":"Field","name":{"kind":"Name","value":"commentNum"}},{"kind":"Field","name":{"kind":"Name","value":"micNum"}},{"kind":"Field","name":{"kind":"Name","value":"onlineCount"}},{"kind":"Field","name":{"kind":"Name","value":"subscribeCount"}},{"kind":"Field","name":{"kind":"Name","value":"openReplay"}},{"kind":"Field","name":{"kind":"Name","value":"replayStatus"}}]}}]} as unknown as DocumentNode<LivingShareQuery, LivingShareQueryVariables>;
export const LivingStatusChangedDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"subscription","name":{"kind":"Name","value":"LivingStatusChanged"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"livingid"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"anchorUserid"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"livingStatusChanged"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"livingid"},"value":{"kind":"Variable","name":{"kind":"Name","value":"livingid"}}},{"kind":"Argument","name":{"kind":"Name","value":"anchorUserid"},"value":{"kind":"Variable","name":{"kind":"Name","value":"anchorUserid"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"livingid"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"changedAt"}},{"kind":"Field","name":{"kind":"Name","value":"anchor"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"userid"}}]}},{"kind":"Field","name":{"kind":"Name","value":"living"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"LivingFields"}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"LivingFields"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Living"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"livingid"}},{"kind":"Field","name":{"kind":"Name","value":"theme"}},{"kind":"Field","name":{"kind":"Name","value":"description"}},{"kind":"Field","name":{"kind":"Name","value":"type"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"livingStart"}},{"kind":"Field","name":{"kind":"Name","value":"livingDuration"}},{"kind":"Field","name":{"kind":"Name","value":"reserveStart"}},{"kind":"Field","name":{"kind":"Name","value":"reserveLivingDuration"}},{"kind":"Field","name":{"kind":"Name","value":"anchor"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"userid"}}]}},{"kind":"Field","name":{"kind":"Name","value":"mainDepartment"}},{"kind":"Field","name":{"kind":"Name","value":"viewerNum"}},{"kind":"Field","name":{"kind":"Name","value":"commentNum"}},{"kind":"Field","name":{"kind":"Name","value":"micNum"}},{"kind":"Field","name":{"kind":"Name","value":"onlineCount"}},{"kind":"Field","name":{"kind":"Name","value":"subscribeCount"}},{"kind":"Field","name":{"kind":"Name","value":"openReplay"}},{"kind":"Field","name":{"kind":"Name","value":"replayStatus"}}]}}]} as unknown as DocumentNode<LivingStatusChangedSubscription, LivingStatusChangedSubscriptionVariables>;