/** `true` if two types are the same, not merely assignable: `any` is equal to nothing but `any`. */
export type Equal<Left, Right> =
  (<Type>() => Type extends Left ? 1 : 2) extends <Type>() => Type extends Right ? 1 : 2
    ? true
    : false;

/** Does nothing when run; `bun check` refuses any argument type but `true`. */
export function expectType<_Check extends true>(): void {}
