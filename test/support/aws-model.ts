import { runPython } from './python.ts';

/** A shape of botocore's service models, as far as constraints go. */
export interface ModelShape {
  readonly type: string;
  readonly members?: { readonly [name: string]: { readonly shape: string } };
  readonly required?: readonly string[];
  readonly member?: { readonly shape: string };
  readonly key?: { readonly shape: string };
  readonly value?: { readonly shape: string };
  readonly enum?: readonly string[];
  readonly min?: number;
  readonly max?: number;
  readonly pattern?: string;
}

export interface ServiceModel {
  readonly metadata: { readonly targetPrefix: string };
  readonly operations: { readonly [name: string]: { readonly input?: { readonly shape: string } } };
  readonly shapes: { readonly [name: string]: ModelShape };
}

/** What AWS's own SDK for Python says of a service. */
export async function serviceModel(service: 'kinesis' | 'firehose'): Promise<ServiceModel> {
  const code = `import botocore.session, json; print(json.dumps(botocore.session.get_session().get_service_data('${service}')))`;
  return JSON.parse(await runPython(code)) as ServiceModel;
}

/** One wrong input, and how AWS answers it. Bytes are as CBOR has them; JSON has them in base64. */
export interface WrongInput {
  readonly input: object;
  readonly type: 'SerializationException' | 'ValidationException';
  /** Part of the message. */
  readonly says: string;
}

type Place = (value: unknown) => object;

interface Found {
  readonly path: string;
  readonly place: Place;
}

const DEPTH_MAX = 4;
/** What is longer is tested with real records. */
const LENGTH_MAX = 1_100_000;

const WRONG_TYPES: { readonly [type: string]: readonly unknown[] } = {
  string: [1, true, [], {}],
  integer: ['x', true, [], {}],
  long: ['x', true, [], {}],
  boolean: [1, [], {}],
  timestamp: [[], {}],
  blob: [1, true, [], {}],
  list: ['x', 1, true, {}],
  map: ['x', 1, true, []],
  structure: ['x', 1, true, []],
};

/** Every member of an operation's input, wrong in each way its shape knows. */
export class WrongInputs {
  readonly #model: ServiceModel;
  readonly #ignored: ReadonlySet<string>;

  constructor(model: ServiceModel, ignored: readonly string[]) {
    this.#model = model;
    this.#ignored = new Set(ignored);
  }

  of(operation: string): WrongInput[] {
    const input = this.#model.operations[operation]?.input?.shape;
    if (input === undefined) return [];
    const shape = this.#shape(input);
    return [...this.#members(shape, { path: '', place: (value) => value as object }, 0)];
  }

  #shape(name: string): ModelShape {
    return this.#model.shapes[name] as ModelShape;
  }

  *#members(shape: ModelShape, { path, place }: Found, depth: number): Generator<WrongInput> {
    for (const [name, { shape: of }] of Object.entries(shape.members ?? {})) {
      if (this.#ignored.has(name)) continue;
      const found: Found = {
        path: `${path}${name.charAt(0).toLowerCase()}${name.slice(1)}`,
        place: (value) => place({ [name]: value }),
      };
      if (shape.required?.includes(name))
        yield {
          input: place({}),
          type: 'ValidationException',
          says: `Value null at '${found.path}' failed to satisfy constraint: Member must not be null`,
        };
      yield* this.#value(this.#shape(of), found, depth + 1);
    }
  }

  *#value(shape: ModelShape, found: Found, depth: number): Generator<WrongInput> {
    for (const value of WRONG_TYPES[shape.type] ?? [])
      yield { input: found.place(value), type: 'SerializationException', says: '' };
    for (const [value, constraint] of this.#outOfBounds(shape))
      yield {
        input: found.place(value),
        type: 'ValidationException',
        says: `at '${found.path}' failed to satisfy constraint: ${constraint}`,
      };
    if (depth === DEPTH_MAX) return;
    if (shape.type === 'structure')
      yield* this.#members(shape, { ...found, path: `${found.path}.` }, depth);
    if (shape.type === 'list') {
      const element = {
        path: `${found.path}.1.member`,
        place: (value: unknown) => found.place([value]),
      };
      yield* this.#value(this.#shape(shape.member?.shape as string), element, depth);
    }
  }

  *#outOfBounds(shape: ModelShape): Generator<[unknown, string]> {
    const { type, min, max, pattern } = shape;
    if (shape.enum) {
      yield ['nonsense', 'Member must satisfy ' + 'enum value set: ['];
      return;
    }
    if (type === 'integer' || type === 'long') {
      if (min !== undefined)
        yield [min - 1, `Member must have value greater than or equal to ${min}`];
      if (max !== undefined) yield [max + 1, `Member must have value less than or equal to ${max}`];
      return;
    }
    const sized = (length: number) => this.#sized(shape, length);
    if (min !== undefined && min > 0)
      yield [sized(min - 1), `Member must have length greater than or equal to ${min}`];
    if (max !== undefined && max < LENGTH_MAX)
      yield [sized(max + 1), `Member must have length less than or equal to ${max}`];
    if (pattern !== undefined && !new RegExp(`^(?:${pattern})$`, 's').test('\t!'))
      yield ['\t!', 'Member must satisfy regular expression pattern: '];
  }

  /** A value of some length that is right but for it. */
  #sized(shape: ModelShape, length: number): unknown {
    switch (shape.type) {
      case 'blob':
        return new Uint8Array(length);
      case 'list':
        return Array.from({ length }, () => this.#right(shape.member?.shape as string));
      case 'map':
        return Object.fromEntries(
          Array.from({ length }, (_, index) => [
            `key${index}`,
            this.#right(shape.value?.shape as string),
          ]),
        );
      default:
        return 'a'.repeat(length);
    }
  }

  /** Some value without a fault. */
  #right(name: string): unknown {
    const { type, members = {}, required = [] } = this.#shape(name);
    if (type !== 'structure') return type === 'blob' ? new Uint8Array() : 'a';
    return Object.fromEntries(
      required.map((member) => [member, this.#right(members[member]?.shape as string)]),
    );
  }
}
