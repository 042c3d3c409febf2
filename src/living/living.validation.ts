/** Rules that class-validator lacks, and the walk that turns its findings into our violations. */
import { ValidateBy, type ValidationError, type ValidationOptions, validateSync } from "class-validator";
import type { LivingFieldViolation } from "../errors.js";

/** Counts Unicode code points: WeCom says "utf8 characters", and `length` counts UTF-16 units. */
export function HasCharacters({ min = 0, max }: { min?: number; max: number }): PropertyDecorator {
  const range = min > 0 ? `${min} to ${max}` : `at most ${max}`;
  return ValidateBy({
    name: "hasCharacters",
    validator: {
      validate: (value: unknown) => {
        if (typeof value !== "string") return false;
        const { length } = Array.from(value);
        return length >= min && length <= max;
      },
      defaultMessage: ({ property } = { property: "text" } as never) => `${property} must have ${range} characters`,
    },
  });
}

/** Counts bytes in UTF-8. */
export function HasBytes({ max }: { max: number }): PropertyDecorator {
  return ValidateBy({
    name: "hasBytes",
    validator: {
      validate: (value: unknown) => typeof value === "string" && Buffer.byteLength(value) <= max,
      defaultMessage: ({ property } = { property: "text" } as never) =>
        `${property} must have at most ${max} bytes in UTF-8`,
    },
  });
}

// JSON.stringify writes these as \uxxxx, and WeCom refuses that escape with errcode 40033.
const escapedByJson = /[\u0000-\u0007\u000b\u000e-\u001f]/;

/** Text that reaches WeCom as it was written: no lone surrogate, no control character that JSON can only escape. */
export function IsWecomText(options?: ValidationOptions): PropertyDecorator {
  return ValidateBy(
    {
      name: "isWecomText",
      validator: {
        validate: (value: unknown) => typeof value === "string" && value.isWellFormed() && !escapedByJson.test(value),
        defaultMessage: ({ property } = { property: "text" } as never) =>
          `${property} must not hold a lone surrogate or a control character, which WeCom refuses`,
      },
    },
    options,
  );
}

/** Every violation at once, none of them with the value that was given. */
export function violationsOf(input: object): LivingFieldViolation[] {
  return validateSync(input, { forbidUnknownValues: false }).flatMap((error) => flatten(error, ""));
}

function flatten(error: ValidationError, prefix: string): LivingFieldViolation[] {
  const path = `${prefix}${error.property}`;
  const own = Object.entries(error.constraints ?? {}).map(([constraint, message]) => ({ path, message, constraint }));
  return [...own, ...(error.children ?? []).flatMap((child) => flatten(child, `${path}.`))];
}
