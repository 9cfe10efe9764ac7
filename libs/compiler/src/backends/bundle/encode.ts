// The bundle backend: contents to the bytes of docs/spec/bundle.md. Places sections, fills the header, hashes. Same
// contents, same bytes.
import { createHash } from 'node:crypto';
import {
  BUNDLE_ABI,
  BUNDLE_ALIGNMENT,
  BUNDLE_MAGIC,
  HEADER_FLAGS,
  OPS,
  RECORDS,
  SECTION_FLAGS,
  SECTIONS,
} from '../../plan/generated/bundle-layout.js';
import { alignUp } from '../../ir/align.js';
import type { BundleContents } from './contents.js';
import { concat, record } from './record.js';
import {
  contractSection,
  frontEndSection,
  goldenSections,
  infoSection,
  monitorsSection,
  Names,
  planSection,
  strings,
} from './sections.js';

export type SectionName = keyof typeof SECTIONS;

export interface EncodedBundle {
  readonly bytes: Uint8Array;
  /** Where each section lies; 'header' is the header and the section table. */
  readonly sections: Readonly<Partial<Record<SectionName | 'header', { offset: number; length: number }>>>;
}

/** The digest covers the bytes from here to the end. */
const HASHED_FROM = RECORDS.header.fields.arena_bytes.offset;
const OWN_OPS_FROM = 1024;

export function encodeBundle(contents: BundleContents): EncodedBundle {
  const { plan, golden, monitors, reduced } = contents;
  const names = new Names(!reduced);
  const labels = reduced ? [] : contents.labels;
  const contract = contractSection({ ...contents, labels }, names);
  const monitorBytes = monitorsSection(monitors, names);
  const tests = goldenSections(golden);
  const parts: [SectionName, Uint8Array, number][] = [
    ['contract', contract, contents.inputs.length + contents.outputs.length],
    ['plan', planSection(plan.steps), plan.steps.length],
    ['constants', plan.constants, 0],
    ['labels', strings(labels), labels.length],
    ['monitors', monitorBytes, monitors.length],
    ['golden', tests.golden, golden.length],
    ['step_crcs', tests.stepCrcs, tests.stepCrcs.length / 4],
    ['samples', tests.samples, 0],
    [
      'front_end',
      plan.frontEnd === undefined ? new Uint8Array(0) : frontEndSection(plan.frontEnd),
      plan.frontEnd?.stages.length ?? 0,
    ],
    ['state_init', plan.stateInit ?? new Uint8Array(0), 0],
    ['names', names.section(), names.count],
    ['info', reduced ? new Uint8Array(0) : infoSection(contents.info), 0],
  ];
  const present = parts.filter(
    ([name, bytes]) => bytes.length > 0 || name === 'constants' || name === 'plan',
  );

  const tableBytes = present.length * RECORDS.section.bytes;
  let end = alignUp(RECORDS.header.bytes + tableBytes, BUNDLE_ALIGNMENT);
  const sections: Partial<Record<SectionName | 'header', { offset: number; length: number }>> = {
    header: { offset: 0, length: end },
  };
  const table = present.map(([name, bytes, count]) => {
    const offset = end;
    sections[name] = { offset, length: bytes.length };
    end = alignUp(end + bytes.length, BUNDLE_ALIGNMENT);
    const { number, required } = SECTIONS[name];
    return record(RECORDS.section, {
      type: number,
      flags: required ? SECTION_FLAGS.required : 0,
      offset,
      length: bytes.length,
      count,
    });
  });

  const bytes = new Uint8Array(end);
  bytes.set(header(contents, { totalBytes: end, sectionCount: present.length }));
  bytes.set(concat(table), RECORDS.header.bytes);
  for (const [name, data] of present) bytes.set(data, sections[name]!.offset);
  bytes.set(
    createHash('sha256').update(bytes.subarray(HASHED_FROM)).digest(),
    RECORDS.header.fields.digest.offset,
  );
  return { bytes, sections };
}

function header(contents: BundleContents, size: { totalBytes: number; sectionCount: number }): Uint8Array {
  const opSet = new Uint8Array(32);
  const ownOpSet = new Uint8Array(8);
  for (const { op } of contents.plan.steps) {
    const { number } = OPS[op];
    const [set, bit] = number >= OWN_OPS_FROM ? [ownOpSet, number - OWN_OPS_FROM] : [opSet, number];
    set[bit >> 3]! |= 1 << (bit & 7);
  }
  return record(RECORDS.header, {
    magic: BUNDLE_MAGIC,
    abi_major: BUNDLE_ABI.major,
    abi_minor: BUNDLE_ABI.minor,
    total_bytes: size.totalBytes,
    header_bytes: RECORDS.header.bytes,
    section_count: size.sectionCount,
    digest: new Uint8Array(32),
    arena_bytes: contents.plan.arenaBytes,
    state_bytes: contents.plan.stateBytes,
    stack_bytes: 0,
    step_count: contents.plan.steps.length,
    op_set: opSet,
    own_op_set: ownOpSet,
    input_count: contents.inputs.length,
    output_count: contents.outputs.length,
    monitor_count: contents.monitors.length,
    golden_count: contents.golden.length,
    flags:
      (contents.optimized ? HEADER_FLAGS.optimized : 0) +
      (contents.streaming ? HEADER_FLAGS.streaming : 0) +
      (contents.plan.frontEnd === undefined ? 0 : HEADER_FLAGS.front_end),
  });
}
