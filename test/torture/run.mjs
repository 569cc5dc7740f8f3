// `npm run torture`: Node 20 runs no TypeScript, so jiti, which loads pipelines too, loads the program.
import { createJiti } from 'jiti';

const { main } = await createJiti(import.meta.url).import('./main.ts');
process.exit(await main(process.argv.slice(2)));
