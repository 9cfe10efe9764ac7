// ESLint's rule tester with the TypeScript parser, for the specs of the rules. Jest's globals drive it.
import { RuleTester } from 'eslint';
import { parser } from 'typescript-eslint';

export const ruleTester = new RuleTester({ languageOptions: { parser } });
