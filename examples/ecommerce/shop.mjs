/** A shop that sells: two years of invoice lines, then as many more as are wanted. Nothing here does I/O. */
import {
  CATEGORY_COUNT,
  CATEGORY_SHARES,
  CHRISTMAS,
  COUNTRIES,
  createProducts,
  HOME,
} from './catalogue.mjs';
import { createRandom, shuffled, weighted } from './random.mjs';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
export const HISTORY_MS = 730 * DAY_MS;
/** Numbers of the history: seven digits, behind a C for returns. Live invoices have eleven. */
export const HISTORY_INVOICES = 'C?1[0-9]{6}';
const COUNTRY_NAMES = Object.keys(COUNTRIES);
const LIVE_EPOCH_MS = Date.UTC(2020, 0, 1);

/** Two of three come within the history, as it is by default. */
const CUSTOMERS = 6000;
const CUSTOMERS_AT_START = 0.35;
const GUESTS = 0.2;
const RETURNS = 0.07;
const LINES_MAX = 40;
/** What a customer may still bring back. */
const RECENT_LINES = 24;

const BY_WEEKDAY = [0.6, 0.98, 1.05, 1.05, 1.15, 0.95, 0.35];
const BY_HOUR = [
  0.01, 0.005, 0.005, 0.005, 0.005, 0.01, 0.03, 0.1, 0.35, 0.75, 1.1, 1.2, 1.5, 1.35, 1.15, 1.05,
  0.75, 0.45, 0.25, 0.2, 0.2, 0.14, 0.07, 0.03,
];
const RETAIL = [1, 1, 1, 1, 2, 2, 2, 3, 4, 6];
const WHOLESALE = [4, 6, 6, 8, 10, 12, 12, 12, 16, 24, 24, 48, 72, 144];

export class Shop {
  #random;
  #products;
  #customers;
  #pickCustomer;
  #pickProduct;
  #pickCountry = weighted(Object.values(COUNTRIES));
  /** Share of the customers that have come to the shop so far. */
  #joined = 1;
  #lastLive = 0;

  constructor(seed) {
    const random = createRandom(seed);
    this.#random = random;
    this.#products = productsByCategory(random);
    const popularity = this.#products[0].map((_, rank) => 1 / (rank + 4));
    this.#pickProduct = weighted(popularity);
    this.#customers = Array.from({ length: CUSTOMERS }, (_, number) => this.#customer(number));
    this.#pickCustomer = weighted(this.#customers.map(({ activity }) => activity));
  }

  /** `lines` records in the order of their time. The first is at the very start, 730 days before `endMs`. */
  *history({ lines, endMs }) {
    const startMs = endMs - HISTORY_MS;
    const demand = hourlyDemand(this.#random, startMs);
    const perDemand = lines / demand.reduce((total, hour) => total + hour, 0);
    let number = 1_000_000;
    let sent = 0;
    let wanted = 0;
    for (const [hour, weight] of demand.entries()) {
      wanted += weight * perDemand;
      this.#joined = CUSTOMERS_AT_START + ((1 - CUSTOMERS_AT_START) * hour) / demand.length;
      const isLast = hour === demand.length - 1;
      for (const plan of this.#plans(
        startMs + hour * HOUR_MS,
        isLast ? lines - sent : wanted - sent,
      )) {
        number += 1;
        const ms = sent === 0 ? startMs : plan.ms;
        for (const record of this.#invoice({ ...plan, ms, number })) {
          if (sent === lines) return;
          sent += 1;
          yield record;
        }
      }
    }
    // Returns may have had fewer lines than planned.
    while (sent < lines) {
      number += 1;
      const size = Math.min(LINES_MAX, lines - sent);
      const records = this.#invoice({ ms: endMs - 1000, size, isReturn: false, number });
      sent += records.length;
      yield* records;
    }
  }

  /** The records of an invoice that is written now. */
  liveInvoice(nowMs) {
    this.#joined = 1;
    // A number no other run has given: hundredths of a second, and one more where that is too slow.
    this.#lastLive = Math.max(this.#lastLive + 1, Math.floor((nowMs - LIVE_EPOCH_MS) / 10));
    return this.#invoice({ ...this.#plan(nowMs), number: this.#lastLive });
  }

  /** Invoices of an hour that have `lines` lines together, or a few more. */
  #plans(ms, lines) {
    const plans = [];
    for (let planned = 0; planned < lines; planned += plans.at(-1).size) {
      plans.push(this.#plan(ms + this.#random.integer(0, 3599) * 1000));
    }
    return plans.sort((a, b) => a.ms - b.ms);
  }

  #plan(ms) {
    const random = this.#random;
    if (random.chance(RETURNS)) return { ms, isReturn: true, size: random.integer(1, 3) };
    const size = Math.round(2 ** (3.4 + 1.5 * random.normal()));
    return { ms, isReturn: false, size: Math.min(LINES_MAX, Math.max(1, size)) };
  }

  #invoice({ ms, size, isReturn, number }) {
    const known = Math.max(1, Math.floor(CUSTOMERS * this.#joined));
    const isGuest = !isReturn && this.#random.chance(GUESTS);
    const customer = isGuest
      ? this.#customer()
      : this.#customers[this.#pickCustomer(this.#random, known)];
    const returned = isReturn ? this.#takeBack(customer, size) : [];
    const lines = returned.length > 0 ? returned : this.#basket(customer, size, ms);
    return lines.map(({ code, description, quantity, price }) => ({
      invoice_no: `${returned.length > 0 ? 'C' : ''}${number}`,
      stock_code: code,
      ...(description === undefined ? {} : { description }),
      quantity,
      unit_price: price / 1000,
      invoice_date: timestampText(ms),
      ...(isGuest ? {} : { customer_id: customer.id }),
      country: customer.country,
    }));
  }

  #customer(number) {
    const random = this.#random;
    return {
      id: String(12_001 + number),
      country: COUNTRY_NAMES[this.#pickCountry(random)],
      activity: 2 ** (1.2 * random.normal()),
      favourites: [random.integer(0, CATEGORY_COUNT - 1), random.integer(0, CATEGORY_COUNT - 1)],
      isTrade: random.chance(0.25),
      recent: [],
    };
  }

  #basket(customer, size, ms) {
    const random = this.#random;
    const pickCategory = weighted(categoryWeights(ms));
    const lines = Array.from({ length: size }, () => {
      const category = random.chance(0.4) ? random.pick(customer.favourites) : pickCategory(random);
      return this.#line(customer, this.#products[category][this.#pickProduct(random)]);
    });
    if (customer.country !== HOME && size > 2 && random.chance(0.6)) {
      lines[size - 1] = {
        code: 'POST',
        description: 'Postage',
        quantity: 1,
        price: random.integer(2, 9) * 4000 - 50,
      };
    }
    for (const line of lines) if (line.code !== 'POST') customer.recent.push(line);
    customer.recent.splice(0, customer.recent.length - RECENT_LINES);
    return lines;
  }

  #line(customer, { code, description, price }) {
    const random = this.#random;
    const bulk = price < 300 ? 12 : price < 1000 ? 3 : 1;
    const quantity = customer.isTrade
      ? random.pick(WHOLESALE) * (bulk > 3 ? 10 : 1)
      : random.pick(RETAIL) * bulk;
    return {
      code,
      // Tills do not always know the name.
      description: random.chance(0.002) ? undefined : description,
      quantity: price > 8000 ? Math.ceil(quantity / 12) : quantity,
      price: customer.isTrade && quantity >= 12 ? tradePrice(price) : price,
    };
  }

  /** Lines of a return: things this customer bought before, at the price paid, and none twice. */
  #takeBack(customer, size) {
    const random = this.#random;
    return Array.from({ length: Math.min(size, customer.recent.length) }, () => {
      const [line] = customer.recent.splice(random.integer(0, customer.recent.length - 1), 1);
      return {
        ...line,
        quantity: -(random.chance(0.6) ? line.quantity : random.integer(1, line.quantity)),
      };
    });
  }
}

/** The products of each category, best sellers first. */
function productsByCategory(random) {
  const products = createProducts(random);
  return Array.from({ length: CATEGORY_COUNT }, (_, category) =>
    shuffled(
      products.filter((product) => product.category === category),
      random,
    ),
  );
}

/** 15 % off, to half a penny below a pound and to five pence above. */
function tradePrice(price) {
  const step = price < 1000 ? 5 : 50;
  return Math.max(step, Math.round((price * 0.85) / step) * step);
}

/** How much is sold in each hour of the history, in no unit. */
function hourlyDemand(random, startMs) {
  const days = HISTORY_MS / DAY_MS;
  return Array.from({ length: days }, (_, day) => {
    const luck = 1 + 0.12 * random.normal();
    const growth = 1 + (0.7 * day) / days;
    return Array.from({ length: 24 }, (_, hour) => {
      const date = new Date(startMs + day * DAY_MS + hour * HOUR_MS);
      return (
        Math.max(0.3, luck) *
        growth *
        season(date) *
        BY_WEEKDAY[date.getUTCDay()] *
        BY_HOUR[date.getUTCHours()]
      );
    });
  }).flat();
}

/** The year: a slow summer, a rise from September to early December, and next to nothing over the holidays. */
function season(date) {
  const day = dayOfYear(date);
  if (day >= 358 || day <= 2) return 0.08;
  if (day >= 352) return 0.9;
  return (
    0.85 +
    1.25 * bell((day - 332) / 30) +
    0.25 * bell((day - 270) / 30) -
    0.12 * bell((day - 215) / 25)
  );
}

function categoryWeights(ms) {
  const christmas = 0.08 + 4 * bell((dayOfYear(new Date(ms)) - 332) / 28);
  return Array.from({ length: CATEGORY_COUNT }, (_, category) =>
    category === CHRISTMAS ? christmas : CATEGORY_SHARES[category],
  );
}

/** 1 at 0, falling to both sides. */
const bell = (x) => 1 / (1 + x * x) ** 2;

function dayOfYear(date) {
  return Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / DAY_MS) + 1;
}

export function timestampText(ms) {
  return new Date(ms).toISOString().slice(0, 19);
}
