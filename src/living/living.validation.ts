/** Rules that class-validator lacks, and the conversion of its errors to violations. */
import {
  getMetadataStorage,
  ValidateBy,
  type ValidationArguments,
  type ValidationError,
  type ValidationOptions,
  validateSync,
} from "class-validator";
import type { LivingFieldViolation } from "../errors.js";

/** Counts Unicode code points: WeCom says "utf8 characters", and `length` counts UTF-16 units. */
export function HasCharacters({ min = 0, max }: { min?: number; max: number }): PropertyDecorator {
  const range = min > 0 ? `${min} to ${max}` : `at most ${max}`;
  return ValidateBy({
    name: "hasCharacters",
    validator: {
      validate: (value: unknown) => {
        if (typeof value !== "string") return false;
        const length = charactersOf(value);
        return length >= min && length <= max;
      },
      defaultMessage: ({ property } = { property: "text" } as never) => `${property} must have ${range} characters`,
    },
  });
}

function charactersOf(text: string): number {
  let characters = 0;
  for (let at = 0; at < text.length; at += (text.codePointAt(at) as number) > 0xffff ? 2 : 1) characters += 1;
  return characters;
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

/** Text that reaches WeCom unescaped: no lone surrogate, no control character that JSON has to escape. */
export function isWecomText(value: unknown): boolean {
  return typeof value === "string" && value.isWellFormed() && !escapedByJson.test(value);
}

export function IsWecomText(options?: ValidationOptions): PropertyDecorator {
  return ValidateBy(
    {
      name: "isWecomText",
      validator: {
        validate: isWecomText,
        defaultMessage: ({ property } = { property: "text" } as never) =>
          `${property} must not hold a lone surrogate or a control character, which WeCom refuses`,
      },
    },
    options,
  );
}

/** All violations. None contains the value that was given. */
export function violationsOf(input: object): LivingFieldViolation[] {
  if (rulesOf(input)(input)) return [];
  return validateSync(input, { forbidUnknownValues: false }).flatMap((error) => flatten(error, ""));
}

function flatten(error: ValidationError, prefix: string): LivingFieldViolation[] {
  const path = `${prefix}${error.property}`;
  const own = Object.entries(error.constraints ?? {}).map(([constraint, message]) => ({ path, message, constraint }));
  return [...own, ...(error.children ?? []).flatMap((child) => flatten(child, `${path}.`))];
}

type Check = (value: unknown) => boolean;

const compiledRules = new Map<object, Check>();

/**
 * Checks class-validator's rules without its walk over the metadata, which took a third of a request's time: the decorators
 * are read once per class. class-validator itself runs only on inputs that break a rule, for its messages.
 */
function rulesOf(input: object): Check {
  let isValid = compiledRules.get(input.constructor);
  if (!isValid) compiledRules.set(input.constructor, (isValid = compileRules(input.constructor)));
  return isValid;
}

function compileRules(inputClass: object): Check {
  const storage = getMetadataStorage();
  const metadata = storage.getTargetValidationMetadatas(inputClass as never, "", false, false);
  const properties = Object.entries(storage.groupByPropertyName(metadata)).map(([name, rules]) => {
    const isOptional = rules.some(({ type }) => type === "conditionalValidation");
    const checks = rules.filter(({ type }) => type !== "conditionalValidation").flatMap(compileRule);
    return { name, isOptional, checks };
  });
  return (input) => {
    for (const { name, isOptional, checks } of properties) {
      const value = (input as Readonly<Record<string, unknown>>)[name];
      if (isOptional && (value === undefined || value === null)) continue;
      for (const check of checks) if (!check(value)) return false;
    }
    return true;
  };
}

/** The kinds of rules that the inputs use. Another kind throws at its first use, and so in any test of its input. */
function compileRule(
  rule: ReturnType<ReturnType<typeof getMetadataStorage>["getTargetValidationMetadatas"]>[number],
): Check[] {
  if (rule.type === "nestedValidation") {
    return [(value) => typeof value === "object" && value !== null && rulesOf(value)(value)];
  }
  if (rule.type !== "customValidation") throw new Error(`no way to compile a rule of the type ${rule.type}`);
  // A rule here reads the value and its own constraints, never other fields of the input.
  const asked = { constraints: rule.constraints as unknown[], property: rule.propertyName } as ValidationArguments;
  const constraints = getMetadataStorage().getTargetValidatorConstraints(rule.constraintCls);
  return constraints.map(({ instance }): Check => {
    const check: Check = (value) => instance.validate(value, asked) === true;
    if (!rule.each) return check;
    return (value) => (Array.isArray(value) ? value.every((item) => check(item)) : check(value));
  });
}
