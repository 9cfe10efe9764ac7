/** Injection tokens of things that have no class of their own. */
export const BLOBS = Symbol('blob store');
export const LOG = Symbol('logger');
export const METRICS = Symbol('metrics registry');
