// What differs between targets with 32-bit addresses and AVR. There the CPU reads program memory by instructions of its own, so
// what must not be copied to RAM at start (tables, the bundle) is declared FLEET_CONST_MEMORY: `static const FLEET_CONST_MEMORY uint8_t
// table[]`; a pointer to it is a type of its own there, and the ordinary one everywhere else.
#ifndef FLEET_CONST_H
#define FLEET_CONST_H

#include <stdint.h>

#if defined(__AVR__) && !defined(FLEET_CONST_MEMORY)
#define FLEET_CONST_MEMORY __flash
#define FLEET_CONST_APART 1
#elif !defined(FLEET_CONST_MEMORY)
#define FLEET_CONST_MEMORY
#endif

// A function whose call is smaller than its body, where code is dearer than time.
#if defined(__AVR__)
#define FLEET_OUT_OF_LINE __attribute__((noinline, unused))
#else
#define FLEET_OUT_OF_LINE inline
#endif

// Bytes and counts of what lies in memory: as wide as an address.
#if defined(__AVR__)
typedef uint16_t fleet_size_t;
#else
typedef uint32_t fleet_size_t;
#endif

#endif
