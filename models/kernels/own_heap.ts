import { attachInference, hasRelaxedSimd, instantiateInference } from "./inference.ts";
import { type Address, attachHeap, hasHeap, type Heap } from "./memory.ts";

const PAGE_BYTES = 65_536;
/** What the kernels declare as their minimum fits. */
const INITIAL_PAGES = 32;
/** Address 0 means that there is no memory left. */
const FIRST = 64;
const ALIGNMENT = 16;

interface Block {
  readonly address: Address;
  readonly bytes: number;
}

/** Attaches the kernels of inference to a memory of their own, unless they have one. */
export async function startInference(): Promise<void> {
  if (hasHeap()) return;
  const heap = new OwnHeap();
  const kernels = await instantiateInference(heap.memory, hasRelaxedSimd());
  if (hasHeap()) return;
  attachInference(kernels);
  attachHeap(heap);
}

/** A memory with an allocator: what is released is joined with what is free beside it, and used first. */
export class OwnHeap implements Heap {
  readonly memory = new WebAssembly.Memory({ initial: INITIAL_PAGES });
  readonly #used = new Map<Address, number>();
  /** In the order of their addresses. */
  #free: Block[] = [{ address: FIRST, bytes: INITIAL_PAGES * PAGE_BYTES - FIRST }];

  allocate(bytes: number): Address {
    const wanted = Math.ceil(Math.max(bytes, 1) / ALIGNMENT) * ALIGNMENT;
    const index = this.#free.findIndex((block) => block.bytes >= wanted);
    if (index < 0) return this.#grow(wanted) ? this.allocate(bytes) : 0;
    const { address, bytes: available } = this.#free[index]!;
    const rest = { address: address + wanted, bytes: available - wanted };
    this.#free.splice(index, 1, ...(rest.bytes > 0 ? [rest] : []));
    this.#used.set(address, wanted);
    return address;
  }

  release(address: Address): void {
    const bytes = this.#used.get(address);
    if (bytes === undefined) throw new Error(`Cannot release ${address}: it is not allocated`);
    this.#used.delete(address);
    this.#add({ address, bytes });
  }

  #grow(bytes: number): boolean {
    const end = this.memory.buffer.byteLength;
    const pages = Math.ceil(bytes / PAGE_BYTES);
    try {
      this.memory.grow(pages);
    } catch {
      return false;
    }
    this.#add({ address: end, bytes: pages * PAGE_BYTES });
    return true;
  }

  #add(block: Block): void {
    const index = this.#free.findIndex(({ address }) => address > block.address);
    const at = index < 0 ? this.#free.length : index;
    const [before, after] = [this.#free[at - 1], this.#free[at]];
    const joinsBefore = before !== undefined && before.address + before.bytes === block.address;
    const joinsAfter = after !== undefined && block.address + block.bytes === after.address;
    const joined = {
      address: joinsBefore ? before.address : block.address,
      bytes: (joinsBefore ? before.bytes : 0) + block.bytes + (joinsAfter ? after.bytes : 0),
    };
    this.#free.splice(at - Number(joinsBefore), Number(joinsBefore) + Number(joinsAfter), joined);
  }
}
