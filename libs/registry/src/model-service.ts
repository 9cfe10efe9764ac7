/** Models: import of a file as a new version, labels, validation data. Compiling is the job of builds. */
import {
  nextMinor,
  plural,
  versionOrder,
  type ProjectScope,
  type Resource,
  type Transact,
} from '@tinyfleet/contracts';
import { FleetError, isFleetError } from '@tinyfleet/errors';
import { readNpyHeader, type NpyHeader } from './npy.js';
import type { ModelInspector, RegistryStores, ValidationPart } from './ports.js';

/** As many classes as a telemetry histogram's axis is asked to have. */
export const MAX_LABELS = 4_096;

/** Where uploaded bytes lie; a part of the blob store. */
export interface Uploads {
  put(
    content: AsyncIterable<Uint8Array> | Uint8Array,
    limitBytes: number,
  ): Promise<{ readonly digest: string; readonly bytes: number }>;
  read(digest: string): Promise<Buffer>;
}

export interface ImportRequest {
  readonly model: string;
  readonly version?: string | undefined;
  readonly fileName: string;
  readonly labels: readonly string[];
  readonly content: AsyncIterable<Uint8Array>;
}

export class ModelService {
  constructor(
    private readonly stores: RegistryStores,
    private readonly transact: Transact<RegistryStores>,
    private readonly uploads: Uploads,
    private readonly inspector: ModelInspector,
    private readonly maxUploadBytes: number,
  ) {}

  /**
   * Stores the file, looks into it, and makes the version. The same content under the same version is accepted
   * again, so that a retried upload is harmless.
   */
  async import(
    actor: string,
    scope: ProjectScope,
    request: ImportRequest,
  ): Promise<Resource<'ModelVersion'>> {
    const { model, fileName } = request;
    if (request.labels.length > MAX_LABELS) {
      throw new FleetError('models.too-many-labels', { given: request.labels.length, limit: MAX_LABELS });
    }
    const source = await this.uploads.put(request.content, this.maxUploadBytes);
    const { format, contract, inspection } = await this.inspector.inspect(
      await this.uploads.read(source.digest),
      fileName,
    );
    const classes = contract.outputs[0]?.shape.at(-1) ?? 0;
    if (request.labels.length > 0 && request.labels.length !== classes) {
      throw new FleetError('models.labels-mismatch', { given: request.labels.length, classes });
    }
    const version = await this.transact(async ({ models, events, audit }) => {
      await models.lock(scope, model);
      const chosen = request.version ?? nextMinor(await models.newestVersion(scope, model));
      if (request.version !== undefined) {
        const known = await models.version(scope, model, chosen).catch(ignoreNotFound);
        if (known?.sourceDigest === source.digest) return chosen;
        if (known) throw new FleetError('models.version-exists', { model, version: chosen });
      }
      await models.addVersion(scope, {
        model,
        version: chosen,
        versionOrder: versionOrder(chosen),
        format,
        fileName,
        source,
        contract,
        inspection,
        labels: request.labels,
        createdBy: actor,
      });
      await audit.append(scope, {
        actor,
        action: 'model.imported',
        target: `${model}@${chosen}`,
        detail: { fileName, digest: source.digest, bytes: source.bytes },
      });
      await events.emit(scope, 'model.imported', { model, version: chosen });
      return chosen;
    });
    return await this.stores.models.version(scope, model, version);
  }

  /**
   * Inputs and calibration samples: shape (samples, ...input), floats or what the model's input is; of a float model any
   * numbers. Labels: uint8 of shape (samples,).
   */
  async setValidation(
    actor: string,
    scope: ProjectScope,
    ref: { readonly model: string; readonly version: string },
    part: ValidationPart,
    content: AsyncIterable<Uint8Array>,
  ): Promise<Resource<'ModelVersion'>> {
    const known = await this.stores.models.version(scope, ref.model, ref.version);
    const blob = await this.uploads.put(content, this.maxUploadBytes);
    const header = this.headerOf(await this.uploads.read(blob.digest), part);
    const problem = part === 'labels' ? labelProblem(header) : inputProblem(header, known);
    if (problem !== undefined) throw new FleetError('models.validation-invalid', { part, reason: problem });
    await this.transact(async ({ models, audit }) => {
      await models.setValidation(scope, ref, part, { ...blob, count: header.shape[0] ?? 0 });
      await audit.append(scope, {
        actor,
        action: 'model.validation-set',
        target: `${ref.model}@${ref.version}`,
        detail: { part, digest: blob.digest },
      });
    });
    return await this.stores.models.version(scope, ref.model, ref.version);
  }

  /** Windows of firmware that is not ours name what runs by 8 bytes of its own: from now on they are of this version. @throws models.build-known */
  async nameBuild(
    actor: string,
    scope: ProjectScope,
    ref: { readonly model: string; readonly version: string },
    { build, deviceType, classes }: Resource<'ForeignBuild'>,
  ): Promise<Resource<'ModelVersion'>> {
    const known = await this.stores.models.version(scope, ref.model, ref.version);
    const target = `${ref.model}@${ref.version}`;
    const asked = { deviceType, classes: classes ?? known.outputs[0]?.shape.at(-1) ?? known.labels.length };
    await this.transact(async ({ models, audit }) => {
      const named = await models.nameBuild(scope, ref, { prefix: Buffer.from(build, 'hex'), ...asked });
      const isAsked =
        named.release === target && named.deviceType === deviceType && named.classes === asked.classes;
      if (!isAsked) {
        const release = `${named.release} for ${named.deviceType} with ${plural(named.classes, 'class')}`;
        throw new FleetError('models.build-known', { build, release });
      }
      if (!named.isNew) return;
      await audit.append(scope, {
        ...{ actor, action: 'model.build-named', target },
        detail: { build, deviceType },
      });
    });
    return known;
  }

  private headerOf(file: Buffer, part: string): NpyHeader {
    try {
      return readNpyHeader(file, file.length);
    } catch (error) {
      throw new FleetError('models.validation-invalid', { part, reason: (error as Error).message });
    }
  }
}

/** By the model's input: quantized values of its own type, or floats, which the compiler quantizes. */
const INPUT_TYPES: Readonly<Record<string, RegExp>> = {
  float32: /^([|<=]?[iu][124]|[<=]?f[48])$/,
  int16: /^([<=]?i2|[<=]?f[48])$/,
  int8: /^([|<>=]?i1|[<=]?f[48])$/,
};

function inputProblem(header: NpyHeader, version: Resource<'ModelVersion'>): string | undefined {
  const dtype = version.inputs[0]?.dtype ?? 'int8';
  const types = INPUT_TYPES[dtype] ?? INPUT_TYPES['int8']!;
  if (!types.test(header.descr)) {
    return `its type is ${header.descr}, not ${dtype === 'float32' ? 'a number of up to 8 bytes' : `${dtype} or float32`}`;
  }
  if (header.fortranOrder) return 'it is in Fortran order';
  const perSample = header.shape.slice(1).reduce((product, n) => product * n, 1);
  const needed = (version.inputs[0]?.shape ?? []).reduce((product, n) => product * n, 1);
  return perSample === needed
    ? undefined
    : `one sample has ${perSample} values, the model takes ${needed} (${version.inputs[0]?.shape.join(' x ')})`;
}

function labelProblem(header: NpyHeader): string | undefined {
  if (!/^[|<>=]?u1$/.test(header.descr)) return `its type is ${header.descr}, not uint8`;
  return header.shape.length === 1 ? undefined : `its shape is (${header.shape.join(', ')}), not (samples,)`;
}

function ignoreNotFound(error: unknown): undefined {
  if (isFleetError(error) && /^models\.(version-)?not-found$/.test(error.code)) return undefined;
  throw error;
}
