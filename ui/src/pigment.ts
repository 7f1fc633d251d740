/** Every person paints in one of twelve pigments, always the same, chosen by their key. CSS holds the colours (.pg-0 ... .pg-11). */
export const PIGMENTS = 12;

const at = (pubkey: string, i: number) => parseInt(pubkey.slice(i * 2, i * 2 + 2), 16) || 0;

export const pigment = (pubkey: string): number => (at(pubkey, 0) * 7 + at(pubkey, 1)) % PIGMENTS;
export const pigmentClass = (pubkey: string): string => "pg-" + pigment(pubkey);

/** Bytes of a key as a stable source of variety; nothing about it is secret or random. */
export const grain = (id: string, i: number): number => at(id, i % 32);
