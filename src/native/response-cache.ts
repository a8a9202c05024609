/** Const responses in native memory: a thin class over `robyn_cache_*`. */
import type { Pointer } from "bun:ffi";
import type { Encoding } from "../http/negotiation.ts";
import type { ResponseCache, StoredResponse } from "./core.ts";
import { allocateShared, type NativeSymbols, requireHandle, viewMemory } from "./library.ts";
import { statusName } from "./route-table.ts";
import { sizes, status } from "./symbols.ts";

const encodingIds: Readonly<Record<Encoding, number>> = { identity: 0, gzip: 1, br: 2, zstd: 3 };

export class ZigResponseCache implements ResponseCache {
  readonly #native: NativeSymbols;
  readonly #handle: Pointer;
  readonly #entry = allocateShared(sizes.CacheEntry);

  constructor(native: NativeSymbols) {
    this.#native = native;
    this.#handle = requireHandle(native.robyn_cache_create(), "robyn_cache_create");
  }

  put(endpoint: number, encoding: Encoding, response: StoredResponse): void {
    const head = toShared(new TextEncoder().encode(JSON.stringify(response.headers)));
    const body = toShared(response.body);
    const result = this.#native.robyn_cache_put(
      this.#handle,
      endpoint,
      encodingIds[encoding],
      response.status,
      head.pointer,
      head.length,
      body.pointer,
      body.length,
    );
    held.length = 0;
    if (result !== status.ok) throw new TypeError(`robyn_cache_put: ${statusName(result)}`);
  }

  seal(): void {
    const result = this.#native.robyn_cache_seal(this.#handle);
    if (result !== status.ok) throw new TypeError(`robyn_cache_seal: ${statusName(result)}`);
  }

  get(endpoint: number, encoding: Encoding): StoredResponse | undefined {
    const { buffer, pointer } = this.#entry;
    const result = this.#native.robyn_cache_get(
      this.#handle,
      endpoint,
      encodingIds[encoding],
      pointer,
    );
    if (result === status.not_found) return undefined;
    if (result !== status.ok) throw new TypeError(`robyn_cache_get: ${statusName(result)}`);
    // extern struct CacheEntry { head_ptr: u64, head_len: u32, body_len: u32, body_ptr: u64, status: u32, pad: u32 }
    const addresses = new BigUint64Array(buffer);
    const words = new Uint32Array(buffer);
    const head = viewMemory(Number(addresses[0]), words[2]!);
    return {
      status: words[6]!,
      headers: JSON.parse(new TextDecoder().decode(head)),
      body: viewMemory(Number(addresses[2]), words[3]!),
    };
  }

  destroy(): void {
    this.#native.robyn_cache_destroy(this.#handle);
  }
}

/** Until native code has read it: an address does not keep its memory, and the collector may run before the call. */
const held: ArrayBuffer[] = [];

/** An empty array has no address, so there is always at least one byte behind the pointer. */
function toShared(bytes: Uint8Array): { pointer: Pointer; length: number } {
  const { buffer, pointer } = allocateShared(Math.max(bytes.length, 1));
  new Uint8Array(buffer).set(bytes);
  held.push(buffer);
  return { pointer, length: bytes.length };
}
