// A model's name as the stem of C identifiers and file names.

/** Names that as `NAME_t`, `NAME.h` or `NAME.c` mean something in C, its library or the runtime. */
const TAKEN = new Set(
  (
    'assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal stdalign stdarg stdatomic ' +
    'stdbool stddef stdint stdio stdlib stdnoreturn string tgmath threads time uchar wchar wctype ' +
    'char short int long double void size ptrdiff intptr uintptr intmax uintmax ' +
    'int8 int16 int32 int64 uint8 uint16 uint32 uint64 step op span shape fleet model example'
  ).split(' '),
);

/** Lower snake case, at most 40 characters, never empty, no digit first, nothing that C has already. */
export function identifier(name: string): string {
  const snake = name
    .normalize('NFKD')
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^_+|_+$/g, '')
    .slice(0, 40)
    .replace(/_+$/, '');
  return /^[a-z]/.test(snake) && !TAKEN.has(snake) && !snake.startsWith('fleet_')
    ? snake
    : `model_${snake}`.replace(/_$/, '');
}
