
      export type PossibleTypesResultData = {
  "possibleTypes": {
    "CancelLivingResult": [
      "CancelLivingSuccess",
      "LivingConfigurationError",
      "LivingInputError",
      "LivingNotFoundError",
      "LivingOutcomeUnknownError",
      "LivingPermissionError",
      "LivingRateLimitError",
      "LivingStateError",
      "LivingUnavailableError",
      "LivingWecomError"
    ],
    "CreateLivingResult": [
      "CreateLivingSuccess",
      "LivingConfigurationError",
      "LivingInputError",
      "LivingNotFoundError",
      "LivingOutcomeUnknownError",
      "LivingPermissionError",
      "LivingRateLimitError",
      "LivingUnavailableError",
      "LivingWecomError"
    ],
    "DeleteLivingReplayResult": [
      "DeleteLivingReplaySuccess",
      "LivingConfigurationError",
      "LivingInputError",
      "LivingNotFoundError",
      "LivingOutcomeUnknownError",
      "LivingPermissionError",
      "LivingRateLimitError",
      "LivingStateError",
      "LivingUnavailableError",
      "LivingWecomError"
    ],
    "LivingError": [
      "LivingConfigurationError",
      "LivingInputError",
      "LivingNotFoundError",
      "LivingOutcomeUnknownError",
      "LivingPermissionError",
      "LivingRateLimitError",
      "LivingStateError",
      "LivingUnavailableError",
      "LivingWecomError"
    ],
    "LivingMutationSuccess": [
      "CancelLivingSuccess",
      "CreateLivingSuccess",
      "DeleteLivingReplaySuccess",
      "ModifyLivingSuccess"
    ],
    "LivingViewer": [
      "LivingExternalViewer",
      "LivingMemberViewer"
    ],
    "ModifyLivingResult": [
      "LivingConfigurationError",
      "LivingInputError",
      "LivingNotFoundError",
      "LivingOutcomeUnknownError",
      "LivingPermissionError",
      "LivingRateLimitError",
      "LivingStateError",
      "LivingUnavailableError",
      "LivingWecomError",
      "ModifyLivingSuccess"
    ],
    "UploadLivingImageResult": [
      "LivingConfigurationError",
      "LivingInputError",
      "LivingNotFoundError",
      "LivingOutcomeUnknownError",
      "LivingPermissionError",
      "LivingRateLimitError",
      "LivingUnavailableError",
      "LivingWecomError",
      "UploadLivingImageSuccess"
    ]
  }
};
      const result: PossibleTypesResultData = {
  "possibleTypes": {
    "CancelLivingResult": [
      "CancelLivingSuccess",
      "LivingConfigurationError",
      "LivingInputError",
      "LivingNotFoundError",
      "LivingOutcomeUnknownError",
      "LivingPermissionError",
      "LivingRateLimitError",
      "LivingStateError",
      "LivingUnavailableError",
      "LivingWecomError"
    ],
    "CreateLivingResult": [
      "CreateLivingSuccess",
      "LivingConfigurationError",
      "LivingInputError",
      "LivingNotFoundError",
      "LivingOutcomeUnknownError",
      "LivingPermissionError",
      "LivingRateLimitError",
      "LivingUnavailableError",
      "LivingWecomError"
    ],
    "DeleteLivingReplayResult": [
      "DeleteLivingReplaySuccess",
      "LivingConfigurationError",
      "LivingInputError",
      "LivingNotFoundError",
      "LivingOutcomeUnknownError",
      "LivingPermissionError",
      "LivingRateLimitError",
      "LivingStateError",
      "LivingUnavailableError",
      "LivingWecomError"
    ],
    "LivingError": [
      "LivingConfigurationError",
      "LivingInputError",
      "LivingNotFoundError",
      "LivingOutcomeUnknownError",
      "LivingPermissionError",
      "LivingRateLimitError",
      "LivingStateError",
      "LivingUnavailableError",
      "LivingWecomError"
    ],
    "LivingMutationSuccess": [
      "CancelLivingSuccess",
      "CreateLivingSuccess",
      "DeleteLivingReplaySuccess",
      "ModifyLivingSuccess"
    ],
    "LivingViewer": [
      "LivingExternalViewer",
      "LivingMemberViewer"
    ],
    "ModifyLivingResult": [
      "LivingConfigurationError",
      "LivingInputError",
      "LivingNotFoundError",
      "LivingOutcomeUnknownError",
      "LivingPermissionError",
      "LivingRateLimitError",
      "LivingStateError",
      "LivingUnavailableError",
      "LivingWecomError",
      "ModifyLivingSuccess"
    ],
    "UploadLivingImageResult": [
      "LivingConfigurationError",
      "LivingInputError",
      "LivingNotFoundError",
      "LivingOutcomeUnknownError",
      "LivingPermissionError",
      "LivingRateLimitError",
      "LivingUnavailableError",
      "LivingWecomError",
      "UploadLivingImageSuccess"
    ]
  }
};
      export default result;
    