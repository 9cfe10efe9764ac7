// Tables of CRC-32 for eight bytes at a time (slicing-by-8: Kounavis and Berry, 2005), for hosts that have 8 KiB to spare.
// crc_tables[j][i] is the CRC of byte i followed by j zero bytes. It is linear in the bits of i, so each table is its eight
// powers of two.
#ifndef FLEET_CRC_TABLES_H
#define FLEET_CRC_TABLES_H

#include <stdint.h>

#define BIT(i, k, value) ((i) >> (k) & 1 ? UINT32_C(value) : 0u)
#define SUM(i, a, b, c, d, e, f, g, h) \
  (BIT(i, 0, a) ^ BIT(i, 1, b) ^ BIT(i, 2, c) ^ BIT(i, 3, d) ^ BIT(i, 4, e) ^ BIT(i, 5, f) ^ BIT(i, 6, g) ^ BIT(i, 7, h))
#define T0(i) SUM(i, 0x77073096, 0xee0e612c, 0x076dc419, 0x0edb8832, 0x1db71064, 0x3b6e20c8, 0x76dc4190, 0xedb88320)
#define T1(i) SUM(i, 0x191b3141, 0x32366282, 0x646cc504, 0xc8d98a08, 0x4ac21251, 0x958424a2, 0xf0794f05, 0x3b83984b)
#define T2(i) SUM(i, 0x01c26a37, 0x0384d46e, 0x0709a8dc, 0x0e1351b8, 0x1c26a370, 0x384d46e0, 0x709a8dc0, 0xe1351b80)
#define T3(i) SUM(i, 0xb8bc6765, 0xaa09c88b, 0x8f629757, 0xc5b428ef, 0x5019579f, 0xa032af3e, 0x9b14583d, 0xed59b63b)
#define T4(i) SUM(i, 0x3d6029b0, 0x7ac05360, 0xf580a6c0, 0x30704bc1, 0x60e09782, 0xc1c12f04, 0x58f35849, 0xb1e6b092)
#define T5(i) SUM(i, 0xcb5cd3a5, 0x4dc8a10b, 0x9b914216, 0xec53826d, 0x03d6029b, 0x07ac0536, 0x0f580a6c, 0x1eb014d8)
#define T6(i) SUM(i, 0xa6770bb4, 0x979f1129, 0xf44f2413, 0x33ef4e67, 0x67de9cce, 0xcfbd399c, 0x440b7579, 0x8816eaf2)
#define T7(i) SUM(i, 0xccaa009e, 0x4225077d, 0x844a0efa, 0xd3e51bb5, 0x7cbb312b, 0xf9766256, 0x299dc2ed, 0x533b85da)
#define FOUR(t, i) t(i), t((i) + 1), t((i) + 2), t((i) + 3)
#define SIXTEEN(t, i) FOUR(t, i), FOUR(t, (i) + 4), FOUR(t, (i) + 8), FOUR(t, (i) + 12)
#define SIXTY_FOUR(t, i) SIXTEEN(t, i), SIXTEEN(t, (i) + 16), SIXTEEN(t, (i) + 32), SIXTEEN(t, (i) + 48)
#define ALL(t) {SIXTY_FOUR(t, 0), SIXTY_FOUR(t, 64), SIXTY_FOUR(t, 128), SIXTY_FOUR(t, 192)}

static const uint32_t crc_tables[8][256] = {ALL(T0), ALL(T1), ALL(T2), ALL(T3), ALL(T4), ALL(T5), ALL(T6), ALL(T7)};

#undef BIT
#undef SUM
#undef T0
#undef T1
#undef T2
#undef T3
#undef T4
#undef T5
#undef T6
#undef T7
#undef FOUR
#undef SIXTEEN
#undef SIXTY_FOUR
#undef ALL

#endif
