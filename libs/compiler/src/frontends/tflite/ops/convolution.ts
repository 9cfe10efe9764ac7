// Which importer reads which operator with windows or weights.
import type { Importers } from '../context.js';
import { importConv2d, importDepthwiseConv2d } from './conv-2d.js';
import { importFullyConnected } from './fully-connected.js';
import { importPool2d } from './pool-2d.js';
import { importTransposeConv } from './transpose-conv.js';

export const CONVOLUTION: Importers = {
  AVERAGE_POOL_2D: (context) => importPool2d('average_pool_2d', context),
  CONV_2D: importConv2d,
  DEPTHWISE_CONV_2D: importDepthwiseConv2d,
  FULLY_CONNECTED: importFullyConnected,
  MAX_POOL_2D: (context) => importPool2d('max_pool_2d', context),
  TRANSPOSE_CONV: importTransposeConv,
};
