import { ID_WORDS } from '../dedupe-window.ts';

const SLOT_WORDS = ID_WORDS + 1;
const FIRST_SLOTS = 1024;
const LOAD_MAX = 0.6;

/**
 * Hashes of ids with the time of each, in memory: open addressing, as a million of them must not be a
 * million objects. Times are offsets from the first one; 0 in their place is an empty slot.
 */
export class IdTable {
  readonly baseMs: number;
  lastMs: number;
  #slots: Uint32Array = new Uint32Array(FIRST_SLOTS * SLOT_WORDS);
  #count = 0;

  constructor(baseMs: number) {
    this.baseMs = baseMs;
    this.lastMs = baseMs;
  }

  get count(): number {
    return this.#count;
  }

  /** Epoch ms; undefined where it is not there. */
  timeOf(words: Uint32Array, at: number): number | undefined {
    const offset = this.#slots[this.#find(words, at) + ID_WORDS] as number;
    return offset === 0 ? undefined : this.baseMs + offset - 1;
  }

  /** The later of two times counts. */
  add(words: Uint32Array, at: number, timeMs: number): void {
    if ((this.#count + 1) * SLOT_WORDS > this.#slots.length * LOAD_MAX) this.#grow();
    const slot = this.#find(words, at);
    const offset = Math.max(0, timeMs - this.baseMs) + 1;
    this.lastMs = Math.max(this.lastMs, timeMs);
    if (this.#slots[slot + ID_WORDS] === 0) {
      for (let word = 0; word < ID_WORDS; word++)
        this.#slots[slot + word] = words[at + word] as number;
      this.#count += 1;
    }
    this.#slots[slot + ID_WORDS] = Math.max(offset, this.#slots[slot + ID_WORDS] as number);
  }

  /** Entries not older than `sinceMs`, by hash: ID_WORDS words and the offset of the time each. */
  sorted(sinceMs: number): Uint32Array {
    const places: number[] = [];
    for (let slot = 0; slot < this.#slots.length; slot += SLOT_WORDS) {
      const offset = this.#slots[slot + ID_WORDS] as number;
      if (offset !== 0 && this.baseMs + offset - 1 >= sinceMs) places.push(slot);
    }
    places.sort((a, b) => {
      for (let word = 0; word < ID_WORDS; word++) {
        const difference = (this.#slots[a + word] as number) - (this.#slots[b + word] as number);
        if (difference !== 0) return difference;
      }
      return 0;
    });
    const entries = new Uint32Array(places.length * SLOT_WORDS);
    for (const [index, slot] of places.entries())
      entries.set(this.#slots.subarray(slot, slot + SLOT_WORDS), index * SLOT_WORDS);
    return entries;
  }

  /** The slot of the id, or the empty one where it belongs. */
  #find(words: Uint32Array, at: number): number {
    const slots = this.#slots.length / SLOT_WORDS;
    let slot = ((words[at] as number) % slots) * SLOT_WORDS;
    while (this.#slots[slot + ID_WORDS] !== 0 && !this.#isAt(slot, words, at)) {
      slot += SLOT_WORDS;
      if (slot === this.#slots.length) slot = 0;
    }
    return slot;
  }

  #isAt(slot: number, words: Uint32Array, at: number): boolean {
    for (let word = 0; word < ID_WORDS; word++)
      if (this.#slots[slot + word] !== words[at + word]) return false;
    return true;
  }

  #grow(): void {
    const before = this.#slots;
    this.#slots = new Uint32Array(before.length * 2);
    for (let slot = 0; slot < before.length; slot += SLOT_WORDS) {
      if (before[slot + ID_WORDS] === 0) continue;
      const found = this.#find(before, slot);
      this.#slots.set(before.subarray(slot, slot + SLOT_WORDS), found);
    }
  }
}
