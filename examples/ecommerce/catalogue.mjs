/** What the shop sells and where to: ten categories, 3,000 products, 32 countries. */
import { shuffled } from './random.mjs';

/** The first two digits of a stock code are its category. Prices are in pounds. */
const CATEGORIES = [
  {
    name: 'Kitchen',
    share: 1.9,
    things: {
      mug: 2.95,
      teapot: 9.95,
      'tea towel': 2.55,
      apron: 4.95,
      'mixing bowl': 6.75,
      'egg cup': 1.25,
      'butter dish': 4.25,
      colander: 5.95,
      'storage jar': 3.75,
      'bread bin': 16.95,
      'oven glove': 3.95,
      'cake stand': 12.75,
      'measuring jug': 3.25,
      'recipe box': 7.95,
      'napkin ring': 0.85,
    },
    words: ['Enamel', 'Farmhouse', 'Gingham', 'Stoneware', 'Baker’s', 'Jam-maker’s'],
  },
  {
    name: 'Lighting',
    share: 1.2,
    things: {
      't-light holder': 1.65,
      lantern: 5.95,
      'table lamp': 24.95,
      'string lights': 8.95,
      'night light': 3.75,
      candlestick: 4.95,
      'pillar candle': 2.95,
      'scented candle': 4.25,
      'hurricane lamp': 7.95,
      'wall sconce': 14.95,
      'paper lampshade': 6.45,
      'candle snuffer': 2.25,
      'votive glass': 0.95,
      'desk lamp': 29.95,
      'pendant shade': 19.95,
    },
    words: ['Brass', 'Moroccan', 'Frosted', 'Zinc', 'Hanging', 'Pierced'],
  },
  {
    name: 'Stationery',
    share: 1.1,
    things: {
      notebook: 1.65,
      'pencil case': 2.45,
      pencil: 0.19,
      'gift tag': 0.42,
      'wrapping paper': 0.42,
      'greeting card': 0.55,
      'address book': 3.95,
      'sticker sheet': 0.65,
      'ribbon roll': 1.25,
      'desk diary': 5.95,
      'paper clip tin': 1.45,
      envelope: 0.125,
      'photo album': 7.95,
      'wall calendar': 4.95,
      'rubber stamp': 1.95,
    },
    words: ['Marbled', 'Botanical', 'Letterpress', 'Kraft', 'Foiled', 'Alphabet'],
  },
  {
    name: 'Bags',
    share: 1.5,
    things: {
      'lunch bag': 1.65,
      'jumbo bag': 2.08,
      'shopping bag': 1.25,
      'wash bag': 3.95,
      backpack: 12.95,
      'picnic bag': 8.95,
      purse: 2.95,
      'shoe bag': 2.25,
      tote: 3.45,
      'laundry bag': 4.95,
      'coin pouch': 1.25,
      satchel: 18.95,
      'gym bag': 9.95,
      'bottle bag': 0.85,
      'shoulder bag': 14.95,
    },
    words: ['Charlotte', 'Oilcloth', 'Canvas', 'Quilted', 'Folding', 'Suki'],
  },
  {
    name: 'Garden',
    share: 0.9,
    things: {
      'plant pot': 2.95,
      'bird feeder': 4.95,
      'watering can': 7.95,
      'garden fork': 8.45,
      'seed tin': 2.25,
      'hanging basket': 6.95,
      'bird house': 5.95,
      'herb planter': 4.25,
      kneeler: 5.45,
      'wind chime': 3.75,
      'plant marker': 0.55,
      trowel: 4.95,
      'garden sign': 1.95,
      bunting: 4.95,
      parasol: 32.95,
    },
    words: ['Terracotta', 'Galvanised', 'Rustic', 'Potting-shed', 'Allotment', 'Trellis'],
  },
  {
    name: 'Toys',
    share: 0.8,
    things: {
      'jigsaw puzzle': 2.95,
      'soft rabbit': 4.25,
      'wooden train': 7.95,
      'skipping rope': 1.65,
      'spinning top': 1.25,
      'playing cards': 1.45,
      'doll’s house': 39.95,
      kaleidoscope: 1.95,
      'building blocks': 9.95,
      puppet: 3.95,
      'toy soldier': 0.39,
      'chalk set': 0.85,
      'money box': 2.55,
      'paint set': 4.95,
      marble: 0.075,
    },
    words: ['Circus', 'Spaceboy', 'Woodland', 'Fairground', 'Pirate', 'Dolly girl'],
  },
  {
    name: 'Home',
    share: 1.3,
    things: {
      cushion: 8.95,
      'door mat': 7.95,
      'wall clock': 14.95,
      'photo frame': 4.95,
      doorstop: 6.75,
      'coat hook': 2.55,
      'storage basket': 9.95,
      'letter rack': 5.95,
      throw: 24.95,
      mirror: 19.95,
      'drawer knob': 1.25,
      'jewellery box': 12.75,
      coaster: 0.65,
      'metal sign': 2.1,
      vase: 6.45,
    },
    words: ['Knitted', 'Driftwood', 'Shabby-chic', 'Antique', 'Filigree', 'Welcome'],
  },
  {
    name: 'Bathroom',
    share: 0.5,
    things: {
      'hand soap': 1.95,
      towel: 6.95,
      'soap dish': 2.95,
      'bath mat': 8.95,
      'hand cream': 3.25,
      'shower cap': 1.65,
      loofah: 2.25,
      'toothbrush mug': 2.95,
      'bath salts': 3.95,
      'nail brush': 1.45,
      'wash cloth': 1.25,
      'laundry hamper': 27.95,
      'tissue box': 3.75,
      'cotton jar': 4.25,
      'bath duck': 0.85,
    },
    words: ['Lavender', 'Seaside', 'Porcelain', 'Waffle', 'Apothecary', 'Marine'],
  },
  {
    name: 'Party',
    share: 0.9,
    things: {
      'paper plate': 0.155,
      'paper cup': 0.145,
      napkin: 0.085,
      'party bunting': 4.95,
      balloon: 0.105,
      'cake case': 0.035,
      candle: 0.29,
      'paper straw': 0.045,
      'party hat': 0.39,
      tablecloth: 5.95,
      garland: 3.45,
      'cake topper': 1.65,
      'party bag': 0.225,
      'confetti box': 1.25,
      'photo booth kit': 6.95,
    },
    words: ['Birthday', 'Jubilee', 'Tea-party', 'Confetti', 'Pom-pom', 'Carnival'],
  },
  {
    name: 'Christmas',
    share: 1,
    things: {
      bauble: 0.85,
      'advent calendar': 6.95,
      'Christmas card': 0.425,
      wreath: 12.95,
      stocking: 4.95,
      'tree topper': 3.25,
      'Christmas cracker': 1.275,
      'snow globe': 5.95,
      'felt reindeer': 2.55,
      'tinsel garland': 1.65,
      'mince pie tin': 4.25,
      'paper star': 0.65,
      'gift bag': 0.79,
      nutcracker: 9.95,
      'window sticker': 0.55,
    },
    words: ['Nordic', 'Gold', 'Silver', 'Frosted', 'Holly', 'Gingerbread'],
  },
];

const WORDS = [
  'Red retrospot',
  'Blue polkadot',
  'Vintage rose',
  'White heart',
  'Pink floral',
  'Green leaf',
  'Ivory',
  'Black baroque',
  'Cherry blossom',
  'Strawberry',
  'Paisley',
  'Toadstool',
  'Owl',
  'Swallow',
  'Regency',
  'Parisienne',
  'Union Jack',
  'Harlequin',
  'Daisy',
  'Skull',
  'French blue',
  'Love bird',
  'Butterfly',
  'Sunflower',
  'Peacock',
  'Nautical',
  'Tartan',
  'Pantry',
];
const WORDS_PER_THING = 20;
const SETS = [2, 3, 4, 6, 12];

/** What prices end in, in thousandths of a pound; cheap things by the piece cost fractions of a penny. */
const ENDINGS = [0, 250, 450, 490, 650, 750, 850, 950, 990];

export const CATEGORY_COUNT = CATEGORIES.length;
export const CATEGORY_SHARES = CATEGORIES.map(({ share }) => share);
export const CHRISTMAS = CATEGORIES.findIndex(({ name }) => name === 'Christmas');

/** Heavy tail: nine of ten customers are at home. */
export const COUNTRIES = {
  'United Kingdom': 880,
  Germany: 26,
  France: 24,
  Ireland: 15,
  Spain: 7,
  Netherlands: 6,
  Belgium: 6,
  Switzerland: 5,
  Portugal: 4.5,
  Australia: 4,
  Norway: 3,
  Italy: 3,
  Sweden: 2.2,
  Finland: 2.2,
  'Channel Islands': 2,
  Denmark: 1.7,
  Austria: 1.5,
  Poland: 1.2,
  Cyprus: 1.2,
  Japan: 1,
  USA: 1,
  Canada: 0.8,
  Israel: 0.7,
  Greece: 0.7,
  Singapore: 0.6,
  Iceland: 0.6,
  'United Arab Emirates': 0.5,
  Malta: 0.4,
  Czechia: 0.4,
  Lithuania: 0.3,
  Brazil: 0.3,
  'South Africa': 0.3,
};
export const HOME = 'United Kingdom';

/** Each product: stock code, description, price in thousandths of a pound, category. */
export function createProducts(random) {
  return CATEGORIES.flatMap(({ things, words }, category) =>
    Object.entries(things).flatMap(([thing, price], number) => {
      const variants = shuffled(
        [...words, ...shuffled(WORDS, random).slice(0, WORDS_PER_THING - words.length)],
        random,
      );
      return variants.map((word, variant) =>
        product(random, { category, thing, price, word, code: number * WORDS_PER_THING + variant }),
      );
    }),
  );
}

function product(random, { category, thing, price, word, code }) {
  const pieces = price < 4 && random.chance(0.12) ? random.pick(SETS) : 1;
  return {
    code: `${20 + category}${String(code).padStart(3, '0')}${pieces > 1 ? 'S' : ''}`,
    description: `${word} ${thing}${pieces > 1 ? `, set of ${pieces}` : ''}`,
    price: pricePoint(price * 1000 * pieces ** 0.9 * (1 + 0.22 * random.normal() * random.next())),
    category,
  };
}

function pricePoint(thousandths) {
  if (thousandths < 500) return Math.max(15, Math.round(thousandths / 5) * 5);
  const pound = Math.floor(thousandths / 1000) * 1000;
  const distance = (price) => Math.abs(price - thousandths);
  return ENDINGS.map((ending) => pound + ending)
    .filter((price) => price > 0)
    .reduce((best, price) => (distance(price) < distance(best) ? price : best));
}
