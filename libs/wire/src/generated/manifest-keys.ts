/** Generated from docs/spec/wire.cddl and manifest.cddl by npm run generate. Do not edit. */

export const manifestEnvelopeKeys = { tag: 107, authenticationWrapper: 2, manifest: 3 } as const;
export const suitDigestKeys = { algorithm: -16 } as const;
export const signatureKeys = { tag: 18 } as const;
export const protectedHeaderKeys = { algorithm: 1, keyId: 4, keyIdMaxBytes: 8 } as const;
export const coseAlgorithmKeys = { ed25519: -8, p256: -7 } as const;
export const macKeys = { tag: 17 } as const;
export const macHeaderKeys = { algorithm: 1, algorithmValue: 5 } as const;
export const manifestKeys = {
  version: 1,
  versionValue: 1,
  sequence: 2,
  common: 3,
  validate: 7,
  install: 20,
} as const;
export const commonKeys = { components: 2, sharedSequence: 4 } as const;
export const sharedSequenceKeys = {
  override: 20,
  vendor: 1,
  vendorPolicy: 15,
  class: 2,
  classPolicy: 15,
} as const;
export const parametersKeys = {
  vendorId: 1,
  vendorIdMaxBytes: 16,
  classId: 2,
  classIdMaxBytes: 16,
  imageDigest: 3,
  imageSize: 14,
  conditions: -1,
} as const;
export const conditionsKeys = {
  abi: 1,
  opSet: 2,
  opSetMaxBytes: 64,
  ownOpSet: 3,
  ownOpSetMaxBytes: 8,
  arenaBytes: 4,
  stateBytes: 5,
  firmwareMin: 6,
  firmwareMinMaxBytes: 32,
  floor: 7,
  soakS: 8,
  latencyUs: 9,
  allowDowngrade: 10,
  supersede: 11,
  supersedeCommit: 1,
  supersedeRevert: 2,
  notAfter: 12,
} as const;
export const validateKeys = { imageMatch: 3, imageMatchPolicy: 15 } as const;
export const installKeys = { fetch: 21, fetchPolicy: 2 } as const;
