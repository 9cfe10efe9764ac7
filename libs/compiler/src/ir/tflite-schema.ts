// The part of TensorFlow Lite's schema (schema.fbs v3, identifier TFL3) that we read and write, as data: one reader
// (frontends/tflite) and one writer (backends/tflite) interpret the same tables. Field ids are the schema's, never ours.

export type ScalarKind = 'u8' | 'i8' | 'bool' | 'i32' | 'u32' | 'f32' | 'u64';

export type Field =
  | { readonly kind: ScalarKind; readonly id: number; readonly default: number }
  | { readonly kind: 'text' | 'bytes' | 'i32s' | 'f32s' | 'i64s'; readonly id: number }
  | { readonly kind: 'table' | 'tables'; readonly id: number; readonly of: TableSchema }
  | {
      readonly kind: 'union';
      /** Field `id - 1` of the schema holds the type. */
      readonly id: number;
      readonly cases: Readonly<Record<number, TableSchema>>;
    };

export interface TableSchema {
  readonly name: string;
  readonly fields: Readonly<Record<string, Field>>;
}

type Value<F> = F extends { kind: 'bool' }
  ? boolean
  : F extends { kind: ScalarKind }
    ? number
    : F extends { kind: 'text' }
      ? string | null
      : F extends { kind: 'bytes' }
        ? Uint8Array | null
        : F extends { kind: 'i32s' | 'f32s' | 'i64s' }
          ? readonly number[] | null
          : F extends { kind: 'table'; of: infer T extends TableSchema }
            ? Decoded<T> | null
            : F extends { kind: 'tables'; of: infer T extends TableSchema }
              ? readonly Decoded<T>[] | null
              : F extends { kind: 'union' }
                ? UnionValue | null
                : never;

/** A decoded table: every field present, absent ones as their default or null. */
export type Decoded<T extends TableSchema> = { readonly [K in keyof T['fields']]: Value<T['fields'][K]> };

/** `value` is null when the case is one we do not decode. */
export interface UnionValue {
  readonly type: number;
  readonly value: Readonly<Record<string, unknown>> | null;
}

function table<const T extends TableSchema>(schema: T): T {
  return schema;
}

export const CONV_2D_OPTIONS = table({
  name: 'Conv2DOptions',
  fields: {
    padding: { kind: 'i8', id: 0, default: 0 },
    strideW: { kind: 'i32', id: 1, default: 0 },
    strideH: { kind: 'i32', id: 2, default: 0 },
    activation: { kind: 'i8', id: 3, default: 0 },
    dilationW: { kind: 'i32', id: 4, default: 1 },
    dilationH: { kind: 'i32', id: 5, default: 1 },
  },
});

export const DEPTHWISE_CONV_2D_OPTIONS = table({
  name: 'DepthwiseConv2DOptions',
  fields: {
    padding: { kind: 'i8', id: 0, default: 0 },
    strideW: { kind: 'i32', id: 1, default: 0 },
    strideH: { kind: 'i32', id: 2, default: 0 },
    depthMultiplier: { kind: 'i32', id: 3, default: 0 },
    activation: { kind: 'i8', id: 4, default: 0 },
    dilationW: { kind: 'i32', id: 5, default: 1 },
    dilationH: { kind: 'i32', id: 6, default: 1 },
  },
});

export const TRANSPOSE_CONV_OPTIONS = table({
  name: 'TransposeConvOptions',
  fields: {
    padding: { kind: 'i8', id: 0, default: 0 },
    strideW: { kind: 'i32', id: 1, default: 0 },
    strideH: { kind: 'i32', id: 2, default: 0 },
    activation: { kind: 'i8', id: 3, default: 0 },
  },
});

export const POOL_2D_OPTIONS = table({
  name: 'Pool2DOptions',
  fields: {
    padding: { kind: 'i8', id: 0, default: 0 },
    strideW: { kind: 'i32', id: 1, default: 0 },
    strideH: { kind: 'i32', id: 2, default: 0 },
    filterW: { kind: 'i32', id: 3, default: 0 },
    filterH: { kind: 'i32', id: 4, default: 0 },
    activation: { kind: 'i8', id: 5, default: 0 },
  },
});

export const FULLY_CONNECTED_OPTIONS = table({
  name: 'FullyConnectedOptions',
  fields: {
    activation: { kind: 'i8', id: 0, default: 0 },
    weightsFormat: { kind: 'i8', id: 1, default: 0 },
    keepNumDims: { kind: 'bool', id: 2, default: 0 },
  },
});

export const SOFTMAX_OPTIONS = table({
  name: 'SoftmaxOptions',
  fields: { beta: { kind: 'f32', id: 0, default: 0 } },
});

const ACTIVATED = { activation: { kind: 'i8', id: 0, default: 0 } } as const;
export const ADD_OPTIONS = table({ name: 'AddOptions', fields: ACTIVATED });
export const SUB_OPTIONS = table({ name: 'SubOptions', fields: ACTIVATED });
export const MUL_OPTIONS = table({ name: 'MulOptions', fields: ACTIVATED });
export const DIV_OPTIONS = table({ name: 'DivOptions', fields: ACTIVATED });

export const LEAKY_RELU_OPTIONS = table({
  name: 'LeakyReluOptions',
  fields: { alpha: { kind: 'f32', id: 0, default: 0 } },
});

export const MAXIMUM_MINIMUM_OPTIONS = table({ name: 'MaximumMinimumOptions', fields: {} });
export const QUANTIZE_OPTIONS = table({ name: 'QuantizeOptions', fields: {} });
export const HARD_SWISH_OPTIONS = table({ name: 'HardSwishOptions', fields: {} });

export const CAST_OPTIONS = table({
  name: 'CastOptions',
  fields: {
    inDataType: { kind: 'i8', id: 0, default: 0 },
    outDataType: { kind: 'i8', id: 1, default: 0 },
  },
});

export const RESHAPE_OPTIONS = table({
  name: 'ReshapeOptions',
  fields: { newShape: { kind: 'i32s', id: 0 } },
});

export const CONCATENATION_OPTIONS = table({
  name: 'ConcatenationOptions',
  fields: { axis: { kind: 'i32', id: 0, default: 0 }, activation: { kind: 'i8', id: 1, default: 0 } },
});

export const RESIZE_BILINEAR_OPTIONS = table({
  name: 'ResizeBilinearOptions',
  fields: {
    alignCorners: { kind: 'bool', id: 2, default: 0 },
    halfPixelCenters: { kind: 'bool', id: 3, default: 0 },
  },
});

export const RESIZE_NEAREST_NEIGHBOR_OPTIONS = table({
  name: 'ResizeNearestNeighborOptions',
  fields: {
    alignCorners: { kind: 'bool', id: 0, default: 0 },
    halfPixelCenters: { kind: 'bool', id: 1, default: 0 },
  },
});

/** SpaceToDepthOptions and DepthToSpaceOptions. */
export const BLOCK_OPTIONS = table({
  name: 'SpaceToDepthOptions',
  fields: { blockSize: { kind: 'i32', id: 0, default: 0 } },
});

/** MirrorPadMode: 0 reflect, 1 symmetric. */
export const MIRROR_PAD_OPTIONS = table({
  name: 'MirrorPadOptions',
  fields: { mode: { kind: 'i8', id: 0, default: 0 } },
});

export const GATHER_OPTIONS = table({
  name: 'GatherOptions',
  fields: { axis: { kind: 'i32', id: 0, default: 0 }, batchDims: { kind: 'i32', id: 1, default: 0 } },
});

export const REDUCER_OPTIONS = table({
  name: 'ReducerOptions',
  fields: { keepDims: { kind: 'bool', id: 0, default: 0 } },
});

export const STRIDED_SLICE_OPTIONS = table({
  name: 'StridedSliceOptions',
  fields: {
    beginMask: { kind: 'i32', id: 0, default: 0 },
    endMask: { kind: 'i32', id: 1, default: 0 },
    ellipsisMask: { kind: 'i32', id: 2, default: 0 },
    newAxisMask: { kind: 'i32', id: 3, default: 0 },
    shrinkAxisMask: { kind: 'i32', id: 4, default: 0 },
    offset: { kind: 'bool', id: 5, default: 0 },
  },
});

/** SplitOptions and SplitVOptions. */
export const SPLIT_OPTIONS = table({
  name: 'SplitOptions',
  fields: { numSplits: { kind: 'i32', id: 0, default: 0 } },
});

export const PACK_OPTIONS = table({
  name: 'PackOptions',
  fields: { valuesCount: { kind: 'i32', id: 0, default: 0 }, axis: { kind: 'i32', id: 1, default: 0 } },
});

export const UNPACK_OPTIONS = table({
  name: 'UnpackOptions',
  fields: { num: { kind: 'i32', id: 0, default: 0 }, axis: { kind: 'i32', id: 1, default: 0 } },
});

/** ArgMaxOptions and ArgMinOptions; a TensorType. */
export const ARG_OPTIONS = table({
  name: 'ArgMaxOptions',
  fields: { outputType: { kind: 'i8', id: 0, default: 0 } },
});

export const BATCH_MATMUL_OPTIONS = table({
  name: 'BatchMatMulOptions',
  fields: { adjX: { kind: 'bool', id: 0, default: 0 }, adjY: { kind: 'bool', id: 1, default: 0 } },
});

/** Options without fields that we write: pads, transposes, slices. */
export const EMPTY_OPTIONS = table({ name: 'empty options', fields: {} });

export const SVDF_OPTIONS = table({
  name: 'SVDFOptions',
  fields: {
    rank: { kind: 'i32', id: 0, default: 0 },
    activation: { kind: 'i8', id: 1, default: 0 },
  },
});

export const UNIDIRECTIONAL_SEQUENCE_LSTM_OPTIONS = table({
  name: 'UnidirectionalSequenceLSTMOptions',
  fields: {
    activation: { kind: 'i8', id: 0, default: 0 },
    cellClip: { kind: 'f32', id: 1, default: 0 },
    timeMajor: { kind: 'bool', id: 3, default: 0 },
  },
});

export const CALL_ONCE_OPTIONS = table({
  name: 'CallOnceOptions',
  fields: { initSubgraph: { kind: 'i32', id: 0, default: 0 } },
});

export const VAR_HANDLE_OPTIONS = table({
  name: 'VarHandleOptions',
  fields: { container: { kind: 'text', id: 0 }, sharedName: { kind: 'text', id: 1 } },
});

/** The BuiltinOptions union: its type numbers. */
export const OPTIONS_TYPE = {
  conv2d: 1,
  depthwiseConv2d: 2,
  pool2d: 5,
  fullyConnected: 8,
  softmax: 9,
  concatenation: 10,
  add: 11,
  resizeBilinear: 15,
  reshape: 17,
  transposeConv: 49,
  mul: 21,
  sub: 28,
  div: 29,
  cast: 37,
  maximumMinimum: 39,
  leakyRelu: 75,
  hardSwish: 91,
  quantize: 89,
  spaceToDepth: 19,
  gather: 23,
  batchToSpaceNd: 24,
  spaceToBatchNd: 25,
  transpose: 26,
  tile: 51,
  reducer: 27,
  stridedSlice: 32,
  argMax: 40,
  padV2: 43,
  argMin: 57,
  pack: 59,
  unpack: 64,
  resizeNearestNeighbor: 74,
  mirrorPad: 77,
  splitV: 79,
  depthToSpace: 94,
  batchMatMul: 101,
  broadcastTo: 104,
  svdf: 6,
  unidirectionalSequenceLstm: 71,
  callOnce: 103,
  varHandle: 111,
} as const;

export const QUANTIZATION = table({
  name: 'QuantizationParameters',
  fields: {
    scale: { kind: 'f32s', id: 2 },
    zeroPoint: { kind: 'i64s', id: 3 },
    quantizedDimension: { kind: 'i32', id: 6, default: 0 },
  },
});

export const TENSOR = table({
  name: 'Tensor',
  fields: {
    shape: { kind: 'i32s', id: 0 },
    type: { kind: 'i8', id: 1, default: 0 },
    buffer: { kind: 'u32', id: 2, default: 0 },
    name: { kind: 'text', id: 3 },
    quantization: { kind: 'table', id: 4, of: QUANTIZATION },
    isVariable: { kind: 'bool', id: 5, default: 0 },
    shapeSignature: { kind: 'i32s', id: 7 },
  },
});

export const OPERATOR = table({
  name: 'Operator',
  fields: {
    opcodeIndex: { kind: 'u32', id: 0, default: 0 },
    inputs: { kind: 'i32s', id: 1 },
    outputs: { kind: 'i32s', id: 2 },
    options: {
      kind: 'union',
      id: 4,
      cases: {
        [OPTIONS_TYPE.conv2d]: CONV_2D_OPTIONS,
        [OPTIONS_TYPE.depthwiseConv2d]: DEPTHWISE_CONV_2D_OPTIONS,
        [OPTIONS_TYPE.pool2d]: POOL_2D_OPTIONS,
        [OPTIONS_TYPE.fullyConnected]: FULLY_CONNECTED_OPTIONS,
        [OPTIONS_TYPE.softmax]: SOFTMAX_OPTIONS,
        [OPTIONS_TYPE.add]: ADD_OPTIONS,
        [OPTIONS_TYPE.sub]: SUB_OPTIONS,
        [OPTIONS_TYPE.mul]: MUL_OPTIONS,
        [OPTIONS_TYPE.div]: DIV_OPTIONS,
        [OPTIONS_TYPE.cast]: CAST_OPTIONS,
        [OPTIONS_TYPE.maximumMinimum]: MAXIMUM_MINIMUM_OPTIONS,
        [OPTIONS_TYPE.leakyRelu]: LEAKY_RELU_OPTIONS,
        [OPTIONS_TYPE.hardSwish]: HARD_SWISH_OPTIONS,
        [OPTIONS_TYPE.quantize]: QUANTIZE_OPTIONS,
        [OPTIONS_TYPE.concatenation]: CONCATENATION_OPTIONS,
        [OPTIONS_TYPE.resizeBilinear]: RESIZE_BILINEAR_OPTIONS,
        [OPTIONS_TYPE.reshape]: RESHAPE_OPTIONS,
        [OPTIONS_TYPE.transposeConv]: TRANSPOSE_CONV_OPTIONS,
        [OPTIONS_TYPE.spaceToDepth]: BLOCK_OPTIONS,
        [OPTIONS_TYPE.gather]: GATHER_OPTIONS,
        [OPTIONS_TYPE.batchToSpaceNd]: EMPTY_OPTIONS,
        [OPTIONS_TYPE.spaceToBatchNd]: EMPTY_OPTIONS,
        [OPTIONS_TYPE.transpose]: EMPTY_OPTIONS,
        [OPTIONS_TYPE.tile]: EMPTY_OPTIONS,
        [OPTIONS_TYPE.reducer]: REDUCER_OPTIONS,
        [OPTIONS_TYPE.stridedSlice]: STRIDED_SLICE_OPTIONS,
        [OPTIONS_TYPE.argMax]: ARG_OPTIONS,
        [OPTIONS_TYPE.padV2]: EMPTY_OPTIONS,
        [OPTIONS_TYPE.argMin]: ARG_OPTIONS,
        [OPTIONS_TYPE.pack]: PACK_OPTIONS,
        [OPTIONS_TYPE.unpack]: UNPACK_OPTIONS,
        [OPTIONS_TYPE.resizeNearestNeighbor]: RESIZE_NEAREST_NEIGHBOR_OPTIONS,
        [OPTIONS_TYPE.mirrorPad]: MIRROR_PAD_OPTIONS,
        [OPTIONS_TYPE.splitV]: SPLIT_OPTIONS,
        [OPTIONS_TYPE.depthToSpace]: BLOCK_OPTIONS,
        [OPTIONS_TYPE.batchMatMul]: BATCH_MATMUL_OPTIONS,
        [OPTIONS_TYPE.broadcastTo]: EMPTY_OPTIONS,
        [OPTIONS_TYPE.svdf]: SVDF_OPTIONS,
        [OPTIONS_TYPE.unidirectionalSequenceLstm]: UNIDIRECTIONAL_SEQUENCE_LSTM_OPTIONS,
        [OPTIONS_TYPE.callOnce]: CALL_ONCE_OPTIONS,
        [OPTIONS_TYPE.varHandle]: VAR_HANDLE_OPTIONS,
      },
    },
  },
});

export const SUBGRAPH = table({
  name: 'SubGraph',
  fields: {
    tensors: { kind: 'tables', id: 0, of: TENSOR },
    inputs: { kind: 'i32s', id: 1 },
    outputs: { kind: 'i32s', id: 2 },
    operators: { kind: 'tables', id: 3, of: OPERATOR },
    name: { kind: 'text', id: 4 },
  },
});

export const OPERATOR_CODE = table({
  name: 'OperatorCode',
  fields: {
    deprecatedBuiltinCode: { kind: 'i8', id: 0, default: 0 },
    customCode: { kind: 'text', id: 1 },
    version: { kind: 'i32', id: 2, default: 1 },
    builtinCode: { kind: 'i32', id: 3, default: 0 },
  },
});

export const BUFFER = table({
  name: 'Buffer',
  fields: {
    data: { kind: 'bytes', id: 0 },
    offset: { kind: 'u64', id: 1, default: 0 },
    size: { kind: 'u64', id: 2, default: 0 },
  },
});

export const MODEL = table({
  name: 'Model',
  fields: {
    version: { kind: 'u32', id: 0, default: 0 },
    operatorCodes: { kind: 'tables', id: 1, of: OPERATOR_CODE },
    subgraphs: { kind: 'tables', id: 2, of: SUBGRAPH },
    description: { kind: 'text', id: 3 },
    buffers: { kind: 'tables', id: 4, of: BUFFER },
  },
});

export const FILE_IDENTIFIER = 'TFL3';
export const SCHEMA_VERSION = 3;

/** TensorType by number; null marks a hole we never met. */
export const TENSOR_TYPES = [
  'float32',
  'float16',
  'int32',
  'uint8',
  'int64',
  'string',
  'bool',
  'int16',
  'complex64',
  'int8',
  'float64',
  'complex128',
  'uint64',
  'resource',
  'variant',
  'uint32',
  'uint16',
  'int4',
  'bfloat16',
  'int2',
] as const;

export const PADDING = ['same', 'valid'] as const;

/** ActivationFunctionType by number. */
export const ACTIVATIONS = ['none', 'relu', 'relu_n1_to_1', 'relu6', 'tanh', 'sign_bit'] as const;

/** BuiltinOperator names by code, for messages about ops we do not compile. */
export const BUILTIN_OPERATORS = (
  'ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE EMBEDDING_LOOKUP FLOOR ' +
  'FULLY_CONNECTED HASHTABLE_LOOKUP L2_NORMALIZATION L2_POOL_2D LOCAL_RESPONSE_NORMALIZATION LOGISTIC LSH_PROJECTION ' +
  'LSTM MAX_POOL_2D MUL RELU RELU_N1_TO_1 RELU6 RESHAPE RESIZE_BILINEAR RNN SOFTMAX SPACE_TO_DEPTH SVDF TANH ' +
  'CONCAT_EMBEDDINGS SKIP_GRAM CALL CUSTOM EMBEDDING_LOOKUP_SPARSE PAD UNIDIRECTIONAL_SEQUENCE_RNN GATHER ' +
  'BATCH_TO_SPACE_ND SPACE_TO_BATCH_ND TRANSPOSE MEAN SUB DIV SQUEEZE UNIDIRECTIONAL_SEQUENCE_LSTM STRIDED_SLICE ' +
  'BIDIRECTIONAL_SEQUENCE_RNN EXP TOPK_V2 SPLIT LOG_SOFTMAX DELEGATE BIDIRECTIONAL_SEQUENCE_LSTM CAST PRELU MAXIMUM ' +
  'ARG_MAX MINIMUM LESS NEG PADV2 GREATER GREATER_EQUAL LESS_EQUAL SELECT SLICE SIN TRANSPOSE_CONV SPARSE_TO_DENSE ' +
  'TILE EXPAND_DIMS EQUAL NOT_EQUAL LOG SUM SQRT RSQRT SHAPE POW ARG_MIN FAKE_QUANT REDUCE_PROD REDUCE_MAX PACK ' +
  'LOGICAL_OR ONE_HOT LOGICAL_AND LOGICAL_NOT UNPACK REDUCE_MIN FLOOR_DIV REDUCE_ANY SQUARE ZEROS_LIKE FILL ' +
  'FLOOR_MOD RANGE RESIZE_NEAREST_NEIGHBOR LEAKY_RELU SQUARED_DIFFERENCE MIRROR_PAD ABS SPLIT_V UNIQUE CEIL ' +
  'REVERSE_V2 ADD_N GATHER_ND COS WHERE RANK ELU REVERSE_SEQUENCE MATRIX_DIAG QUANTIZE MATRIX_SET_DIAG ROUND ' +
  'HARD_SWISH IF WHILE NON_MAX_SUPPRESSION_V4 NON_MAX_SUPPRESSION_V5 SCATTER_ND SELECT_V2 DENSIFY SEGMENT_SUM ' +
  'BATCH_MATMUL PLACEHOLDER_FOR_GREATER_OP_CODES CUMSUM CALL_ONCE BROADCAST_TO RFFT2D CONV_3D IMAG REAL COMPLEX_ABS ' +
  'HASHTABLE HASHTABLE_FIND HASHTABLE_IMPORT HASHTABLE_SIZE REDUCE_ALL CONV_3D_TRANSPOSE VAR_HANDLE READ_VARIABLE ' +
  'ASSIGN_VARIABLE BROADCAST_ARGS RANDOM_STANDARD_NORMAL BUCKETIZE RANDOM_UNIFORM MULTINOMIAL GELU ' +
  'DYNAMIC_UPDATE_SLICE RELU_0_TO_1 UNSORTED_SEGMENT_PROD UNSORTED_SEGMENT_MAX UNSORTED_SEGMENT_SUM ATAN2 ' +
  'UNSORTED_SEGMENT_MIN SIGN'
).split(' ');

export const CUSTOM_OPERATOR = 32;
/** deprecated_builtin_code of an operator code above 126; the real number is in builtin_code. */
export const PLACEHOLDER_OPERATOR = 127;
