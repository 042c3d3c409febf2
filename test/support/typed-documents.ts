import type { TypedDocumentNode as Node } from "@graphql-typed-document-node/core";

export type TypedDocumentNode = Node<any, any>;
export type ResultOf<T> = T extends Node<infer Result, any> ? Result : never;
export type VariablesOf<T> = T extends Node<any, infer Variables> ? Variables : never;
