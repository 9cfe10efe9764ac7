// The whole libc of the WebAssembly port: what firmware may use of string.h. Defined in libc.c.
#ifndef FLEET_WASM_STRING_H
#define FLEET_WASM_STRING_H
#include <stddef.h>
void *memcpy(void *restrict dst, const void *restrict src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int value, size_t n);
int memcmp(const void *a, const void *b, size_t n);
#endif
