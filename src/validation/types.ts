/**
 * `t`: TypeBox's type builder, and the types that HTTP needs beside it. It is loaded when the first schema is written,
 * so an application without schemas does not pay for it.
 */
import type Type from "typebox";
import type { StaticDecode, TArray, TCodec, TString, TUnsafe } from "typebox";
import type { Upload } from "../request/upload.ts";
import type { FileRules } from "./json-schema.ts";

/** An uploaded file. */
export type TFile = TUnsafe<Upload>;
export type TDate = TCodec<TString, Date>;

export interface HttpTypes {
  /** An instant as RFC 3339 text, a `Date` in the handler; a response encodes it again. */
  Date(): TDate;
  /** A file of a multipart form. `types` are compared with what the client declared, not with the content. */
  File(rules?: FileRules): TFile;
  /** One or more files under one field name. */
  Files(rules?: FileRules & { minItems?: number; maxItems?: number }): TArray<TFile>;
}

export type TypeBuilder = Omit<typeof Type, keyof HttpTypes> & HttpTypes;

/**
 * The type builder of [TypeBox](https://github.com/sinclairzx81/typebox) 1.x with `t.Date`, `t.File` and `t.Files`.
 *
 * @example t.Object({ page: t.Integer({ minimum: 1, default: 1 }), tags: t.Optional(t.Array(t.String())) })
 */
export const t: TypeBuilder = new Proxy({} as TypeBuilder, {
  get: (_, name) => Reflect.get((builder ??= load()), name),
  has: (_, name) => Reflect.has((builder ??= load()), name),
  ownKeys: () => Reflect.ownKeys((builder ??= load())),
  getOwnPropertyDescriptor: (_, name) => {
    const value: unknown = Reflect.get((builder ??= load()), name);
    return value === undefined ? undefined : { value, enumerable: true, configurable: true };
  },
});

export type { StaticDecode };

let builder: TypeBuilder | undefined;

function load(): TypeBuilder {
  const { default: type } = require("typebox") as typeof import("typebox");
  const http: HttpTypes = {
    Date: () =>
      type
        .Codec(type.String({ format: "date-time" }))
        .Decode((text) => new Date(text))
        .Encode((date) => date.toISOString()),
    File: (rules = {}) => type.Unsafe<Upload>({ "x-robyn-file": rules }),
    Files: ({ minItems, maxItems, ...rules } = {}) => {
      const limits = {
        ...(minItems === undefined ? {} : { minItems }),
        ...(maxItems === undefined ? {} : { maxItems }),
      };
      return type.Array(http.File(rules), limits);
    },
  };
  return { ...type, ...http };
}
