import { scryptSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { LIMITS } from '../../src/core/limits.ts';
import { Passwords, type ScryptCost } from '../../src/govern/passwords.ts';

test('a hash says how it was made, has a salt of its own, and matches its password only', async () => {
  const passwords = new Passwords();
  const [hash, other] = [
    await passwords.hash('correct horse'),
    await passwords.hash('correct horse'),
  ];
  expect(hash).toMatch(/^\$scrypt\$ln=15,r=8,p=3\$[\w-]{22}\$[\w-]{43}$/);
  expect(other).not.toBe(hash);
  expect(hash).not.toContain('horse');
  expect([
    await passwords.matches('correct horse', hash),
    await passwords.matches('correct horse ', hash),
    await passwords.matches('', hash),
    await passwords.matches('correct horse', undefined),
  ]).toEqual([true, false, false, false]);
});

test('it is scrypt as of RFC 7914, with the cost that stands in the hash', async () => {
  const salt = Buffer.from('sixteen bytes ok');
  const key = scryptSync('correct horse', salt, 32, { N: 2 ** 10, r: 4, p: 2 });
  const hash = `$scrypt$ln=10,r=4,p=2$${salt.toString('base64url')}$${key.toString('base64url')}`;
  expect(await new Passwords().matches('correct horse', hash)).toBe(true);
  expect(await new Passwords().matches('correct house', hash)).toBe(false);
});

test('letters that keyboards write in different ways are the same', async () => {
  const passwords = new Passwords();
  const hash = await passwords.hash('caf\u00e9 au lait');
  expect(await passwords.matches('cafe\u0301 au lait', hash)).toBe(true);
});

test('a password that is too short or too long is refused, with what it needs', async () => {
  const passwords = new Passwords();
  await expect(passwords.hash('1234567')).rejects.toMatchObject({
    code: 'MR_REQUEST_INVALID',
    message: expect.stringMatching(/has 7 characters; it needs at least 8/),
  });
  await expect(passwords.hash('😀'.repeat(7)), 'characters, not units').rejects.toThrow(/has 7/);
  const long = 'x'.repeat(LIMITS.passwordBytesMax + 1);
  await expect(passwords.hash(long)).rejects.toThrow(/more than 1024 bytes/);
  await expect(passwords.matches(long, undefined)).rejects.toThrow(/more than 1024 bytes/);
  expect(await passwords.hash('1234567€')).toMatch(/^\$scrypt/);
});

test('a damaged hash is an error that says what to do', async () => {
  await expect(new Passwords().matches('correct horse', '$scrypt$ln=15')).rejects.toMatchObject({
    code: 'MR_STORAGE_DAMAGED',
    message: expect.stringContaining('millrace users change'),
  });
});

test('a user that there is not costs the same one hash as one that there is', async () => {
  const costs: ScryptCost[] = [];
  const passwords = new Passwords(async (_password, _salt, cost) => {
    costs.push(cost);
    return Buffer.alloc(32);
  });
  const hash = await passwords.hash('correct horse');
  costs.length = 0;
  await passwords.matches('correct horse', hash);
  await passwords.matches('correct horse', undefined);
  expect(costs).toEqual([
    { ln: 15, r: 8, p: 3 },
    { ln: 15, r: 8, p: 3 },
  ]);
});

test('one hash is made at a time, and more than a few that wait are refused at once', async () => {
  let running = 0;
  let most = 0;
  const ends: (() => void)[] = [];
  const passwords = new Passwords(async () => {
    running += 1;
    most = Math.max(most, running);
    await new Promise<void>((resolve) => ends.push(resolve));
    running -= 1;
    return Buffer.alloc(32);
  });
  const places = LIMITS.passwordHashesAtOnce + LIMITS.passwordHashesQueuedMax;
  const taken = Array.from({ length: places }, () => passwords.matches('correct horse', undefined));
  await expect(passwords.matches('correct horse', undefined)).rejects.toMatchObject({
    code: 'MR_OVERLOADED',
  });
  for (let ended = 0; ended < places; ended++) {
    await new Promise((resolve) => setImmediate(resolve));
    ends[ended]?.();
  }
  await Promise.all(taken);
  expect(most).toBe(LIMITS.passwordHashesAtOnce);
  expect(LIMITS.passwordHashesAtOnce, 'of the four threads that files need too').toBeLessThan(3);
});

test('the event loop goes on while a hash is made', async () => {
  const order: string[] = [];
  const hashed = new Passwords().hash('correct horse').then(() => order.push('hash'));
  await new Promise((resolve) => setImmediate(resolve));
  order.push('a turn of the loop');
  await hashed;
  expect(order).toEqual(['a turn of the loop', 'hash']);
});
