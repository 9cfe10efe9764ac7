// What stands around the emitted model: build files, an example that proves the library on the spot, instructions.
import type { GoldenVector } from '../bundle/contents.js';
import type { CModel } from './model.js';
import { comment, initializers } from './text.js';

export function makefile({ stem }: CModel, units: readonly string[]): string {
  return `# make            lib${stem}.a and the example, with the host's compiler
# make check      runs the example: the model's self-test
# Other targets:  make lib${stem}.a CC=arm-none-eabi-gcc AR=arm-none-eabi-ar CFLAGS='-O2 -mcpu=cortex-m4 -mthumb'
CC ?= cc
AR ?= ar
CFLAGS ?= -O2
FLAGS = -std=c99 -Wall -Wextra -Wconversion -ffunction-sections -fdata-sections -I.

OBJECTS = ${units.map((unit) => unit.replace(/\.c$/, '.o')).join(' ')}
HEADERS = $(wildcard *.h fleet/*.h)

all: lib${stem}.a example/example

lib${stem}.a: $(OBJECTS)
	rm -f $@
	$(AR) rcs $@ $(OBJECTS)

# Unused functions (load-time checks) are left out of the program.
example/example: example/main.c lib${stem}.a
	$(CC) $(CFLAGS) $(FLAGS) -o $@ example/main.c lib${stem}.a $(LDFLAGS)

check: example/example
	./example/example

%.o: %.c $(HEADERS)
	$(CC) $(CFLAGS) $(FLAGS) -c -o $@ $<

clean:
	rm -f $(OBJECTS) lib${stem}.a example/example

.PHONY: all check clean
`;
}

export function cmakeLists({ stem }: CModel, units: readonly string[]): string {
  return `# As part of a project: add_subdirectory(...), target_link_libraries(application ${stem}).
# Alone: cmake -B build && cmake --build build && ctest --test-dir build
cmake_minimum_required(VERSION 3.13)
project(${stem} LANGUAGES C)

add_library(${stem} STATIC
${units.map((unit) => `  ${unit}`).join('\n')}
)
target_include_directories(${stem} PUBLIC \${CMAKE_CURRENT_SOURCE_DIR})
set_target_properties(${stem} PROPERTIES C_STANDARD 99 C_STANDARD_REQUIRED ON)
# Kernels are meant to be fast, also where the project is built for size.
target_compile_options(${stem} PRIVATE -O2 -Wall -Wextra -Wconversion -ffunction-sections -fdata-sections)

if(CMAKE_SOURCE_DIR STREQUAL CMAKE_CURRENT_SOURCE_DIR AND NOT CMAKE_CROSSCOMPILING)
  add_executable(${stem}_example example/main.c)
  target_link_libraries(${stem}_example ${stem})
  enable_testing()
  add_test(NAME self_test COMMAND ${stem}_example)
endif()
`;
}

/** Runs the model's golden vectors: the first thing to do on a new target. */
export function exampleMain(model: CModel): string {
  const { stem, contents, inputs, outputs } = model;
  const S = stem.toUpperCase();
  const vectors = contents.golden;
  const state = contents.plan.stateBytes > 0;
  const samples = vectors.filter((vector) => vector.sample !== null);
  const fill = inputs.flatMap((t) => [
    `    if (v->sample != NULL) memcpy(${stem}_${t.name}(&model), v->sample + at, ${t.macro}_BYTES);`,
    `    else fleet_fill_random(&random, ${stem}_${t.name}(&model), ${t.macro}_BYTES);`,
    `    at += ${t.macro}_BYTES;`,
  ]);
  const crcs = outputs.map((t) => `    crc = fleet_crc32(crc, ${stem}_${t.name}(&model), ${t.macro}_BYTES);`);
  const labelled = contents.labels.length > 0 ? outputs.find((t) => t.classes > 0) : undefined;
  return `// The self-test of this model: fixed inputs, and the CRC-32 of the outputs that TinyFleet's own runtime gave for them. Also
// an example of how the library is used. Prints one line per input; exit code 0 = all equal.
#include <stdio.h>
#include <string.h>

#include "../${stem}.h"
#include "../fleet/fleet_runtime.h"

static uint8_t arena[${S}_ARENA_BYTES] ${S}_ALIGNED;
${state ? `static uint8_t state[${S}_STATE_BYTES] ${S}_ALIGNED;\n` : ''}
${samples.map((vector, i) => `static const uint8_t sample_${i}[] = {\n${initializers(vector.sample!)}\n};\n`).join('')}
// An input is a recorded sample, or random bytes from a seed; so many inferences in a row, from the initial state.
typedef struct {
  const uint8_t *sample;
  uint32_t seed, frames, crc;
} vector_t;

static const vector_t vectors[] = {
${vectors.map((vector) => vectorRow(vector, samples)).join('\n')}
};

int main(void) {
  static ${stem}_t model;
  int failed = 0;
  if (${stem}_init(&model, arena${state ? ', state' : ''}) != 0) return 1;
  for (unsigned i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
    const vector_t *v = &vectors[i];
    uint32_t random = v->seed, crc = 0;
    size_t at = 0;
${state ? `    ${stem}_reset(&model);\n` : ''}    for (uint32_t frame = 0; frame < v->frames; frame++) {
${indented(fill)}
      if (${stem}_run(&model) != 0) return 1;
${indented(crcs)}
    }
    (void)random;
    failed += crc != v->crc;
    printf("input %u: outputs %08lx, %s", i, (unsigned long)crc, crc == v->crc ? "as expected" : "WRONG");
${labelled === undefined ? '' : winner(model, labelled.name, labelled.type)}    printf("\\n");
  }
  return failed != 0;
}
`;
}

function indented(lines: readonly string[]): string {
  return lines.map((line) => line.replace(/^(?=.)/gm, '  ')).join('\n');
}

function vectorRow(vector: GoldenVector, samples: readonly GoldenVector[]): string {
  const sample = vector.sample === null ? 'NULL' : `sample_${samples.indexOf(vector)}`;
  return `    {${sample}, ${vector.seed >>> 0}u, ${vector.frames}u, 0x${(vector.outputsCrc >>> 0).toString(16).padStart(8, '0')}u},`;
}

function winner({ stem }: CModel, name: string, type: string): string {
  const S = stem.toUpperCase();
  return `    const ${type} *scores = ${stem}_${name}(&model);
    unsigned best = 0;
    for (unsigned c = 1; c < ${S}_CLASSES; c++)
      if (scores[c] > scores[best]) best = c;
    printf(", class %s", ${stem}_labels[best]);
`;
}

export function readme(model: CModel): string {
  const { stem, contents, inputs, outputs } = model;
  const { plan, info } = contents;
  const S = stem.toUpperCase();
  const state = plan.stateBytes > 0;
  const macs = plan.steps.reduce((n, step) => n + step.macs, 0);
  const rows = [...inputs, ...outputs].map(
    (t) => `| \`${stem}_${t.name}()\` | ${t.about.replaceAll('|', '/')} | ${t.bytes} |`,
  );
  return `# ${comment(info.model)}

A static C library of one model: constants, one record per layer, and direct calls of TinyFleet's integer kernels. There is
no interpreter, no allocation, no floating point and no file to parse. The results equal those of the bundle that
TinyFleet makes of the same model, bit for bit.

|                   |                                     |
| ----------------- | ----------------------------------- |
| constants (flash) | ${plan.constants.length} bytes |
| arena (RAM)       | ${plan.arenaBytes} bytes, scratch of one inference |
| state (RAM)       | ${plan.stateBytes} bytes |
| work              | ${macs} multiply-accumulates in ${plan.steps.length} steps |

| tensor | what | bytes |
| ------ | ---- | ----- |
${rows.join('\n')}

## Use

\`\`\`c
#include "${stem}.h"

static uint8_t arena[${S}_ARENA_BYTES] ${S}_ALIGNED;
${state ? `static uint8_t state[${S}_STATE_BYTES] ${S}_ALIGNED;\n` : ''}static ${stem}_t model;

${stem}_init(&model, arena${state ? ', state' : ''});
/* write ${inputs.map((t) => `${stem}_${t.name}(&model)`).join(', ')} */
${stem}_run(&model);
/* read ${outputs.map((t) => `${stem}_${t.name}(&model)`).join(', ')} */
\`\`\`

## Build

\`\`\`sh
make check
make clean
make lib${stem}.a CC=arm-none-eabi-gcc AR=arm-none-eabi-ar CFLAGS='-O2 -mcpu=cortex-m4 -mthumb'
\`\`\`

or \`add_subdirectory\` in CMake and link target \`${stem}\`. Link with \`-Wl,--gc-sections\`: load-time checks of the kernels, which
this library does not need, then stay out of the program. Run example/main.c on every new target once: it is the self-test.

The files in fleet/ are TinyFleet's, under the Apache License 2.0 (LICENSE). The model is its owner's.
`;
}
