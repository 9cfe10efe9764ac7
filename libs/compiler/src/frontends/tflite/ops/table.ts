// Which operators of a .tflite we import. A new one is one line here and one importer.
import type { ImportOp } from '../context.js';
import { importConv2d, importDepthwiseConv2d } from './conv-2d.js';
import { importAdd, importRelu, importReshape, importSoftmax } from './element-wise.js';
import { importFullyConnected } from './fully-connected.js';
import { importPool2d } from './pool-2d.js';

export const IMPORTERS: Readonly<Record<string, ImportOp>> = {
  ADD: importAdd,
  AVERAGE_POOL_2D: (context) => importPool2d('average_pool_2d', context),
  CONV_2D: importConv2d,
  DEPTHWISE_CONV_2D: importDepthwiseConv2d,
  FULLY_CONNECTED: importFullyConnected,
  MAX_POOL_2D: (context) => importPool2d('max_pool_2d', context),
  RELU: (context) => importRelu('relu', context),
  RELU6: (context) => importRelu('relu6', context),
  RELU_N1_TO_1: (context) => importRelu('relu_n1_to_1', context),
  RESHAPE: importReshape,
  SOFTMAX: importSoftmax,
};

/** Why an operator we do not import is often there, and what to do about it. */
export const HINTS: Readonly<Record<string, string>> = {
  QUANTIZE: 'convert with int8 (not float or uint8) input and output types, and the edge QUANTIZE disappears',
  DEQUANTIZE: 'convert with int8 output type, and the edge DEQUANTIZE disappears',
  CAST: 'usually pre-processing: feed the model what comes after it',
  MEAN: 'use AveragePooling2D over the whole map instead of GlobalAveragePooling2D',
  PAD: 'use padding="same" in the convolution instead of ZeroPadding2D',
  SQUEEZE: 'use Reshape or Flatten',
  EXPAND_DIMS: 'use Reshape',
  MUL: 'fold batch normalization before converting: it sits behind an op it cannot be folded into',
  LOGISTIC: 'a sigmoid output can stay off the device: compare the logit with a threshold',
  SHAPE: 'the model has a dynamic batch: convert a concrete function with batch 1',
  STRIDED_SLICE: 'often from a dynamic batch: convert a concrete function with batch 1',
  UNIDIRECTIONAL_SEQUENCE_LSTM: 'recurrent layers are not supported yet: use convolutions over time',
  SVDF: 'streaming layers are not supported yet',
  VAR_HANDLE: 'streaming models are not supported yet: export the non-streaming model',
  CALL_ONCE: 'streaming models are not supported yet: export the non-streaming model',
};
