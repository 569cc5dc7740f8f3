# Writes an ORC file of all types, and prints its rows as millrace reads them.
import base64, datetime, decimal, json, random, sys
import pyarrow as pa
from pyarrow import orc

path, compression, seed = sys.argv[1], sys.argv[2], int(sys.argv[3])
rng = random.Random(seed)
ROWS = 3000
item = pa.struct([('a', pa.int64()), ('b', pa.string())])
schema = pa.schema([
    ('yes', pa.bool_()), ('tiny', pa.int8()), ('small', pa.int16()), ('number', pa.int32()), ('id', pa.int64()),
    ('f', pa.float32()), ('d', pa.float64()), ('text', pa.string()), ('bytes', pa.binary()),
    ('price', pa.decimal128(38, 10)), ('cents', pa.decimal128(9, 2)), ('day', pa.date32()),
    ('at', pa.timestamp('us')), ('instant', pa.timestamp('us', tz='UTC')),
    ('items', pa.list_(item)), ('tags', pa.map_(pa.string(), pa.int64())), ('one', item),
])
EPOCH = datetime.datetime(1970, 1, 1)
DECIMALS = decimal.Context(prec=60)


def time():
    micros = rng.choice([
        rng.randrange(-62135596800 * 10**6, 253402300799 * 10**6),
        rng.randrange(0, 2 * 10**15),
        rng.randrange(-1000, 1000) * 10**6,
    ])
    return EPOCH + datetime.timedelta(microseconds=micros)


def word():
    return ''.join(rng.choice('abcü€😀"\\\n\x01 ') for _ in range(rng.randrange(12)))


def struct():
    return rng.choice([None, {'a': rng.choice([None, rng.getrandbits(63)]), 'b': word()}])


def row(index):
    bits = lambda count: rng.getrandbits(count) - (1 << (count - 1))
    scaled = lambda digits, scale: decimal.Decimal(rng.randrange(-10**digits + 1, 10**digits)).scaleb(-scale, DECIMALS)
    values = [
        rng.random() < 0.5, bits(8), bits(16), bits(32), rng.choice([bits(64), index, index * 1000, 7]),
        rng.randrange(-1000, 1000) / 8, rng.choice([rng.random() * 1e300, -0.5, 1.0, float('nan'), float('inf')]), word(),
        rng.randbytes(rng.randrange(9)), scaled(38, 10), scaled(9, 2), datetime.date.fromordinal(rng.randrange(1, 3652059)),
        time(), time().replace(tzinfo=datetime.timezone.utc), [struct() for _ in range(rng.randrange(4))],
        [(f'{key}{word()}', rng.choice([None, bits(64)])) for key in range(rng.randrange(3))], struct(),
    ]
    return [None if rng.random() < 0.1 else value for value in values]


def time_text(value):
    text = value.replace(tzinfo=None).isoformat()
    return (text.rstrip('0') if '.' in text else text) + ('Z' if value.tzinfo else '')


def ours(value, kind):
    if value is None:
        return None
    if isinstance(value, float) and (value != value or abs(value) == float('inf')):
        return 'NaN' if value != value else 'Infinity'
    if kind == pa.int64():
        return str(value)
    if pa.types.is_decimal(kind):
        return f'{value:.{kind.scale}f}'
    if pa.types.is_timestamp(kind):
        return time_text(value)
    if pa.types.is_date(kind):
        return value.isoformat()
    if pa.types.is_binary(kind):
        return base64.b64encode(value).decode()
    if pa.types.is_map(kind):
        return {key: ours(part, kind.item_type) for key, part in value}
    if pa.types.is_list(kind):
        return [ours(part, kind.value_type) for part in value]
    if pa.types.is_struct(kind):
        return {part.name: ours(value[part.name], part.type) for part in kind}
    return value


rows = [row(index) for index in range(ROWS)]
table = pa.table([pa.array(column, type=field.type) for column, field in zip(zip(*rows), schema)], schema=schema)
orc.write_table(table, path, compression=compression, stripe_size=64 * 1024)
for values in rows:
    print(json.dumps({field.name: ours(value, field.type) for value, field in zip(values, schema)}))
