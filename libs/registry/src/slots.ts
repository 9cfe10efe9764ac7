/**
 * A device's slots as they are now. A hello lists them, but an update changes them within a session, and the device
 * says so in its state messages only; the next hello then confirms what is worked out here.
 */
export interface ReportedSlot {
  /** SHA-256 as hex; null or all zeros = empty. */
  readonly digest: string | null;
  readonly state: string;
  readonly releaseSequence: number;
  readonly bytes: number;
}

/**
 * @param slots as in the last hello
 * @param fetchSlot the slot that a fetch overwrites, as in the last hello
 * @param active digest the device runs by its last state, null = unknown
 * @param describe size and sequence of a bundle the platform sent
 */
export function currentSlots(
  slots: readonly ReportedSlot[],
  fetchSlot: number,
  active: string | null,
  describe: (digest: string) => { readonly bytes: number; readonly releaseSequence: number } | undefined,
): ReportedSlot[] {
  const known = slots.map((slot) => (isEmpty(slot.digest) ? { ...slot, digest: null } : slot));
  if (active === null || known.some((slot) => slot.digest === active && slot.state === 'active'))
    return known;
  // Either it switched back to the retained slot, or it installed into the slot that a fetch overwrites.
  const retained = known.findIndex((slot) => slot.digest === active);
  const target = retained >= 0 ? retained : fetchSlot;
  return known.map((slot, index) => {
    if (index !== target) return slot.state === 'active' ? { ...slot, state: 'retained' } : slot;
    const bundle = describe(active);
    return {
      digest: active,
      state: 'active',
      bytes: bundle?.bytes ?? slot.bytes,
      releaseSequence: bundle?.releaseSequence ?? slot.releaseSequence,
    };
  });
}

/**
 * A device's images of its firmware as they are now; the first one runs. A switch takes a reset and so a hello, but its trial ends
 * without one.
 * @param updateState as last said
 */
export function currentImages(
  images: readonly ReportedSlot[],
  updateState: string | null,
): (ReportedSlot & { readonly digest: string })[] {
  const isKept = images[0]?.state === 'trial' && updateState !== 'trial';
  return images.flatMap(({ digest, state, ...rest }, i) => {
    if (digest === null || isEmpty(digest)) return [];
    const now = i === 0 ? 'active' : state === 'active' ? 'retained' : state;
    return [{ ...rest, digest, state: isKept ? now : state }];
  });
}

const isEmpty = (digest: string | null): boolean => digest === null || /^0+$/.test(digest);
